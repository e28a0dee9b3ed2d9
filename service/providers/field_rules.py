"""Reads the parts of a description that say where answers are and whose they are: fields, roles, consent."""

import re
from collections import defaultdict

from service.providers.description import (
    FieldRule,
    LabelRule,
    LineRule,
    ListRule,
    MapRule,
    NameRule,
    PartRule,
    Role,
    RoleGroup,
    RoleRule,
)
from service.providers.pointers import WHOLE, parse_pointer
from service.providers.tables import Table

_BY_TYPE = "by-type"
_NAMES = ("skip", "keep", "strip")
_TYPED_ROLES = (
    Role.EMAIL,
    Role.FIRST_NAME,
    Role.LAST_NAME,
    Role.NAME,
    Role.PHONE,
    Role.COMPANY,
    Role.CONSENT,
)


def read_fields(table: Table) -> FieldRule:
    table.expect("maps", "lists", "named", "lines")
    named = table.table("named")
    return FieldRule(
        maps=tuple(_read_map(rule) for rule in table.tables("maps")),
        lists=tuple(_read_list(rule) for rule in table.tables("lists")),
        named=tuple((key, named.sources(key)) for key in named.document),
        lines=tuple(_read_lines(rule) for rule in table.tables("lines")),
    )


def read_roles(table: Table, consent: Table) -> RoleRule:
    table.expect(*Role, "types", "groups", "ignore", "strip", "detect")
    consent.expect("by_type", "refused")
    by_type = consent.table("by_type")
    return RoleRule(
        fixed={role: table.sources(role) for role in Role if table.has(role)},
        types=_read_types(table.table("types")),
        groups=tuple(group for entry in table.tables("groups") if (group := _read_group(entry))),
        ignore=_by_role(table.table("ignore")),
        strip=_by_role(table.table("strip")),
        detect=table.flag("detect", default=True),
        consent_by_type={name: by_type.flag(name, default=False) for name in by_type.document},
        refused=consent.sources("refused"),
    )


def _read_map(table: Table) -> MapRule:
    table.expect("at", *_NAMES, "labels", "split", "json_lists")
    table.require("at")
    return MapRule(
        at=table.sources("at"),
        names=_read_names(table),
        labels=_read_labels(table.table("labels")) if table.has("labels") else None,
        split=table.text("split"),
        json_lists=table.flag("json_lists", default=False),
    )


def _read_list(table: Table) -> ListRule:
    table.expect(
        *("at", "key", "label", "type", "value", "item_text", "options", "option_id", "option_text"),
        *(*_NAMES, "labels"),
    )
    table.require("at")
    by_type = table.document.get("value") == _BY_TYPE
    return ListRule(
        at=table.sources("at"),
        key=table.pointers("key"),
        label=table.pointers("label"),
        type=table.pointers("type"),
        value=() if by_type else table.pointers("value") or (parse_pointer("/value"),),
        item_text=table.pointer("item_text"),
        options=table.pointer("options"),
        option_id=table.pointer("option_id") or parse_pointer("/id"),
        option_text=table.pointer("option_text") or parse_pointer("/text"),
        names=_read_names(table),
        labels=_read_labels(table.table("labels")) if table.has("labels") else None,
    )


def _read_names(table: Table) -> NameRule:
    return NameRule(skip=table.names("skip"), keep=table.pattern("keep"), strip=table.pattern("strip"))


def _read_labels(table: Table) -> LabelRule:
    table.expect("at", "key", "label", "type", "parts")
    table.require("at", "key")
    return LabelRule(
        at=table.sources("at"),
        key=table.pointers("key"),
        label=table.pointers("label"),
        type=table.pointers("type"),
        parts=_read_parts(table.table("parts")) if table.has("parts") else None,
    )


def _read_parts(table: Table) -> PartRule:
    table.expect("at", "key", "label")
    table.require("at", "key", "label")
    return PartRule(at=table.pointer("at") or WHOLE, key=table.pointers("key"), label=table.pointers("label"))


def _read_lines(table: Table) -> LineRule:
    table.expect("at", "separator")
    table.require("at")
    separator = table.text("separator", " : ")
    if not separator.strip():
        table.note("separator", "is empty", "write what stands between name and value")
        separator = ":"
    return LineRule(at=table.sources("at"), separator=separator)


def _read_types(table: Table) -> dict[str, frozenset[Role]]:
    table.expect(*_TYPED_ROLES)
    roles = defaultdict(set)
    for role in _TYPED_ROLES:
        for name in table.texts_of(role):
            roles[name].add(role)
    return {name: frozenset(found) for name, found in roles.items()}


def _by_role(table: Table) -> dict[Role, re.Pattern[str]]:
    table.expect(*Role)
    return {role: pattern for role in Role if (pattern := table.pattern(role))}


def _read_group(table: Table) -> RoleGroup | None:
    table.expect("key", "parts", "values", "roles")
    table.require("key", "parts", "roles")
    key = table.pattern("key")
    if key is not None and key.groups != 2:  # noqa: PLR2004 - the question, and its part
        table.note("key", f"has {key.groups} group(s)", "make it two: the question and its part")
    roles = table.table("roles")
    found = {part: roles.choice(part, Role, Role.NAME) for part in roles.document}
    if key is None or key.groups != 2 or not found:  # noqa: PLR2004
        return None
    return RoleGroup(key=key, parts=table.names("parts"), values=table.patterns("values"), roles=found)
