"""HubSpot: developers.hubspot.com, conversations and contacts."""

from collections.abc import Mapping
from typing import Any

from tests.vendors.server import Asked, Reply, Vendor

_THREAD = "/conversations/v3/conversations/threads/5550001"
_NOT_FOUND = Reply({"status": "error", "message": "not found", "category": "OBJECT_NOT_FOUND"}, 404)


class HubSpot(Vendor):
    """One thread with one message, and the contact 77; what these say can be changed."""

    def __init__(self, mood: str = "") -> None:
        super().__init__(mood)
        self.message: dict[str, Any] = {"id": "m1", "type": "MESSAGE", "direction": "INCOMING", "text": "Hi"}
        self.thread: dict[str, Any] = {"id": "5550001", "associatedContactId": "77", "spam": False}
        self.properties: dict[str, str | None] = {
            "email": "Ada@example.com",
            "firstname": "Ada",
            "lastname": "Lovelace",
            "phone": "+442079460018",
            "company": "Analytical Engines",
            "hs_object_id": "77",
        }

    def answer(self, asked: Asked) -> Reply:
        places: Mapping[str, Reply] = {
            _THREAD: Reply(self.thread),
            f"{_THREAD}/messages/m1": Reply(self.message),
            "/crm/v3/objects/contacts/77": self._contact(asked.query.get("properties", [])),
        }
        return places.get(asked.path, _NOT_FOUND)

    def _contact(self, wanted: list[str]) -> Reply:
        properties = {name: self.properties[name] for name in [*wanted, "hs_object_id"]}
        return Reply({"id": "77", "properties": properties, "archived": False})
