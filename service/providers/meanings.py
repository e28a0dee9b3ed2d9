"""What a field's type, key and label say together; remembered, for a form's fields are always the same."""

from dataclasses import dataclass
from functools import lru_cache

from service.providers.description import Role
from service.providers.vocabulary import PERSON_ROLES, Stance, meaning_of

BY_GROUP, BY_TYPE, BY_KEY, BY_LABEL = range(4)
"""How good the reason for a role is; the lowest is the best."""
NO_ROLES: frozenset[Role] = frozenset()
OF_PERSONS = frozenset(PERSON_ROLES)
_STRONGEST = (Stance.REFUSAL, Stance.MARKETING, Stance.TERMS)
_MOST_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class FieldMeaning:
    """What is known of a field before its value is looked at."""

    roles: tuple[tuple[int, Role], ...]
    """How good the reason is, and the role; the best first."""
    stance: Stance | None
    """A refusal anywhere counts first, then marketing: a key `newsletter` makes up for a label about privacy."""
    is_box: bool
    asks_for_a_text: bool
    """An empty answer is an address or a name that was not given: 'E-mail for our newsletter'."""
    of_others: bool


@lru_cache(maxsize=_MOST_REMEMBERED)
def meaning_of_field(key: str, label: str, by_type: frozenset[Role]) -> FieldMeaning:
    """Return what a field is about; `by_type` are the roles that fields of its type have."""
    by_key, by_label = meaning_of(key), meaning_of(label)
    reasons = ((BY_TYPE, by_type & OF_PERSONS), (BY_KEY, by_key.roles), (BY_LABEL, by_label.roles))
    stances = {by_key.stance, by_label.stance}
    return FieldMeaning(
        roles=tuple((rank, role) for rank, roles in reasons for role in sorted(roles)),
        stance=next((stance for stance in _STRONGEST if stance in stances), None),
        is_box=Role.CONSENT in by_type,
        asks_for_a_text=bool(by_key.roles | by_label.roles),
        of_others=by_key.of_others or by_label.of_others,
    )
