"""LinkedIn Lead Sync: learn.microsoft.com/linkedin."""

from typing import Any

from tests.vendors.server import Asked, Reply, Vendor


def _question(number: int, name: str, text: str, predefined: str | None = None) -> dict[str, Any]:
    question = {"questionId": number, "name": name, "question": {"localized": {"en_US": text}}}
    return question | ({"predefinedField": predefined} if predefined else {})


def _text(number: int, answer: str) -> dict[str, Any]:
    return {"questionId": number, "answerDetails": {"textQuestionAnswer": {"answer": answer}}}


_SIZE = _question(40, "size", "How large is your company?") | {
    "questionDetails": {
        "multipleChoiceQuestionDetails": {
            "options": [
                {"id": 1, "text": {"localized": {"en_US": "Small"}}},
                {"id": 2, "text": {"localized": {"en_US": "Large"}}},
            ]
        }
    }
}


class LinkedIn(Vendor):
    prefix = "/rest"

    def __init__(self, mood: str = "") -> None:
        super().__init__(mood)
        self.is_test = False
        self.accepted = True

    def answer(self, asked: Asked) -> Reply:
        versions = (asked.headers.get("linkedin-version"), asked.headers.get("x-restli-protocol-version"))
        if versions != ("202607", "2.0.0"):
            return Reply({"status": 426, "code": "NONEXISTENT_VERSION"}, 426)
        if asked.path != "/leadFormResponses/abc-1":
            return Reply({"status": 404, "message": "no lead"}, 404)
        form = {"form": self._form()} if "form:(" in asked.query["fields"][0] else {}
        return Reply(self._lead() | form)

    def _lead(self) -> dict[str, Any]:
        choice = {"questionId": 40, "answerDetails": {"multipleChoiceAnswer": {"options": [2]}}}
        return {
            "id": "abc-1",
            "leadType": "SPONSORED",
            "testLead": self.is_test,
            "submittedAt": 1772445642000,
            "formResponse": {
                "answers": [_text(10, "Ada"), _text(20, "Lovelace"), _text(30, "ada@example.com"), choice],
                "consentResponses": [{"consentId": 7, "accepted": self.accepted}],
            },
        }

    def _form(self) -> dict[str, Any]:
        consent = {"id": 7, "checkRequired": False, "consent": {"localized": {"en_US": "Send me your news"}}}
        questions = [
            _question(10, "First name", "First name", "FIRST_NAME"),
            _question(20, "Last name", "Last name", "LAST_NAME"),
            _question(30, "Work", "Where do we reach you?", "WORK_EMAIL"),
            _SIZE,
        ]
        return {
            "id": 9,
            "name": "Demo request",
            "creationLocale": {"country": "US", "language": "en"},
            "content": {"questions": questions, "legalInfo": {"consents": [consent]}},
        }
