"""Intercom: developers.intercom.com, its OpenAPI description."""

from typing import Any

from tests.vendors.server import Asked, Reply, Vendor


class Intercom(Vendor):
    def __init__(self, mood: str = "") -> None:
        super().__init__(mood)
        self.contact: dict[str, Any] = {
            "type": "contact",
            "id": "65ic2",
            "role": "lead",
            "email": "ada@example.com",
            "phone": None,
            "name": "Ada Lovelace",
            "unsubscribed_from_emails": False,
            "custom_attributes": {"plan": "pro"},
        }

    def answer(self, asked: Asked) -> Reply:
        if "intercom-version" not in asked.headers:
            return Reply({"type": "error.list"}, 400)
        if asked.path == "/contacts/65ic2":
            return Reply(self.contact)
        return Reply({"type": "error.list", "errors": [{"code": "not_found"}]}, 404)
