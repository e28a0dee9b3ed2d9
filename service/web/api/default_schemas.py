"""What the calls of `/defaults` take and answer."""

from typing import Any

import marshmallow as ma

from service.defaults.whatif import MOST_DAYS
from service.domain.defaults import SubjectKind, Whose
from service.domain.jobs import JobState
from service.domain.portals import DeleteCounts
from service.web.api.fields import INSTANT, STORABLE, STRICT

MOST_ENTRIES = 1_000


class DefaultValueSchema(ma.Schema):
    """A default: `delete_counts` of that switch, `marketing` of all others."""

    marketing = ma.fields.Boolean(
        allow_none=True,
        **STRICT,
        metadata={"description": "null takes the one that stands: for external forms and chatflows only"},
    )
    delete_counts = ma.fields.String(metadata={"enum": [each.value for each in DeleteCounts]})


class DefaultRecordSchema(DefaultValueSchema):
    """A default as it stood."""

    version = ma.fields.Integer(metadata={"description": "Of what carries it; switches have none"})


class DefaultSchema(ma.Schema):
    """A default, and whose it is that is in effect."""

    subject = ma.fields.String(required=True, metadata={"description": "As form:<guid> or token:<id>"})
    kind = ma.fields.String(required=True, metadata={"enum": [each.value for each in SubjectKind]})
    name = ma.fields.String(required=True)
    own = ma.fields.Nested(DefaultValueSchema, required=True)
    in_effect = ma.fields.Nested(DefaultValueSchema, required=True)
    whose = ma.fields.String(required=True, metadata={"enum": [each.value for each in Whose]})
    since = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)
    by = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "Who has set it; null: nobody has"}
    )
    version = ma.fields.Integer(required=True, allow_none=True)
    endpoint = ma.fields.Integer(required=True, allow_none=True)
    is_archived = ma.fields.Boolean(required=True)


class SourceDefaultSchema(ma.Schema):
    """What a source does when nobody has chosen anything."""

    source = ma.fields.String(required=True)
    marketing = ma.fields.Boolean(required=True)
    changeable = ma.fields.String(required=True, metadata={"description": "Where; 'no' is fixed"})
    contacts = ma.fields.String(required=True, metadata={"enum": ["all", "new"]})
    fixed = ma.fields.Boolean(required=True)


class DefaultSwitchesSchema(ma.Schema):
    """The portal's switches."""

    external_forms = ma.fields.Boolean(
        **STRICT,
        metadata={"description": "Of forms that are not HubSpot's and have no default of their own"},
    )
    delete_counts = ma.fields.String(
        validate=ma.validate.OneOf([each.value for each in DeleteCounts]),
        metadata={"description": "How long a deleted contact counts"},
    )

    @ma.validates_schema
    def check(self, wanted: dict[str, Any], **_: Any) -> None:
        """Refuse what changes nothing."""
        if not wanted:
            raise ma.ValidationError("Missing data for required field.", "external_forms")


class DefaultsOverviewSchema(DefaultSwitchesSchema):
    """All defaults of a portal."""

    defaults = ma.fields.List(ma.fields.Nested(DefaultSchema), required=True)
    sources = ma.fields.List(ma.fields.Nested(SourceDefaultSchema), required=True)


class DefaultEntrySchema(ma.Schema):
    """One change of a default."""

    id = ma.fields.Integer(required=True)
    at = ma.fields.String(required=True, metadata=INSTANT)
    actor = ma.fields.String(required=True)
    subject = ma.fields.String(required=True)
    before = ma.fields.Nested(
        DefaultRecordSchema,
        required=True,
        allow_none=True,
        metadata={"description": "null: it came into being"},
    )
    after = ma.fields.Nested(DefaultRecordSchema, required=True)


class DefaultEntryQuerySchema(ma.Schema):
    """Which changes are asked for."""

    before = ma.fields.Integer(validate=STORABLE, metadata={"description": "Only older ones"})
    limit = ma.fields.Integer(load_default=100, validate=ma.validate.Range(1, MOST_ENTRIES))


class DefaultRollBackSchema(ma.Schema):
    """How far back."""

    entry = ma.fields.Integer(
        strict=True,
        validate=STORABLE,
        metadata={"description": "What stood before this entry is set again; the latest if left out"},
    )


class DefaultsFileQuerySchema(ma.Schema):
    """What to do with a file."""

    diff = ma.fields.Boolean(load_default=False, metadata={"description": "Say what differs; set nothing"})
    of_portal = ma.fields.Integer(
        validate=STORABLE,
        metadata={"description": "The file may be of this portal, too"},
    )


class DefaultDifferenceSchema(ma.Schema):
    """A default that the file has otherwise."""

    subject = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    before = ma.fields.Nested(DefaultValueSchema, required=True)
    after = ma.fields.Nested(DefaultValueSchema, required=True)


class DefaultsFileAnswerSchema(ma.Schema):
    """What a file changes, or has changed."""

    changed = ma.fields.Boolean(required=True, metadata={"description": "Whether it was set"})
    differences = ma.fields.List(ma.fields.Nested(DefaultDifferenceSchema), required=True)


class WhatIfWantedSchema(ma.Schema):
    """Which defaults, and over which submissions."""

    changes = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Boolean(allow_none=True, **STRICT),
        required=True,
        metadata={"description": "Subject to marketing; null takes the one that stands"},
    )
    days = ma.fields.Integer(load_default=30, strict=True, validate=ma.validate.Range(1, MOST_DAYS))


class WhatIfCountsSchema(ma.Schema):
    """How many count at an instant."""

    count = ma.fields.Integer(required=True)
    with_change = ma.fields.Integer(required=True)
    more = ma.fields.Integer(required=True)
    fewer = ma.fields.Integer(required=True)
    net = ma.fields.Integer(required=True)


class WhatIfTierSchema(ma.Schema):
    """What becomes of the tier."""

    now = ma.fields.Integer(required=True)
    with_change = ma.fields.Integer(required=True)
    moves = ma.fields.Boolean(required=True)


class WhatIfFormSchema(ma.Schema):
    """How many of the differences come of one form, or of another reason."""

    subject = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    more = ma.fields.Integer(required=True)
    fewer = ma.fields.Integer(required=True)


class WhatIfExampleSchema(ma.Schema):
    """A contact that would stand otherwise."""

    contact = ma.fields.Integer(required=True)
    counts = ma.fields.Boolean(required=True)
    would_count = ma.fields.Boolean(required=True)


class WhatIfResultSchema(ma.Schema):
    """What would count."""

    portal = ma.fields.Integer(required=True)
    changes = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.Boolean(allow_none=True), required=True
    )
    days = ma.fields.Integer(required=True)
    since = ma.fields.String(required=True, data_key="from", attribute="from", metadata=INSTANT)
    to = ma.fields.String(required=True, metadata=INSTANT)
    submissions = ma.fields.Integer(required=True)
    now = ma.fields.Nested(WhatIfCountsSchema, required=True)
    update_date = ma.fields.String(required=True, metadata=INSTANT)
    at_update_date = ma.fields.Nested(WhatIfCountsSchema, required=True)
    tier = ma.fields.Nested(WhatIfTierSchema, required=True)
    notices = ma.fields.List(ma.fields.Integer(), required=True, metadata={"description": "In per cent"})
    by_form = ma.fields.List(ma.fields.Nested(WhatIfFormSchema), required=True)
    examples = ma.fields.List(ma.fields.Nested(WhatIfExampleSchema), required=True)
    unexplained = ma.fields.Integer(
        required=True,
        metadata={"description": "Submissions that were decided otherwise than the rules say; 0 is usual"},
    )


class WhatIfAnswerSchema(ma.Schema):
    """What would count, or the job that finds out."""

    job = ma.fields.Integer(required=True, allow_none=True, metadata={"description": "null: at once"})
    state = ma.fields.String(required=True, metadata={"enum": [each.value for each in JobState]})
    done = ma.fields.Integer(required=True, metadata={"description": "Submissions looked at"})
    error = ma.fields.String(required=True)
    result = ma.fields.Nested(WhatIfResultSchema, required=True, allow_none=True)
