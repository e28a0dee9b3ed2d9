"""Two portals with one of everything, to see what one can do to the other.

Whatever has a number has the same one within its portal, so that any number in a path, a query or a body is that of
something that there is.
"""

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from service.domain.actors import COMMAND
from service.domain.model import Intent
from service.domain.people import Role
from service.domain.portals import Scope
from service.store import portals
from service.store.contact_batches import ContactBatch, Write
from service.store.tables import contact, delivery, job, metadata, portal
from service.store.tables.columns import Instant
from service.working import open_runner
from tests.calls import Call, Description
from tests.endpoints import OTHER_PORTAL, SECRET, Site, answer_of
from tests.facts import FORM, NOW, PORTAL, UPDATE_DATE, make_form
from tests.world import World

NUMBERS = {PORTAL: 555_000, OTHER_PORTAL: 777_000}
"""Of everything that a portal has."""
FORMS = {PORTAL: FORM, OTHER_PORTAL: "77777777-7777-4777-8777-777777777777"}
ENDS = {PORTAL: UPDATE_DATE, OTHER_PORTAL: UPDATE_DATE + timedelta(days=7)}
"""Of the one statement that each portal has."""
USUAL_KIND = "set_status"
JOB_KINDS = {"/defaults/what-if/": "what_if", "/imports/estimates/": "import_estimate", "/imports/": "import"}
"""Of jobs that only a part of the API shows, by its path."""


def canary(portal_id: int) -> str:
    """Return what stands in every text of a portal, and must not be in an answer to another."""
    return f"canary-of-{portal_id}"


def differences(before: Mapping[str, list[str]], after: Mapping[str, list[str]]) -> list[str]:
    """Return the rows that are not on both sides, each with its table, cut short."""
    return [
        f"{table}: {row[:200]}"
        for table, rows in before.items()
        for row in sorted(set(rows) ^ set(after[table]))
    ]


class Strangers:
    """Portals A (`PORTAL`) and B (`OTHER_PORTAL`) on one site, each with one of everything."""

    def __init__(self, world: World, site: Site) -> None:
        self.world = world
        self.site = site
        self.users: dict[tuple[int, Role, bool], str] = {}
        """Secrets of users' tokens, by portal, role and marketing contacts access."""
        self.integrations: dict[tuple[int, str], str] = {}
        """Secrets of integrations' tokens, by portal and scope; empty for no scope."""
        self.without: dict[tuple[int, str], str] = {}
        """The same, of tokens that have every scope but one."""
        self.others: dict[int, int] = {}
        """The contact of each portal that came in by the form of another tool; it counts, too."""
        self.deliveries: dict[int, str] = {}
        for portal_id, number in NUMBERS.items():
            self._furnish(portal_id, number)
        document = site.client.get("/openapi.json").get_json()
        self.description = Description(document, self.deliveries[OTHER_PORTAL], HINTS)
        self.jobs = open_runner(world.database, world.now, interval=1)

    def values(self, call: Call, *whose: int) -> dict[str, Any]:
        """Return what stands for a call's variables, each of the portal that is named at its place."""
        pairs = zip(call.variables, whose, strict=True)
        return {name: self._value(kind, name, portal_id) for (kind, name), portal_id in pairs}

    def _value(self, kind: str, name: str, portal_id: int) -> Any:
        if kind == "int":
            return NUMBERS[portal_id]
        texts: dict[str, Any] = {
            "delivery_id": self.deliveries.get(portal_id),
            "guid": FORMS[portal_id],
            "form_guid": FORMS[portal_id],
            "subject": f"token:{NUMBERS[portal_id]}",
            "kind": "form",
            "source": "external_form",
            "source_id": NUMBERS[portal_id],
            "identity": NUMBERS[portal_id],
            "ends_at": ENDS[portal_id].isoformat(),
        }
        assert name in texts, f"say here what a portal has for <{name}>, so that the isolation is tested"
        return texts[name]

    def foreign(self, call: Call) -> Iterator[dict[str, Any]]:
        """Yield paths' values in every combination of A's and B's in which there is one of B's."""
        for whose in itertools.product(NUMBERS, repeat=len(call.variables)):
            values = self.values(call, *whose)
            if values != self.own(call, PORTAL):
                yield values

    def own(self, call: Call, portal_id: int) -> dict[str, Any]:
        return self.values(call, *[portal_id] * len(call.variables))

    @contextlib.contextmanager
    def suited(self, call: Call) -> Iterator[None]:
        """Have the portals' one job be of the kind that a call is about, and portal A include everything."""
        self.world.write(sa.update(portal).where(portal.c.id == PORTAL).values(product="enterprise"))
        kind = next((kind for path, kind in JOB_KINDS.items() if path in call.rule.rule), None)
        if kind is None or "job_id" not in call.rule.arguments:
            yield
            return
        self.world.write(sa.update(job).values(kind=kind))
        yield
        self.world.write(sa.update(job).values(kind=USUAL_KIND))

    def bodies(self, call: Call, number: int = NUMBERS[OTHER_PORTAL]) -> list[Any]:
        """Return bodies as the call is described, with B's number wherever there is one; None for no body."""
        return self.description.bodies(call, number)

    def query(self, call: Call) -> dict[str, Any]:
        """Return what a query needs, and B's number for whatever it takes a number for."""
        return self.description.query(call, NUMBERS[OTHER_PORTAL])

    def of(self, portal_id: int) -> dict[str, list[str]]:
        """Return every row of a portal, by table."""
        return {name: [row for row, whose in rows if whose == portal_id] for name, rows in self._rows()}

    def everything(self) -> dict[str, list[str]]:
        """Return every row there is, by table."""
        return {name: [row for row, _ in rows] for name, rows in self._rows()}

    def _rows(self) -> Iterator[tuple[str, list[tuple[str, int | None]]]]:
        self.site.services.activity.flush()
        with self.world.database.reading() as connection:
            for table in metadata.sorted_tables:
                rows = connection.execute(sa.select(table)).all()
                yield table.name, sorted(((repr(row), _whose(table, row)) for row in rows), key=str)

    def _furnish(self, portal_id: int, number: int) -> None:
        if portal_id != PORTAL:
            with self.world.database.writing() as connection:
                portals.save_form(connection, make_form(FORMS[portal_id], portal_id=portal_id), NOW)
        for name in ("endpoint", "external_form"):
            self._number_from(name, number)
        made = self.site.made(portal=portal_id, secret=SECRET, name=canary(portal_id))
        body = answer_of(event_id="ev-1", email=f"{canary(portal_id)}-sender@example.com")
        assert self.site.send(made, body, SECRET, portal=portal_id).status_code == 200
        assert self.site.send(made, answer_of(event_id="ev-2"), "wrong", portal=portal_id).status_code == 401
        with self.world.database.writing() as connection:
            ids = sa.select(contact.c.id).where(contact.c.portal_id == portal_id)
            self.others[portal_id] = connection.execute(ids).scalar_one()
            connection.execute(sa.update(portal).where(portal.c.id == portal_id).values(product="enterprise"))
            self._add_contact(connection, portal_id, number)
            self._add_people(connection, portal_id, number)
            for table in metadata.sorted_tables:
                _plant(connection, table, portal_id, number)
            ids = sa.select(delivery.c.id).where(delivery.c.portal_id == portal_id)
            self.deliveries[portal_id] = connection.execute(ids).scalars().first() or ""
            portals.changed(connection)

    def _number_from(self, table: str, number: int) -> None:
        """Have the database give this number to the next row."""
        if self.world.database.is_sqlite:
            self.world.write(sa.text("DELETE FROM sqlite_sequence WHERE name = :name").bindparams(name=table))
            insert = sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)")
            self.world.write(insert.bindparams(name=table, seq=number - 1))
        else:
            statement = sa.text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :seq)")
            self.world.write(statement.bindparams(name=table, seq=number - 1))

    def _add_contact(self, connection: sa.Connection, portal_id: int, number: int) -> None:
        values = {
            "id": number,
            "portal_id": portal_id,
            "email": f"{canary(portal_id)}@example.com",
            "version": 1,
            "properties": {"firstname": canary(portal_id)},
            "created_at": NOW,
            "updated_at": NOW,
            "status_version": 0,
            "stint": 0,
        }
        connection.execute(sa.insert(contact).values(**values))
        batch = ContactBatch(connection, portals.get_portal(connection, portal_id), NOW)
        person, cause = batch.by_id([number])[number], COMMAND.cause(Intent.RAISE)
        batch.write([Write(person=person, decision=batch.decide(person.standing, cause), cause=cause)])

    def _add_people(self, connection: sa.Connection, portal_id: int, number: int) -> None:
        users, tokens = metadata.tables["portal_user"], metadata.tables["access_token"]
        ids = itertools.count(number)
        # The admin whom the tests act by comes last, so that no number is that of its user.
        for role, access in sorted(itertools.product(Role, (False, True)), key=lambda each: each == ADMIN):
            user_id, secret = next(ids), f"mk_{portal_id}_{role}_{access}"
            person = {
                "id": user_id,
                "portal_id": portal_id,
                "email": f"{canary(portal_id)}-{role}-{access}@example.com".lower(),
                "name": canary(portal_id),
                "role": role.value,
                "marketing_access": access,
                "created_at": NOW,
                "updated_at": NOW,
            }
            connection.execute(sa.insert(users).values(**person))
            self._add_token(connection, tokens, (user_id + 100, portal_id), secret, list(Scope), user_id)
            self.users[portal_id, role, access] = secret
        ids = itertools.count(number)
        for scope in ("", *Scope):
            secret = self.integrations[portal_id, scope] = f"mk_{portal_id}_{scope}"
            some = [scope] if scope else []
            self._add_token(connection, tokens, (next(ids), portal_id), secret, some, None)
            secret = self.without[portal_id, scope] = f"mk_{portal_id}_not_{scope}"
            some = [each for each in Scope if each != scope]
            self._add_token(connection, tokens, (next(ids), portal_id), secret, some, None)

    def _add_token(
        self,
        connection: sa.Connection,
        table: sa.Table,
        ids: tuple[int, int],
        secret: str,
        scopes: list[str],
        user_id: int | None,
    ) -> None:
        number, portal_id = ids
        values = {"id": number, "portal_id": portal_id, "name": canary(portal_id), "user_id": user_id}
        hashed = portals.hash_secret(secret)
        statement = sa.insert(table).values(**values, secret_hash=hashed, scopes=scopes, created_at=NOW)
        connection.execute(statement)


ADMIN = (Role.ADMIN, True)
FILTERS = [{"propertyName": "email", "operator": "HAS_PROPERTY"}]
HINTS = {
    "provider": "typeform",
    "time_zone": "Europe/Vienna",
    "allowed_hosts": ["www.example.com"],
    "allowed_origins": ["https://www.example.com"],
    "thanks_url": "https://www.example.com/",
    "api_url": "https://www.example.com/",
    "captcha": "none",
    "filter": {"filterGroups": [{"filters": FILTERS}]},
    "filterGroups": [{"filters": FILTERS}],
    "filters": FILTERS,
    "changes": {f"form:{FORMS[OTHER_PORTAL]}": False},
    "expected": 0,
    "after": "0",
}
"""What a schema can't tell of a field."""
JOB = {
    "files": [],
    "name": "An import",
    "identified_by": "email",
    "operation": "create_or_update",
    "marketing": False,
    "changes": {},
    "days": 1,
}
"""What an import, an estimate or a what-if was asked for."""
SPECIAL: Mapping[str, Mapping[str, Any]] = {
    "view": {"filter": {"filterGroups": []}},
    "workflow": {"filter": {"filterGroups": []}, "marketing": True, "is_on": False},
    "import_file": {"header": ["email"], "sample": [], "is_whole": True},
    "job": {
        "state": "DONE",
        "kind": "set_status",
        "actor": "command",
        "counts": {},
        "finished_at": NOW,
        "request": JOB,
    },
    "held": {
        "state": "held",
        "source": "hubspot_form",
        "reason_type": "FORM_SUBMISSION",
        "actor": "",
        "limit_reached": "tier",
    },
    "brake": {"source": "", "source_id": "", "at_tier": False, "most": 1_000_000},
    "statement": {"begins_at": NOW, "issued_at": NOW, "contacts": 1, "tier": 1, "digest": "0", "split": {}},
    "audit": {"actor": "command", "action": "created", "after": {}},
}
"""What a planted row needs beside canaries, so that it can be read."""
GROWN = frozenset(
    {
        *("portal", "form", "contact", "endpoint", "external_form", "portal_user", "access_token"),
        *("submission", "delivery", "status_change", "endpoint_activity", "outbox"),
    }
)
"""Tables that have rows of both portals already."""
GLOBAL = frozenset({"configuration", "dead_letter", "indexed_property"})
"""Tables that are nobody's; no route gives a word of theirs away, or makes one of theirs another portal's."""


def _plant(connection: sa.Connection, table: sa.Table, portal_id: int, number: int) -> None:
    """Give a portal a row of a table, full of canaries."""
    if table.name in GROWN | GLOBAL:
        return
    values = {
        column.name: _planted(column, portal_id, number)
        for column in table.columns
        if not column.nullable and column.server_default is None
    }
    connection.execute(sa.insert(table).values(**{**values, **SPECIAL.get(table.name, {})}))


def _planted(column: "sa.Column[Any]", portal_id: int, number: int) -> Any:
    by_name = {"portal_id": portal_id, "ends_at": ENDS[portal_id]}
    by_kind: dict[type, Any] = {
        Instant: NOW,
        sa.Uuid: f"{number:032x}",
        sa.LargeBinary: canary(portal_id).encode(),
        sa.Boolean: False,
        sa.Integer: number if f"_{column.name}".endswith("_id") else 1,
        sa.JSON: {},
    }
    known = (value for kind, value in by_kind.items() if isinstance(column.type, kind))
    return by_name.get(column.name, next(known, canary(portal_id)))


def _whose(table: sa.Table, row: Any) -> int | None:
    """Return the portal that a row belongs to: by its column, or by the number that it has or points to."""
    if table.name == "portal":
        return int(row.id)
    if "portal_id" in table.columns:
        return int(row.portal_id)
    return next((portal_id for portal_id, number in NUMBERS.items() if number in row), None)
