"""Freshchat: developers.freshchat.com."""

from tests.vendors.server import Asked, Reply, Vendor

USER = {
    "id": "u1",
    "created_time": "2026-03-02T09:58:00.000Z",
    "email": "ada@example.com",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "phone": "+442079460018",
    "properties": [{"name": "plan", "value": "pro"}, {"name": "newsletter", "value": "no"}],
}


class Freshchat(Vendor):
    prefix = "/v2"

    def answer(self, asked: Asked) -> Reply:
        return Reply(USER) if asked.path == "/users/u1" else Reply({"success": False, "errorCode": 0}, 404)
