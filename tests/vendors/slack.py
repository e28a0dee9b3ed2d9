"""Slack's Web API: docs.slack.dev. Errors come with status 200, except that of too many requests."""

from typing import Any

from tests.vendors.server import Asked, Reply, Vendor


class Slack(Vendor):
    prefix = "/api"

    def __init__(self, mood: str = "") -> None:
        super().__init__(mood)
        self.error = ""
        self.user: dict[str, Any] = {
            "id": "U1",
            "team_id": "T9",
            "name": "ada",
            "real_name": "Ada Lovelace",
            "is_bot": False,
            "is_restricted": False,
            "profile": {"email": "ada@example.com", "real_name": "Ada Lovelace", "phone": ""},
        }

    def not_allowed(self) -> Reply:
        return Reply({"ok": False, "error": "invalid_auth"})

    def answer(self, asked: Asked) -> Reply:
        if self.error or asked.path != "/users.info":
            return Reply({"ok": False, "error": self.error or "unknown_method"})
        if asked.query.get("user") != ["U1"]:
            return Reply({"ok": False, "error": "user_not_found"})
        return Reply({"ok": True, "user": self.user})
