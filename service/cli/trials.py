"""Prints what would become of a request that was tried: for people, or as JSON for programs."""

from typing import Any

import click

from service.cli.tables import show as show_rows
from service.providers.description import Role
from service.providers.events import Event, dump_event
from service.providers.trying import PERSON, Trial, origins


def dump(trial: Trial) -> dict[str, Any]:
    reply = trial.handshake
    return {
        "proof": trial.proof,
        "proved": trial.proved,
        "handshake": None if reply is None else {"status": reply.status, "body": reply.body},
        "refusal": trial.refusal or None,
        "redacted": list(trial.redacted),
        "events": [dump_event(event) | {"origins": _origins(event)} for event in trial.events],
    }


def show(trial: Trial) -> None:
    click.echo(f"signature: {trial.proof}")
    if trial.handshake is not None:
        click.echo(f"a handshake, answered with {trial.handshake.status} {trial.handshake.body}".rstrip())
        return
    if trial.refusal:
        click.echo(f"can't be read, {trial.refusal}")
        return
    click.echo(f"redacted: {', '.join(trial.redacted) or 'nothing'}")
    for number, event in enumerate(trial.events, start=1):
        click.echo(f"\nevent {number} of {len(trial.events)}: {_heading(event)}")
        _show_event(event)


def _heading(event: Event) -> str:
    return f"a {event.kind}" + (f", kept only: {event.kept}" if event.kept is not None else "")


def _show_event(event: Event) -> None:
    for name in ("form_id", "form_name", "event_id", "session", "occurred_at", "fetch"):
        value = getattr(event, name)
        if value is not None:
            click.echo(f"  {name.replace('_', ' ')}: {value}")
    came_from = _origins(event)
    for role in PERSON:
        value = getattr(event, role)
        origin = f"  (field {came_from[role]!r})" if role in came_from else ""
        click.echo(f"  {role.replace('_', ' ')}: {value or 'not found'}{origin}")
    click.echo(f"  consent: {_consent(event)}\n")
    rows = [
        {"field": key, "text": text, "label": event.labels.get(key), "type": event.types.get(key)}
        for key, text in event.fields.items()
    ]
    show_rows(rows, as_json=False, nothing="no fields are read")


def _consent(event: Event) -> str:
    if event.consent is None:
        return "unknown"
    said = f", by {event.consent_text!r}" if event.consent_text else ""
    return f"{'yes' if event.consent else 'no'} to marketing{said}"


def _origins(event: Event) -> dict[str, str]:
    found: dict[Role, str] = origins(event)
    return {role.value: key for role, key in found.items()}
