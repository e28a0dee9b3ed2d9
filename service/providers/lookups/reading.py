"""Reads a vendor's answer into the event that asked, by a description as providers have one: `readings/<plugin>`."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from service.delivery import EPOCH, Delivery
from service.errors import Unreadable
from service.providers.description import Description
from service.providers.events import Event
from service.providers.loading import load_description
from service.providers.lookups.refusals import LookUpRefused, RefusedReason
from service.providers.reader import read_document

READINGS = Path(__file__).parent / "readings"
_NO_DELIVERY = Delivery(method="GET", url="", received_at=EPOCH)
"""Readings look into the answer only."""


def fill_in(event: Event, plugin: str, document: Mapping[str, Any]) -> Event:
    """Return the event with what the answer tells; what it doesn't tell stays as it was. Raises LookUpRefused."""
    try:
        (found,) = read_document(_reading(plugin), _NO_DELIVERY, document)
    except Unreadable:
        raise LookUpRefused(
            RefusedReason.UNREADABLE_ANSWER, "the vendor's answer is not as its API documents it"
        ) from None
    known = found.consent is not None
    return replace(
        event,
        form_name=event.form_name or found.form_name,
        fields={**event.fields, **found.fields},
        labels={**event.labels, **found.labels},
        types={**event.types, **found.types},
        email=found.email or event.email,
        first_name=found.first_name or event.first_name,
        last_name=found.last_name or event.last_name,
        phone=found.phone or event.phone,
        company=found.company or event.company,
        consent=found.consent if known else event.consent,
        consent_text=found.consent_text if known else event.consent_text,
        kept=found.kept,
        fetch=None,
    )


@cache
def _reading(plugin: str) -> Description:
    return load_description(READINGS / plugin)
