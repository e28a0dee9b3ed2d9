"""Acuity Scheduling: who booked an appointment, and the intake forms that were filled in with it."""

from collections.abc import Mapping
from typing import Any

from service.providers.lookups.asking import Plugin, Question, identity, objects
from service.providers.lookups.calling import Caller


def _ask(question: Question, caller: Caller) -> Mapping[str, Any]:
    """The event's id is `action/number`."""
    number = identity((question.event.event_id or "").rpartition("/")[2])
    appointment = caller.get(f"/appointments/{number}")
    answers = [answer for form in objects(appointment, "forms") for answer in objects(form, "values")]
    return {**appointment, "answers": answers}


ACUITY_APPOINTMENT = Plugin(
    name="acuity_appointment",
    title="Acuity Scheduling",
    needs="The user id and the API key of the account, joined by a colon: `user id:API key`.",
    home="https://acuityscheduling.com/api/v1",
    ask=_ask,
    basic=True,
)
