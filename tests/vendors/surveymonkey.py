"""SurveyMonkey: api.surveymonkey.com/v3/docs."""

from typing import Any

from tests.vendors.server import Asked, Reply, Vendor

_ROWS = [
    {"id": "11", "type": "name", "text": "Name"},
    {"id": "12", "type": "company", "text": "Company"},
    {"id": "13", "type": "email", "text": "Email Address"},
]
_CHOICES = [{"id": "21", "text": "Send me the newsletter"}, {"id": "22", "text": "Call me"}]
_SURVEY: dict[str, Any] = {
    "id": "300",
    "title": "How did we do?",
    "pages": [
        {
            "questions": [
                {
                    "id": "1",
                    "family": "demographic",
                    "headings": [{"heading": "Who are you?"}],
                    "answers": {"rows": _ROWS},
                },
                {
                    "id": "2",
                    "family": "multiple_choice",
                    "headings": [{"heading": "What next?"}],
                    "answers": {"choices": _CHOICES, "other": {"id": "29", "text": "Other"}},
                },
            ]
        },
        {"questions": [{"id": "3", "family": "open_ended", "headings": [{"heading": "Anything else?"}]}]},
    ],
}


class SurveyMonkey(Vendor):
    prefix = "/v3"

    def __init__(self, mood: str = "") -> None:
        super().__init__(mood)
        self.collection_mode = "default"

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "/surveys/300/details":
            return Reply(_SURVEY)
        if asked.path == "/surveys/300/responses/118/details":
            return Reply(self._response())
        return Reply({"error": {"id": "1020", "name": "Resource Not Found"}}, 404)

    def _response(self) -> dict[str, Any]:
        who = [
            {"row_id": "11", "text": "Ada Lovelace"},
            {"row_id": "12", "text": "Analytical Engines"},
            {"row_id": "13", "text": "ada@example.com"},
        ]
        next_steps = [{"choice_id": "21"}, {"other_id": "29", "text": "Write to me"}]
        first_page = [{"id": "1", "answers": who}, {"id": "2", "answers": next_steps}]
        last_page = [{"id": "3", "answers": [{"text": "Splendid"}]}]
        return {
            "id": "118",
            "collection_mode": self.collection_mode,
            "response_status": "completed",
            "custom_variables": {"source": "mail"},
            "email_address": "",
            "pages": [{"id": "7", "questions": first_page}, {"id": "8", "questions": last_page}],
        }
