"""LinkedIn Lead Gen Forms: the answers of one lead, with the form's questions and consents beside them.

Both come in one answer, by projection; the answers name questions and options by number only.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from service.providers.lookups.asking import Plugin, Question, identity, objects, part
from service.providers.lookups.calling import Caller
from service.providers.values import text_of

_VERSION = "202607"
"""LinkedIn serves a version for at least a year."""
_PROJECTION = "id,leadType,testLead,submittedAt,formResponse,form:(id,name,creationLocale,content)"


def _ask(question: Question, caller: Caller) -> Mapping[str, Any]:
    """The event's id is `urn:li:leadGenFormResponse:<id>/<action>`."""
    urn = (question.event.event_id or "").partition("/")[0]
    lead = caller.get(
        f"/leadFormResponses/{identity(urn.rpartition(':')[2])}?fields={_PROJECTION}",
        LinkedIn_Version=_VERSION,
        X_Restli_Protocol_Version="2.0.0",
    )
    form = lead.get("form")
    content = form.get("content") if isinstance(form, dict) else None
    answered = part(lead, "formResponse")
    return {**lead, "answers": [*_answers(answered, content), *_consents(answered, content)]}


def _answers(answered: Mapping[str, Any], content: Any) -> Iterator[dict[str, Any]]:
    questions = {text_of(question.get("questionId")): question for question in objects(content, "questions")}
    for answer in objects(answered, "answers"):
        number = text_of(answer.get("questionId"))
        question = questions.get(number, {})
        field = question.get("predefinedField")
        yield {
            "key": field or question.get("name") or f"question_{number}",
            "label": _text(question.get("question")),
            "type": field,
            "value": _value(answer.get("answerDetails")),
            "options": _options(question),
        }


def _value(details: Any) -> Any:
    if not isinstance(details, dict):
        return None
    text, choice = details.get("textQuestionAnswer"), details.get("multipleChoiceAnswer")
    if isinstance(text, dict):
        return text.get("answer")
    return choice.get("options") if isinstance(choice, dict) else None


def _options(question: Mapping[str, Any]) -> list[dict[str, Any]]:
    offered = objects(question, "questionDetails", "multipleChoiceQuestionDetails", "options")
    return [{"id": option.get("id"), "text": _text(option.get("text"))} for option in offered]


def _consents(answered: Mapping[str, Any], content: Any) -> Iterator[dict[str, Any]]:
    texts = {
        text_of(consent.get("id")): _text(consent.get("consent"))
        for consent in objects(content, "legalInfo", "consents")
    }
    for box in objects(answered, "consentResponses"):
        number = text_of(box.get("consentId"))
        yield {
            "key": f"consent_{number}",
            "label": texts.get(number),
            "type": "consent",
            "value": box.get("accepted"),
        }


def _text(text: Any) -> Any:
    """Return a plain text as it is, and of one in several languages the first: a form has one."""
    localized = text.get("localized") if isinstance(text, dict) else None
    return next(iter(localized.values()), None) if isinstance(localized, dict) else text


LINKEDIN_LEAD = Plugin(
    name="linkedin_lead",
    title="LinkedIn Lead Gen Forms",
    needs=(
        "A member's access token with the permission `r_marketing_leadgen_automation`, "
        "of a member who has a role in the ad account or page that owns the form."
    ),
    home="https://api.linkedin.com/rest",
    ask=_ask,
)
