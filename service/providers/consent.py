"""What the answers say about marketing: wanted, not wanted, or nothing. Accepted terms say nothing about it.

A box counts only when words about marketing stand in its key, its label or its options. Ticked is yes; present and
unticked is no; absent is unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.providers.answers import Answer
from service.providers.description import Role
from service.providers.meanings import NO_ROLES, FieldMeaning, meaning_of_field
from service.providers.values import FALSE_LIKE, TRUE_LIKE, text_of
from service.providers.vocabulary import Stance, is_bare_answer, meaning_of, says_yes

_LEAST_WORDS = 2
"""Of an option that speaks for itself: 'Product news', 'Send me the newsletter', but not 'Newsletter'."""


@dataclass(frozen=True, slots=True)
class Consent:
    wanted: bool
    text: str = ""
    """What was agreed to or refused."""


def find_consent(answers: list[Answer], types: Mapping[str, frozenset[Role]]) -> Consent | None:
    """Return what the answers say; of several boxes one that is ticked counts. `types` has roles by type of field."""
    refused: Consent | None = None
    for answer in answers:
        meaning = meaning_of_field(answer.key, answer.label, types.get(answer.type, NO_ROLES))
        found = _judge_options(answer) if meaning.stance is None else _judge(answer, meaning)
        if found is not None and found.wanted:
            return found
        refused = refused or found
    return refused


def judge_value(value: Any, *, is_box: bool, options: frozenset[str] = frozenset()) -> bool | None:
    """Return whether a value says yes; None when it says neither.

    A sentence counts as a tick only where it is known to be the sentence beside a box.
    """
    if isinstance(value, list):
        texts = [(text_of(item) or "").strip() for item in value]
        return not all(_says(text) is False for text in texts)
    text = text_of(value)
    if text is None:
        return None
    text = text.strip()
    said = _says(text)
    if said is None and text and (is_box or text in options):
        return True
    return said


def evidence(answer: Answer, *, wanted: bool) -> str:
    """Return what was agreed to: the sentence that was chosen, else the label, else the key."""
    chosen = answer.text.strip()
    plain = chosen.lower() in TRUE_LIKE or is_bare_answer(chosen)
    if wanted and chosen and not plain and not isinstance(answer.value, bool):
        return chosen
    return answer.label or answer.key


def _says(text: str) -> bool | None:
    """An empty text is an unticked box."""
    folded = text.lower()
    if not folded or folded in FALSE_LIKE:
        return False
    return True if folded in TRUE_LIKE else says_yes(text)


def _judge(answer: Answer, meaning: FieldMeaning) -> Consent | None:
    if meaning.stance is Stance.TERMS:
        return None
    is_box = meaning.is_box
    ticked = judge_value(answer.value, is_box=is_box or bool(answer.options), options=answer.options)
    if ticked is None or (meaning.asks_for_a_text and not is_box and not answer.text.strip()):
        return None
    if meaning.stance is Stance.REFUSAL:
        return Consent(wanted=False, text=answer.label or answer.key) if ticked else None
    return Consent(wanted=ticked, text=evidence(answer, wanted=ticked))


def _judge_options(answer: Answer) -> Consent | None:
    """Judge boxes under a label that says nothing, by the texts beside them.

    Of one choice among several nothing is concluded: 'How did you hear of us? By your newsletter'.
    """
    if not isinstance(answer.value, list):
        return None
    ticked = [text for item in answer.value if _is_marketing_sentence(text := text_of(item) or "")]
    if ticked:
        return Consent(wanted=True, text=";".join(ticked))
    offered = sorted(filter(_is_marketing_sentence, answer.options))
    return Consent(wanted=False, text=";".join(offered)) if offered else None


def _is_marketing_sentence(text: str) -> bool:
    meaning = meaning_of(text)
    return meaning.stance is Stance.MARKETING and meaning.length >= _LEAST_WORDS
