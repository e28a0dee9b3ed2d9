"""Which source a reason belongs to: by it the count is told by source.

A stint keeps what began it as reason type and id, named as HubSpot names them. Each reason belongs to exactly one
source, so the numbers of the sources sum to the count.
"""

import uuid
from collections.abc import Mapping

from service.domain.model import ReasonType, Source

SOURCES: Mapping[ReasonType, Source] = {
    ReasonType.CONTACT_IMPORT: Source.IMPORT,
    ReasonType.CONVERSATION: Source.CHATFLOW,
    ReasonType.FORM_SUBMISSION: Source.EXTERNAL_FORM,
    ReasonType.INTEGRATOR_SET: Source.TOKEN,
    ReasonType.USER_SET: Source.BY_HAND,
    ReasonType.WORKFLOW: Source.WORKFLOW,
}
"""The rest is `other`; a form submission whose id is a GUID was made with a HubSpot form."""


def source_of(reason_type: str, reason_id: str) -> Source:
    """Return the source that a reason belongs to."""
    try:
        source = SOURCES.get(ReasonType(reason_type), Source.OTHER)
    except ValueError:
        return Source.OTHER
    return Source.HUBSPOT_FORM if source is Source.EXTERNAL_FORM and is_guid(reason_id) else source


def is_guid(text: str) -> bool:
    """Whether a text is a UUID, in any spelling: so are the ids of HubSpot forms, and of nothing else."""
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
