from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from service.domain.model import Standing, Stint, Verdict
from service.domain.sentences import Basis, Fate, Told, cause, sentence, summary
from tests.facts import FORM, NOW, UPDATE_DATE

LONDON = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
BY_FORM = Told(
    verdict=Verdict.RAISED,
    at=datetime(2026, 3, 3, 9, tzinfo=UTC),
    until=None,
    source="hubspot_form",
    reason_type="FORM_SUBMISSION",
    reason_id=FORM,
    reason_name="Newsletter",
    actor="",
    actor_name="",
    default_version=4,
)
BY_ADA = replace(
    BY_FORM,
    source="by_hand",
    reason_type="USER_SET",
    reason_id="7",
    reason_name="Ada",
    actor="user:7",
    actor_name="Ada",
    default_version=0,
)
BY_TOKEN = replace(
    BY_ADA, source="token", reason_type="INTEGRATOR_SET", reason_id="3", reason_name="Shop", actor="token:3"
)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            BY_FORM,
            "Raised on 3 March 2026 by the form Newsletter, default on in version 4; it counts from then on.",
        ),
        (
            replace(BY_FORM, source="external_form", default_version=0, reason_name=""),
            f"Raised on 3 March 2026 by the form {FORM}, by the portal's default; it counts from then on.",
        ),
        (BY_ADA, "Raised on 3 March 2026 by hand, by user Ada; it counts from then on."),
        (
            replace(BY_ADA, actor="command", reason_name=""),
            "Raised on 3 March 2026 by hand, on the command line; it counts from then on.",
        ),
        (
            replace(BY_ADA, verdict=Verdict.LOWERING_REQUESTED, until=UPDATE_DATE),
            "Set to leave on 3 March 2026 by hand, by user Ada; it counts until 1 April 2026.",
        ),
        (
            replace(BY_ADA, verdict=Verdict.LOWERING_CANCELLED, source="import", reason_name="spring.csv"),
            (
                "Raised again on 3 March 2026 by the import spring.csv, by user Ada;"
                " the request to leave is cancelled and it goes on counting."
            ),
        ),
        (BY_TOKEN, "Raised on 3 March 2026 by the access token Shop; it counts from then on."),
        (
            replace(BY_TOKEN, default_version=2),
            "Raised on 3 March 2026 by the access token Shop, default on in version 2; it counts from then on.",
        ),
        (
            replace(
                BY_ADA,
                source="workflow",
                reason_id="5",
                reason_name="Buyers",
                actor="workflow:5",
                actor_name="",
            ),
            "Raised on 3 March 2026 by the workflow Buyers; it counts from then on.",
        ),
        (
            replace(BY_FORM, verdict=Verdict.STINT_ENDED, until=UPDATE_DATE, actor="clock"),
            "It stopped counting on 1 April 2026, as had been asked for.",
        ),
        (
            replace(BY_ADA, verdict=Verdict.ENDED_AT_ONCE, until=NOW),
            "Ended on 3 March 2026 by hand, by user Ada; it counts no more from then on.",
        ),
    ],
)
def test_a_change_is_said_in_plain_words(change: Told, said: str) -> None:
    assert sentence(change, LONDON) == said


def test_days_are_those_of_the_portal() -> None:
    """00:00 of 1 April in Berlin is still 31 March in UTC."""
    midnight = datetime(2026, 3, 31, 22, tzinfo=UTC)
    change = replace(BY_ADA, verdict=Verdict.LOWERING_REQUESTED, until=midnight)
    assert sentence(change, BERLIN).endswith("until 1 April 2026.")


@pytest.mark.parametrize(
    ("change", "basis"),
    [
        (BY_FORM, Basis.DEFAULT),
        (replace(BY_FORM, source="chatflow"), Basis.DEFAULT),
        (BY_ADA, Basis.PERSON),
        (BY_TOKEN, Basis.PROGRAM),
        (replace(BY_TOKEN, default_version=1), Basis.DEFAULT),
        (replace(BY_ADA, source="import", actor="token:3"), Basis.PROGRAM),
        (replace(BY_ADA, source="workflow"), Basis.RULE),
        (replace(BY_FORM, actor="clock"), Basis.TIME),
    ],
)
def test_a_change_goes_back_to_a_default_a_rule_a_choice_or_time(change: Told, basis: Basis) -> None:
    assert change.basis is basis


def standing(until: datetime | None, since: datetime = NOW) -> Standing:
    return Standing(Stint(1, since, until, "FORM_SUBMISSION", FORM), 1)


@pytest.mark.parametrize(
    ("where", "fate", "said"),
    [
        (Standing(), Fate(), "It doesn't count: it has never been a marketing contact."),
        (standing(None), Fate(), "It counts since 10 March 2026, by the form X; no end is known."),
        (standing(UPDATE_DATE), Fate(), "It counts since 10 March 2026, by the form X, until 1 April 2026."),
        (
            standing(NOW, since=NOW - timedelta(days=9)),
            Fate(),
            "It doesn't count: it was a marketing contact from 1 March 2026 until 10 March 2026, by the form X.",
        ),
        (
            standing(UPDATE_DATE),
            Fate(deleted_at=NOW),
            "It counts since 10 March 2026, by the form X, until 1 April 2026. It was deleted on 10 March 2026.",
        ),
        (
            standing(UPDATE_DATE),
            Fate(merged_into=9),
            "It counts since 10 March 2026, by the form X, until 1 April 2026. It has merged into contact 9.",
        ),
        (
            standing(UPDATE_DATE),
            Fate(deleted_at=NOW, erased_at=NOW),
            (
                "It counts since 10 March 2026, by the form X, until 1 April 2026."
                " The person was erased on 10 March 2026."
            ),
        ),
    ],
)
def test_all_of_it_is_said_in_plain_words(where: Standing, fate: Fate, said: str) -> None:
    assert summary(where, cause("hubspot_form", "FORM_SUBMISSION", FORM, "X"), fate, NOW, LONDON) == said


@pytest.mark.parametrize(
    ("fate", "state"),
    [
        (Fate(), "live"),
        (Fate(deleted_at=NOW), "deleted"),
        (Fate(merged_into=2), "merged"),
        (Fate(deleted_at=NOW, erased_at=NOW), "erased"),
    ],
)
def test_a_fate_has_one_word(fate: Fate, state: str) -> None:
    assert fate.state == state


def test_a_cause_of_another_kind_is_named_by_its_reason() -> None:
    assert cause("other", "EMAIL", "", "") == "EMAIL"
