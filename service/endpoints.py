"""What people do with endpoints: make, change, rotate, pause, delete; the same for the API and the command."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from service.domain.actors import COMMAND, Actor
from service.domain.defaults import Subject, SubjectKind
from service.domain.endpoints import (
    LONGEST_THANKS,
    Captcha,
    Endpoint,
    EndpointOptions,
    EndpointState,
    ExternalForm,
    ExternalKind,
    asks_anew,
    audited,
    check_name,
    dump_options,
    read_options,
)
from service.domain.reading import is_storable
from service.errors import InvalidInput, NotFound
from service.providers.catalogue import Catalogue
from service.providers.description import Description
from service.providers.limits import LONGEST_KEY
from service.reception import KINDS
from service.signatures import check_secret, new_secret
from service.store import audit, defaults, endpoints, external_forms, look_ups, portals
from service.store.audit import Entry
from service.store.endpoints import Activity
from service.store.external_forms import NOT_CHOSEN
from service.store.session import Database
from service.vault import Vault

TOKEN_PREFIX = "ep_"  # noqa: S105 - by which secret scanners know it
MOST_SECRETS = 2
LONGEST_SECRET = 10_000
HOOK_PATH = "/hooks/{provider}/{token}"
COLLECT_PATH = "/collect/{token}"
COLLECTED = "captured_form"
ONE_MORE = "make another endpoint"
SUBJECTS = {ExternalKind.FORM: SubjectKind.EXTERNAL_FORM, ExternalKind.CHATFLOW: SubjectKind.CHATFLOW}
"""What the default of an external form or chatflow belongs to."""
ROLES = ("email", "first_name", "last_name", "name", "phone", "company", "consent", "consent_text")
"""What a mapping can name a field for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a new endpoint is to have.

    `make_secret` is for providers that let the user choose it. Without any secret, an endpoint whose provider signs
    refuses its deliveries, and keeps them to be replayed.
    """

    name: str = ""
    """The provider's title if empty."""
    secret: str = field(default="", repr=False)
    make_secret: bool = False
    access_token: str = field(default="", repr=False)
    captcha_secret: str = field(default="", repr=False)
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shown:
    """An endpoint as people see it."""

    endpoint: Endpoint
    description: Description | None
    """None when the provider has gone from the catalogue."""
    activity: Activity | None


class Endpoints:
    """The endpoints of all portals."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        catalogue: Catalogue,
        now: Callable[[], datetime],
        actor: Actor = COMMAND,
    ) -> None:
        """`actor` is who does it, for the audit."""
        self._actor = actor
        self._database = database
        self._vault = vault
        self._catalogue = catalogue
        self._now = now

    def create(self, portal_id: int, provider: str, wanted: Wanted | None = None) -> Endpoint:
        """Make an endpoint; raises NotFound and InvalidInput."""
        wanted = wanted or Wanted()
        description, now = self._describe(provider), self._now()
        stored = _secrets(description, wanted.secret, make=wanted.make_secret)
        made = Endpoint(
            id=0,
            portal_id=portal_id,
            provider=provider,
            name=_name(wanted.name or description.title),
            state=EndpointState.ACTIVE,
            tokens=(new_token(),),
            secrets=stored,
            secret_set_at=now if stored else None,
            access_token=_short(wanted.access_token, "access_token"),
            captcha_secret=_short(wanted.captcha_secret, "captcha_secret"),
            options=_options(wanted.options),
            created_at=now,
        )
        _check(made, description)
        with self._database.writing() as connection:
            portals.get_portal(connection, portal_id)
            made = replace(made, id=endpoints.add(connection, self._vault, made))
            self._note(connection, portal_id, f"endpoint:{made.id}", "created", after=audited(made))
        return made

    def every(self, portal_id: int) -> list[Shown]:
        """Return a portal's endpoints; raises NotFound for a portal that does not exist."""
        with self._database.reading() as connection:
            portals.get_portal(connection, portal_id)
            found = endpoints.list_all(connection, self._vault, portal_id)
            seen = endpoints.activities(connection, [each.id for each in found])
        return [Shown(each, self._catalogue.get(each.provider), seen.get(each.id)) for each in found]

    def show(self, portal_id: int, endpoint_id: int) -> Shown:
        """Return one endpoint; raises NotFound."""
        with self._database.reading() as connection:
            found = endpoints.find(connection, self._vault, portal_id, endpoint_id)
            if found is None:
                raise NotFound("endpoint", endpoint_id)
            seen = endpoints.activities(connection, [found.id])
        return Shown(found, self._catalogue.get(found.provider), seen.get(found.id))

    def set(
        self,
        portal_id: int,
        endpoint_id: int,
        *,
        name: str | None = None,
        state: EndpointState | None = None,
        access_token: str | None = None,
        captcha_secret: str | None = None,
        options: Mapping[str, object] | None = None,
    ) -> Endpoint:
        """Change what is given; options that are not named stay as they are. Raises NotFound, InvalidInput."""

        def change(found: Endpoint) -> Endpoint:
            changes: dict[str, Any] = {
                "options": _options({**dump_options(found.options), **(options or {})})
            }
            changes |= {} if name is None else {"name": _name(name)}
            changes |= {} if state is None else {"state": state}
            for key, secret in (("access_token", access_token), ("captcha_secret", captcha_secret)):
                changes |= {} if secret is None else {key: _short(secret, key)}
            return replace(found, **changes)

        return self._change(portal_id, endpoint_id, change, "changed")

    def rotate_secret(self, portal_id: int, endpoint_id: int, secret: str = "") -> Endpoint:
        """Put a secret, a new one if none is given, before the one there is; both prove until `finish_rotation`."""

        def change(found: Endpoint) -> Endpoint:
            added = _secrets(self._describe(found.provider), secret, make=not secret)
            kept = tuple(each for each in found.secrets if each not in added)
            return replace(found, secrets=(*added, *kept)[:MOST_SECRETS], secret_set_at=self._now())

        return self._change(portal_id, endpoint_id, change, "secret_rotated")

    def rotate_address(self, portal_id: int, endpoint_id: int) -> Endpoint:
        """Give the endpoint a new address; the one before leads here too until `finish_rotation`."""
        return self._change(
            portal_id,
            endpoint_id,
            lambda found: replace(found, tokens=(new_token(), found.token)),
            "address_rotated",
        )

    def finish_rotation(self, portal_id: int, endpoint_id: int) -> Endpoint:
        """Give up the secret and the address from before a rotation."""
        return self._change(
            portal_id,
            endpoint_id,
            lambda found: replace(found, tokens=found.tokens[:1], secrets=found.secrets[:1]),
            "rotation_finished",
        )

    def delete(self, portal_id: int, endpoint_id: int) -> None:
        """Give the endpoint up for good: its address answers 404, its secrets are gone; submissions stay."""
        with self._database.writing() as connection:
            found = endpoints.find(connection, self._vault, portal_id, endpoint_id, for_update=True)
            if found is None:
                raise NotFound("endpoint", endpoint_id)
            endpoints.delete(connection, self._vault, endpoint_id, self._now())
            self._note(connection, portal_id, f"endpoint:{found.id}", "deleted", before=audited(found))

    def forms(
        self, portal_id: int, *, endpoint_id: int | None = None, only_new: bool = False
    ) -> list[ExternalForm]:
        """Return the forms and chatflows that were seen, the newest first."""
        with self._database.reading() as connection:
            portals.get_portal(connection, portal_id)
            return external_forms.list_all(connection, portal_id, endpoint_id=endpoint_id, only_new=only_new)

    def form(self, portal_id: int, form_id: int) -> ExternalForm:
        """Return one of them; raises NotFound."""
        with self._database.reading() as connection:
            return _own_form(external_forms.find(connection, form_id), portal_id, form_id)

    def tell_of_form(self, portal_id: int, endpoint_id: int, key: str) -> ExternalForm:
        """Return the form or chatflow of this key before it was ever seen, so that it can be set up."""
        if len(key) > LONGEST_KEY or not is_storable(key):
            raise InvalidInput("the form's id is too long", field="key", mend="copy it from the provider")
        shown = self.show(portal_id, endpoint_id)
        kind = KINDS[self._describe(shown.endpoint.provider).events.default_kind]
        with self._database.writing() as connection:
            found = external_forms.tell(connection, endpoint_id, portal_id, kind, key)
        if found is None:
            raise InvalidInput(
                f"the endpoint has {external_forms.MOST_FORMS} forms already", field="key", mend=ONE_MORE
            )
        return found

    def choose(
        self,
        portal_id: int,
        form_id: int,
        *,
        marketing_default: bool | None = NOT_CHOSEN,
        mapping: Mapping[str, str] = NOT_CHOSEN,
        name: str = NOT_CHOSEN,
    ) -> ExternalForm:
        """Keep what a person chose for a form or chatflow; what is not given stays. It is no longer new.

        A default of None goes back to the portal's (a chatflow's is off). Raises NotFound, InvalidInput; for a
        default, NoMarketingAccess and NotIncluded.
        """
        if mapping is not NOT_CHOSEN:
            check_mapping(mapping)
        chosen: dict[str, Any] = {"marketing_default": marketing_default, "mapping": mapping}
        chosen["name"] = name if name is NOT_CHOSEN else _name(name)
        with self._database.writing() as connection:
            found = _own_form(external_forms.find(connection, form_id), portal_id, form_id)
            subject = Subject(SUBJECTS[found.kind], str(form_id))
            with defaults.noted(connection, portal_id, self._actor, subject, self._now()):
                external_forms.choose(connection, form_id, **chosen)
            after = _own_form(external_forms.find(connection, form_id), portal_id, form_id)
            if (after.name, after.mapping) != (found.name, found.mapping):
                told = {"name": after.name, "mapping": dict(after.mapping)}
                self._note(connection, portal_id, subject, "changed", after=told)
            return after

    def count_submissions(self, forms: Sequence[ExternalForm]) -> Mapping[int, int]:
        """Return how many submissions came in by each form or chatflow, counting no more than 10,000."""
        with self._database.reading() as connection:
            return external_forms.count_submissions(connection, [form.id for form in forms])

    def external_default(self, portal_id: int) -> bool:
        """Return the portal's default for forms that are not HubSpot's; raises NotFound."""
        with self._database.reading() as connection:
            found = portals.get_portal(connection, portal_id)
        return found.external_forms

    def _change(
        self, portal_id: int, endpoint_id: int, change: Callable[[Endpoint], Endpoint], action: str
    ) -> Endpoint:
        with self._database.writing() as connection:
            found = endpoints.find(connection, self._vault, portal_id, endpoint_id, for_update=True)
            if found is None:
                raise NotFound("endpoint", endpoint_id)
            changed = replace(change(found), version=found.version + 1)
            _check(changed, self._describe(changed.provider))
            endpoints.save(connection, self._vault, changed, self._now())
            documents = {"before": audited(found), "after": audited(changed)}
            self._note(connection, portal_id, f"endpoint:{found.id}", action, **documents)
            if asks_anew(found, changed):
                look_ups.retry(connection, portal_id, endpoint_id, self._now())
        return changed

    def _note(self, connection: Any, portal_id: int, subject: object, action: str, **documents: Any) -> None:
        entry = Entry(str(self._actor), action, str(subject), **documents)
        audit.note(connection, portal_id, entry, self._now())

    def _describe(self, provider: str) -> Description:
        description = self._catalogue.get(provider)
        if description is None:
            raise NotFound("provider", ascii(provider[:60]))
        return description


def new_token() -> str:
    """Return the unguessable end of an address: 256 random bits."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def hook_path(endpoint: Endpoint, token: str = "") -> str:
    """Return the path that the provider posts to; `token` is one of the endpoint's, the newest if left out."""
    template = COLLECT_PATH if endpoint.provider == COLLECTED else HOOK_PATH
    return template.format(provider=endpoint.provider, token=token or endpoint.token)


def check_mapping(mapping: Mapping[str, str]) -> None:
    """Raise InvalidInput unless a mapping is role to field."""
    for role, key in mapping.items():
        if role not in ROLES:
            raise InvalidInput(
                f"{role[:60]!r} is no role", field="mapping", mend=f"name one of {', '.join(ROLES)}"
            )
        if len(key) > LONGEST_KEY or not is_storable(key):
            raise InvalidInput(
                f"the field for {role} is too long", field="mapping", mend="copy the field's key"
            )


def _secrets(description: Description, secret: str, *, make: bool) -> tuple[str, ...]:
    """Return the secret that was given, or a new one; raises InvalidInput for one that could prove nothing."""
    scheme, secret = description.signature, secret.strip()
    if not secret and not make:
        return ()
    if not scheme.ways:
        raise InvalidInput(
            f"{description.title} does not sign its deliveries",
            field="secret",
            mend="leave it out: the address itself is the secret, and it can be rotated",
        )
    if not secret:
        made = new_secret(scheme)
        if made.signing != made.verifying:
            raise InvalidInput(
                f"{description.title} signs with a key of its own", field="secret", mend="give its public key"
            )
        secret = made.verifying
    check_secret(scheme, _short(secret, "secret"))
    return (secret,)


def _short(secret: str, field_name: str) -> str:
    """Return a secret without what stands around it; raises InvalidInput for one that no tool would show."""
    secret = secret.strip()
    if len(secret) > LONGEST_SECRET or not is_storable(secret):
        raise InvalidInput(
            "the secret is too long or holds what no text holds", field=field_name, mend="copy it again"
        )
    return secret


def _name(name: str) -> str:
    if not is_storable(name):
        raise InvalidInput("the name holds what no text holds", field="name", mend="write it again")
    return check_name(name)


def _options(document: Mapping[str, object]) -> EndpointOptions:
    options = read_options(document)
    for key, value in dump_options(options).items():
        texts = value if isinstance(value, list) else [value]
        if any(
            len(text) > LONGEST_THANKS or not is_storable(text) for text in texts if isinstance(text, str)
        ):
            raise InvalidInput(
                f"options.{key} is too long or holds what no text holds",
                field=f"options.{key}",
                mend=f"use up to {LONGEST_THANKS} characters",
            )
    return options


def _check(endpoint: Endpoint, description: Description) -> None:
    """Raise InvalidInput for options that could never work together."""
    if endpoint.options.captcha is Captcha.NONE:
        return
    if not description.reply.browser or endpoint.provider == COLLECTED:
        raise InvalidInput(
            f"{description.title} has no captcha that could be solved",
            field="options.captcha",
            mend="leave it out: a captcha is for plain HTML forms",
        )
    if not endpoint.captcha_secret:
        raise InvalidInput(
            f"the captcha {endpoint.options.captcha} has no secret",
            field="captcha_secret",
            mend="give the secret key that the captcha's service shows beside the site key",
        )


def _own_form(found: ExternalForm | None, portal_id: int, form_id: int) -> ExternalForm:
    if found is None or found.portal_id != portal_id:
        raise NotFound("form", form_id)
    return found
