"""What people and programs tell of a contact: its properties, checked."""

from collections.abc import Mapping

from service.errors import InvalidInput

MOST_PROPERTIES = 1_000
LONGEST_NAME = 200
LONGEST_VALUE = 65_536
READ_ONLY = frozenset(
    {
        *("hs_marketable_status", "hs_marketable_until_renewal", "hs_marketable_reason_type"),
        *("hs_marketable_reason_id", "hs_object_id", "createdate", "lastmodifieddate"),
        *("hs_email_domain", "active_at", "unsubscribed_at", "bounced_at"),
    }
)
"""Told by us, not to us, as in HubSpot."""


def check_properties(properties: Mapping[str, str]) -> None:
    """Raise InvalidInput for properties that can't be kept or are not to be set; an empty value clears one."""
    if len(properties) > MOST_PROPERTIES:
        raise InvalidInput(
            f"{len(properties)} properties",
            field="properties",
            mend=f"send at most {MOST_PROPERTIES} at a time",
        )
    for name, value in properties.items():
        field = f"properties.{name[:LONGEST_NAME]}"
        if name in READ_ONLY:
            raise InvalidInput(
                f"{name} is read-only", field=field, mend="leave it out; 'marketing' sets the status"
            )
        if name == "email":
            raise InvalidInput("the address is no property here", field=field, mend="send it as 'email'")
        if not 0 < len(name) <= LONGEST_NAME or "\x00" in name:
            raise InvalidInput(
                "a property has an odd name", field=field, mend=f"use 1 to {LONGEST_NAME} characters"
            )
        if len(value) > LONGEST_VALUE or "\x00" in value:
            raise InvalidInput(
                f"the value of {name} can't be kept",
                field=field,
                mend=f"use at most {LONGEST_VALUE} characters, none of them NUL",
            )
