"""What the answers say about marketing: wanted, not wanted, or nothing. Accepted terms say nothing about it.

A box counts only when words about marketing stand in its key, its label or its options. Ticked is yes; present and
unticked is no; absent is unknown.
"""

from dataclasses import dataclass
from typing import Any

from service.providers.answers import Answer
from service.providers.values import FALSE_LIKE, TRUE_LIKE, text_of
from service.providers.vocabulary import Stance, is_bare_answer, meaning_of, says_yes

_LEAST_WORDS = 2
"""Of an option that speaks for itself: 'Product news', 'Send me the newsletter', but not 'Newsletter'."""


@dataclass(frozen=True, slots=True)
class Consent:
    wanted: bool
    text: str = ""
    """What was agreed to or refused."""


def find_consent(answers: list[Answer], boxes: frozenset[str]) -> Consent | None:
    """Return what the answers say; of several boxes one that is ticked counts. `boxes` are types of fields."""
    refused: Consent | None = None
    for answer in answers:
        found = _judge(answer, is_box=answer.type in boxes)
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


def _judge(answer: Answer, *, is_box: bool) -> Consent | None:
    stance = _stance(answer)
    if stance is None:
        return _judge_options(answer)
    if stance is Stance.TERMS:
        return None
    ticked = judge_value(answer.value, is_box=is_box or bool(answer.options), options=answer.options)
    if ticked is None or (not answer.text.strip() and not is_box and _asks_for_a_text(answer)):
        return None
    if stance is Stance.REFUSAL:
        return Consent(wanted=False, text=answer.label or answer.key) if ticked else None
    return Consent(wanted=ticked, text=evidence(answer, wanted=ticked))


def _stance(answer: Answer) -> Stance | None:
    """A refusal anywhere counts first, then marketing: a key `newsletter` makes up for a label about privacy."""
    stances = {meaning_of(answer.key).stance, meaning_of(answer.label).stance}
    return next(
        (stance for stance in (Stance.REFUSAL, Stance.MARKETING, Stance.TERMS) if stance in stances), None
    )


def _asks_for_a_text(answer: Answer) -> bool:
    """Whether an empty answer is an address or a name that was not given: 'E-mail for our newsletter'."""
    return bool(meaning_of(answer.key).roles | meaning_of(answer.label).roles)


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
