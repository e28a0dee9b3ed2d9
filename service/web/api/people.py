"""`/users`, `/tokens` and `/roles` of a portal: who may do what."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service.domain.people import Role
from service.domain.portals import Scope
from service.people import NewToken, NewUser, People
from service.web.api.access import NUMBER, PORTAL, guard, maker
from service.web.api.effects import changes, sets_status
from service.web.api.fields import INSTANT, STORABLE, STRICT
from service.web.documents.people import describe_roles, describe_token, describe_user
from service.web.services import services

USERS, TOKENS = "/users", "/tokens"
ONE_USER, ONE_TOKEN = f"{USERS}/<{NUMBER}:user_id>", f"{TOKENS}/<{NUMBER}:token_id>"
ROLE_NAMES = [each.value for each in Role]
SCOPES = [each.value for each in Scope]

blueprint = Blueprint("people", __name__, url_prefix=PORTAL, description="Users and access tokens")
guard(blueprint, Scope.USERS)


class UserSchema(ma.Schema):
    """A person who works with the portal."""

    id = ma.fields.Integer(required=True)
    email = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    role = ma.fields.String(required=True, metadata={"enum": ROLE_NAMES})
    marketing_access = ma.fields.Boolean(
        required=True, metadata={"description": "May set statuses and defaults, where the role lets them"}
    )
    created_at = ma.fields.String(required=True, metadata=INSTANT)
    updated_at = ma.fields.String(required=True, metadata=INSTANT)
    deactivated_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)


class NewUserSchema(ma.Schema):
    """A user to make."""

    email = ma.fields.String(required=True, metadata={"description": "Of one user of the portal only"})
    name = ma.fields.String(metadata={"description": "The e-mail address if it is left out"})
    role = ma.fields.String(required=True, validate=ma.validate.OneOf(ROLE_NAMES))
    marketing_access = ma.fields.Boolean(load_default=True, **STRICT)


class UserChangesSchema(ma.Schema):
    """What to change; what is left out stays."""

    name = ma.fields.String()
    role = ma.fields.String(validate=ma.validate.OneOf(ROLE_NAMES))
    marketing_access = ma.fields.Boolean(
        **STRICT,
        metadata={"description": "Gives or takes it; nobody gives it to themselves"},
    )


class TokenSchema(ma.Schema):
    """An access token, without its secret."""

    id = ma.fields.Integer(required=True)
    name = ma.fields.String(required=True)
    user = ma.fields.Integer(
        required=True, allow_none=True, metadata={"description": "Who acts by it; null for an integration"}
    )
    scopes = ma.fields.List(
        ma.fields.String(metadata={"enum": SCOPES}),
        required=True,
        metadata={"description": "What it may read; a user's token no more than the user's role today"},
    )
    read_only = ma.fields.List(
        ma.fields.String(metadata={"enum": SCOPES}),
        required=True,
        metadata={"description": "Of these, where it may change nothing"},
    )
    marketing_access = ma.fields.Boolean(
        required=True, metadata={"description": "An integration's own; a user's token has its user's"}
    )
    marketing_default = ma.fields.Boolean(
        required=True, metadata={"description": "Of contacts that an integration creates"}
    )
    default_version = ma.fields.Integer(required=True, metadata={"description": "How often it was changed"})
    created_at = ma.fields.String(required=True, metadata=INSTANT)
    revoked_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)


class MadeTokenSchema(TokenSchema):
    """An access token that was made now."""

    secret = ma.fields.String(required=True, metadata={"description": "Shown in this answer and never again"})


class NewTokenSchema(ma.Schema):
    """An access token to make."""

    name = ma.fields.String(load_default="token")
    user_id = ma.fields.Integer(
        strict=True,
        data_key="user",
        validate=STORABLE,
        metadata={"description": "Who is to act by it; an integration's if it is left out"},
    )
    scopes = ma.fields.List(
        ma.fields.String(validate=ma.validate.OneOf(SCOPES)),
        validate=ma.validate.Length(min=1),
        metadata={"description": "All that the user's role has, or your own token, if they are left out"},
    )
    marketing_access = ma.fields.Boolean(
        **STRICT,
        metadata={"description": "Of an integration; your own if it is left out"},
    )
    marketing_default = ma.fields.Boolean(
        load_default=False,
        **STRICT,
        metadata={"description": "Of contacts that the integration creates"},
    )


class TokenChangesSchema(ma.Schema):
    """What to change; what is left out stays."""

    name = ma.fields.String()
    marketing_access = ma.fields.Boolean(**STRICT, metadata={"description": "Of an integration"})


class TokenDefaultSchema(ma.Schema):
    """The default marketing status of contacts that an integration creates from now on."""

    marketing_default = ma.fields.Boolean(required=True, **STRICT)


class RoleSchema(ma.Schema):
    """What a role may do."""

    role = ma.fields.String(required=True, metadata={"enum": ROLE_NAMES})
    about = ma.fields.String(required=True)
    writes = ma.fields.List(ma.fields.String(metadata={"enum": SCOPES}), required=True)
    reads = ma.fields.List(ma.fields.String(metadata={"enum": SCOPES}), required=True)


@blueprint.route("/roles")
class RolesView(MethodView):
    """The roles."""

    @blueprint.response(200, RoleSchema(many=True))
    def get(self, portal_id: int) -> list[dict[str, Any]]:  # noqa: ARG002 - the same for every portal
        """Return all roles with what they may change, and what they may only read."""
        return describe_roles()


@blueprint.route(USERS)
class UsersView(MethodView):
    """A portal's users."""

    @blueprint.response(200, UserSchema(many=True))
    def get(self, portal_id: int) -> list[dict[str, Any]]:
        """Return all users, deactivated ones too."""
        return [describe_user(each) for each in all_people().users(portal_id)]

    @changes
    @blueprint.arguments(NewUserSchema, error_status_code=400)
    @blueprint.response(201, UserSchema)
    def post(self, wanted: dict[str, Any], portal_id: int) -> dict[str, Any]:
        """Make a user; the role may do no more than your own token."""
        wanted["role"] = Role(wanted["role"])
        return describe_user(all_people().create_user(maker(), portal_id, NewUser(**wanted)))


@blueprint.route(ONE_USER)
class UserView(MethodView):
    """One user."""

    @blueprint.response(200, UserSchema)
    def get(self, portal_id: int, user_id: int) -> dict[str, Any]:
        """Return a user."""
        return describe_user(all_people().user(portal_id, user_id))

    @changes
    @blueprint.arguments(UserChangesSchema, error_status_code=400)
    @blueprint.response(200, UserSchema)
    def patch(self, wanted: dict[str, Any], portal_id: int, user_id: int) -> dict[str, Any]:
        """Change a user's name or role, give or take the marketing contacts access."""
        if "role" in wanted:
            wanted["role"] = Role(wanted["role"])
        return describe_user(all_people().change_user(maker(), portal_id, user_id, **wanted))


@blueprint.route(f"{ONE_USER}/deactivate")
class DeactivationView(MethodView):
    """The end of a user."""

    @changes
    @blueprint.response(200, UserSchema)
    def post(self, portal_id: int, user_id: int) -> dict[str, Any]:
        """Have a user do nothing any more; all tokens of the user are revoked at once."""
        return describe_user(all_people().deactivate(maker(), portal_id, user_id))


@blueprint.route(f"{ONE_USER}/activate")
class ActivationView(MethodView):
    """The return of a user."""

    @changes
    @blueprint.response(200, UserSchema)
    def post(self, portal_id: int, user_id: int) -> dict[str, Any]:
        """Take a deactivated user back; the user needs a new token."""
        return describe_user(all_people().activate(maker(), portal_id, user_id))


@blueprint.route(TOKENS)
class TokensView(MethodView):
    """A portal's access tokens."""

    @blueprint.response(200, TokenSchema(many=True))
    def get(self, portal_id: int) -> list[dict[str, Any]]:
        """Return all tokens, revoked ones too, without their secrets."""
        return [describe_token(each) for each in all_people().tokens(portal_id)]

    @sets_status("marketing_default")
    @blueprint.arguments(NewTokenSchema, error_status_code=400)
    @blueprint.response(201, MadeTokenSchema)
    def post(self, wanted: dict[str, Any], portal_id: int) -> dict[str, Any]:
        """Make a token that may do no more than your own; its secret is in this answer and in no other."""
        made, secret = all_people().create_token(maker(), portal_id, NewToken(**wanted))
        return {**describe_token(made), "secret": secret}


@blueprint.route(ONE_TOKEN)
class TokenView(MethodView):
    """One access token."""

    @blueprint.response(200, TokenSchema)
    def get(self, portal_id: int, token_id: int) -> dict[str, Any]:
        """Return a token, without its secret."""
        return describe_token(all_people().token(portal_id, token_id))

    @changes
    @blueprint.arguments(TokenChangesSchema, error_status_code=400)
    @blueprint.response(200, TokenSchema)
    def patch(self, wanted: dict[str, Any], portal_id: int, token_id: int) -> dict[str, Any]:
        """Rename a token, give or take an integration's marketing contacts access."""
        return describe_token(all_people().change_token(maker(), portal_id, token_id, **wanted))

    @changes
    @blueprint.response(204)
    def delete(self, portal_id: int, token_id: int) -> None:
        """Make a token useless from the next request on; it stays in the list."""
        all_people().revoke_token(maker(), portal_id, token_id)


@blueprint.route(f"{ONE_TOKEN}/default")
class TokenDefaultView(MethodView):
    """The default marketing status of an integration."""

    @sets_status()
    @blueprint.arguments(TokenDefaultSchema, error_status_code=400)
    @blueprint.response(200, TokenSchema)
    def patch(self, wanted: dict[str, bool], portal_id: int, token_id: int) -> dict[str, Any]:
        """Set the default of contacts that an integration creates from now on; those there are stay."""
        people = all_people()
        people.set_token_default(maker(), portal_id, token_id, on=wanted["marketing_default"])
        return describe_token(people.token(portal_id, token_id))


def all_people() -> People:
    """Return what the views of users and tokens call."""
    current = services()
    return People(current.database, current.now)
