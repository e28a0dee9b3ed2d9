"""What makes two events the same when their sender gives no id: reception hashes it."""

import orjson

from service.providers.description import Description
from service.providers.events import Event


def stable_content(description: Description, event: Event) -> bytes:
    """Return all that an event says, less its time and what its description calls volatile.

    Two sends of one submission have the same content, whatever the order of their fields.
    """
    fields = event.fields
    volatile = description.identity.volatile
    if not volatile.isdisjoint(fields):
        fields = {key: text for key, text in fields.items() if key not in volatile}
    content = {
        "kind": event.kind,
        "form_id": event.form_id,
        "session": event.session,
        "kept": event.kept,
        "fields": fields,
        "email": event.email,
        "first_name": event.first_name,
        "last_name": event.last_name,
        "phone": event.phone,
        "company": event.company,
        "consent": event.consent,
        "consent_text": event.consent_text,
    }
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
