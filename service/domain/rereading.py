"""What it changes that a submission reads differently now: for whom it speaks, and what it says of them.

- Another address gives the submission to whoever has it, or to a new contact, and the form's default speaks as for
  any submission: it raises, never lowers (rule 6). The contact from before keeps what it has.
- No address any more takes nothing away from anybody.
- Blank properties are filled. Others change only where they still hold what the earlier reading gave them, and the
  newest submission that names a property decides on it.
- A default that has spoken for a contact doesn't speak again because a name or a refusal is read now: who was lowered
  since stays lowered. It does speak when what was read as a no is none any more.
"""

import enum
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass


class Change(enum.StrEnum):
    """What reading a submission again does."""

    NOTHING = "nothing"
    KEPT_ONLY = "kept_only"
    """It raises nobody, and stays so."""
    UNREADABLE = "unreadable"
    """It was kept in a shape that is not known any more."""
    ADDRESS_LOST = "address_lost"
    """It has no address any more; its contact stays as it is."""
    CONTACT_GAINED = "contact_gained"
    OTHER_CONTACT = "other_contact"
    CONSENT_REFUSED = "consent_refused"
    """It says no to marketing now."""
    REFUSAL_DROPPED = "refusal_dropped"
    """It says no to marketing no more."""
    PROPERTIES_CHANGED = "properties_changed"


UNTOUCHED = frozenset({Change.NOTHING, Change.KEPT_ONLY, Change.UNREADABLE, Change.ADDRESS_LOST})
"""Nothing is recorded."""
SPOKEN = frozenset({Change.CONSENT_REFUSED, Change.PROPERTIES_CHANGED})
"""The default had its say when the submission came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one reading of a submission tells of its person."""

    email: str | None
    properties: Mapping[str, str]
    is_refused: bool


def choose_properties(
    before: Said,
    after: Said,
    present: Mapping[str, object],
    settled: AbstractSet[str],
    *,
    is_same_contact: bool,
) -> dict[str, str]:
    """Return the properties to set; `settled` are those that a newer submission has spoken for."""
    return {
        name: value
        for name, value in after.properties.items()
        if name not in settled
        and value != present.get(name)
        and (not present.get(name) or (is_same_contact and present[name] == before.properties.get(name)))
    }


def judge(
    before: Said,
    after: Said,
    properties: Mapping[str, str],
    *,
    contact_before: int | None,
    is_same_contact: bool,
) -> Change:
    """Return what is new about a submission that has a contact; `properties` are those to set."""
    if not is_same_contact:
        return Change.CONTACT_GAINED if contact_before is None else Change.OTHER_CONTACT
    if after.is_refused != before.is_refused:
        return Change.CONSENT_REFUSED if after.is_refused else Change.REFUSAL_DROPPED
    return Change.PROPERTIES_CHANGED if properties else Change.NOTHING
