"""SurveyMonkey: the answers of one response, and the survey's questions, which the answers name by number only."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from service.providers.lookups.asking import Plugin, Question, identity, objects
from service.providers.lookups.calling import Caller
from service.providers.values import text_of


def _ask(question: Question, caller: Caller) -> Mapping[str, Any]:
    event = question.event
    survey = identity(event.form_id)
    number = identity(event.fields.get("response_id") or event.session)
    response = caller.get(f"/surveys/{survey}/responses/{number}/details")
    details = caller.get(f"/surveys/{survey}/details")
    asked = {text_of(item.get("id")): item for item in _questions(details)}
    answers = [
        answer
        for item in _questions(response)
        for answer in _answers(item, asked.get(text_of(item.get("id")), {}))
    ]
    return {**response, "title": details.get("title"), "answers": answers}


def _questions(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [question for page in objects(document, "pages") for question in objects(page, "questions")]


def _answers(given: Mapping[str, Any], question: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield one answer, or one for each row: `E-mail address` is a row of a question about contact details."""
    own, offered = text_of(given.get("id")), question.get("answers")
    rows = {text_of(row.get("id")): row for row in objects(offered, "rows")}
    by_row: dict[str | None, list[dict[str, Any]]] = defaultdict(list)
    for answer in objects(given, "answers"):
        by_row[text_of(answer.get("row_id"))].append(answer)
    for number, answers in by_row.items():
        row = rows.get(number, {})
        yield {
            "key": f"{own}.{number}" if number else own,
            "label": row.get("text") or _heading(question),
            "type": row.get("type") or question.get("family"),
            "value": _value(answers),
            "options": objects(offered, "choices"),
        }


def _value(answers: list[dict[str, Any]]) -> Any:
    """Return chosen options by their ids, and what was written instead of one as it is."""
    values = [answer.get("text") or answer.get("choice_id") for answer in answers]
    chosen = any("choice_id" in answer for answer in answers)
    return values if chosen or len(values) > 1 else values[0]


def _heading(question: Mapping[str, Any]) -> Any:
    return next((heading.get("heading") for heading in objects(question, "headings")), None)


SURVEYMONKEY_RESPONSE = Plugin(
    name="surveymonkey_response",
    title="SurveyMonkey",
    needs=(
        "The access token of the app with the scopes *View surveys*, *View responses* and *View response details* "
        "(`surveys_read`, `responses_read`, `responses_read_detail`)."
    ),
    home="https://api.surveymonkey.com/v3",
    ask=_ask,
)
