import pytest

from service.domain.model import ReasonType, Source
from service.domain.reasons import source_of
from tests.facts import FORM


@pytest.mark.parametrize(
    ("reason_type", "reason_id", "source"),
    [
        (ReasonType.FORM_SUBMISSION, FORM, Source.HUBSPOT_FORM),
        (ReasonType.FORM_SUBMISSION, "12", Source.EXTERNAL_FORM),
        (ReasonType.CONVERSATION, "12", Source.CHATFLOW),
        (ReasonType.CONTACT_IMPORT, "3", Source.IMPORT),
        (ReasonType.USER_SET, "7", Source.BY_HAND),
        (ReasonType.USER_SET, "command", Source.BY_HAND),
        (ReasonType.INTEGRATOR_SET, "2", Source.TOKEN),
        (ReasonType.WORKFLOW, "5", Source.WORKFLOW),
        (ReasonType.EMAIL, "", Source.OTHER),
        (ReasonType.AD, "x", Source.OTHER),
        ("A_NEW_WORD", "x", Source.OTHER),
    ],
)
def test_a_reason_belongs_to_its_source(reason_type: str, reason_id: str, source: Source) -> None:
    assert source_of(reason_type, reason_id) is source


@pytest.mark.parametrize("reason_type", ReasonType)
@pytest.mark.parametrize("reason_id", ["", "12", FORM])
def test_every_reason_belongs_to_one(reason_type: ReasonType, reason_id: str) -> None:
    assert source_of(reason_type, reason_id) in Source
