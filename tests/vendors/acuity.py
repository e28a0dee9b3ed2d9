"""Acuity Scheduling: developers.acuityscheduling.com."""

import base64

from tests.vendors.server import TOKEN, Asked, Reply, Vendor

APPOINTMENT = {
    "id": 54321,
    "firstName": "Ada",
    "lastName": "Lovelace",
    "phone": "+44 20 7946 0018",
    "email": "Ada@Example.com",
    "datetime": "2026-03-05T10:15:00-0700",
    "type": "First visit",
    "appointmentTypeID": 1001,
    "canceled": False,
    "notes": "",
    "forms": [
        {
            "id": 1,
            "name": "Intake",
            "values": [
                {"id": 21, "fieldID": 1, "name": "What is your goal?", "value": "Sums"},
                {"id": 22, "fieldID": 2, "name": "Send me the newsletter", "value": "yes"},
            ],
        }
    ],
}


class Acuity(Vendor):
    prefix = "/api/v1"

    def is_allowed(self, asked: Asked) -> bool:
        return asked.headers.get("authorization") == f"Basic {base64.b64encode(TOKEN.encode()).decode()}"

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "/appointments/54321":
            return Reply(APPOINTMENT)
        return Reply({"status_code": 404, "message": "not found", "error": "not_found"}, 404)
