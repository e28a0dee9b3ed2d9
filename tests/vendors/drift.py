"""Drift: devdocs.drift.com."""

from tests.vendors.server import Asked, Reply, Vendor

CONTACT = {
    "data": {
        "id": 88,
        "createdAt": 1772445642000,
        "attributes": {
            "_END_USER_VERSION": 3,
            "socialProfiles": {},
            "name": "Ada Lovelace",
            "email": "ada@example.com",
            "phone": "+44 20 7946 0018",
            "events": {},
            "tags": [],
        },
    }
}


class Drift(Vendor):
    def answer(self, asked: Asked) -> Reply:
        if asked.path == "/contacts/88":
            return Reply(CONTACT)
        return Reply({"error": {"type": "not_found", "message": "no contact"}}, 404)
