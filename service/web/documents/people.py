"""Users, access tokens and roles."""

from dataclasses import asdict
from typing import Any

from service.domain.people import ROLES, User
from service.domain.portals import AccessToken
from service.instants import iso


def describe_roles() -> list[dict[str, Any]]:
    """Return a document for each role."""
    return [
        {
            "role": role.value,
            "about": powers.about,
            "writes": sorted(powers.writes),
            "reads": sorted(powers.reads),
        }
        for role, powers in ROLES.items()
    ]


def describe_user(user: User) -> dict[str, Any]:
    """Return a user's document."""
    document = asdict(user)
    del document["portal_id"]
    return document | {
        "role": user.role.value,
        "created_at": user.created_at.isoformat(),
        "updated_at": user.updated_at.isoformat(),
        "deactivated_at": iso(user.deactivated_at),
    }


def describe_token(token: AccessToken) -> dict[str, Any]:
    """Return a token's document, without its secret, which nobody knows."""
    return {
        "id": token.id,
        "name": token.name,
        "user": token.user_id,
        "scopes": sorted(token.scopes),
        "read_only": sorted(token.read_only),
        "marketing_access": token.marketing_access,
        "marketing_default": token.marketing_default,
        "default_version": token.default_version,
        "created_at": token.created_at.isoformat(),
        "revoked_at": iso(token.revoked_at),
    }
