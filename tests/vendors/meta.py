"""Meta's Graph API: developers.facebook.com. Errors have their code in the body, mostly under status 400."""

from tests.vendors.server import Asked, Reply, Vendor

LEAD = {
    "id": "4444",
    "form_id": "3333",
    "created_time": "2026-03-02T10:00:42+0000",
    "field_data": [
        {"name": "email", "values": ["ada@example.com"]},
        {"name": "full_name", "values": ["Ada Lovelace"]},
        {"name": "phone_number", "values": ["+442079460018"]},
        {"name": "company_name", "values": ["Analytical Engines"]},
        {"name": "which_product?", "values": ["Engine", "Cards"]},
    ],
    "custom_disclaimer_responses": [{"checkbox_key": "newsletter", "is_checked": "1"}],
}


def error(code: int, subcode: int | None = None, status: int = 400) -> Reply:
    told = {"message": "(#…) it failed", "type": "OAuthException", "code": code, "fbtrace_id": "A1"}
    return Reply({"error": told | ({} if subcode is None else {"error_subcode": subcode})}, status)


class Meta(Vendor):
    prefix = "/v26.0"

    def __init__(self, mood: str = "") -> None:
        super().__init__(mood)
        self.error: Reply | None = None

    def not_allowed(self) -> Reply:
        return error(190, 463)

    def answer(self, asked: Asked) -> Reply:
        if self.error is not None:
            return self.error
        if asked.path != "/4444":
            return error(100, 33)
        wanted = asked.query["fields"][0].split(",")
        return Reply({name: value for name, value in LEAD.items() if name in wanted})
