import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from service.domain.model import Intent
from service.store import outbox as store
from service.store.proof import Window
from service.store.tables import contact, ledger_line, outbox, status_change
from service.sweep import Sweeper, sweep
from tests.facts import NOW, make_fact
from tests.world import World


def fill(world: World, number: int, first: int = 0) -> None:
    world.record(*[make_fact(f"{each}@example.com") for each in range(first, first + number)])


def lose(world: World) -> None:
    """Lose all that is on its way, as a broker without memory does."""
    world.write(sa.delete(outbox))


def queued(world: World) -> set[tuple[str, int]]:
    emails = {row.id: row.email for row in world.rows(contact)}
    return {(emails[row.contact_id].split("@")[0], row.version) for row in world.rows(outbox)}


def test_it_queues_exactly_what_the_ledger_lacks(world: World) -> None:
    fill(world, 3)
    world.count_up()
    fill(world, 2, first=3)
    lose(world)
    assert world.proof().difference == 2
    assert sweep(world.database, NOW) == 2
    assert queued(world) == {("3", 1), ("4", 1)}


def test_afterwards_the_count_is_proved_again(world: World) -> None:
    fill(world, 5)
    lose(world)
    sweep(world.database, NOW)
    world.count_up()
    assert (world.count(), world.proof().difference) == (5, 0)


def test_a_lost_lowering_is_sent_again_with_its_newest_version(world: World) -> None:
    fill(world, 1)
    world.count_up()
    world.set_status("0@example.com", Intent.LOWER)
    world.set_status("0@example.com", Intent.RAISE)
    lose(world)
    assert sweep(world.database, NOW) == 1
    assert queued(world) == {("0", 3)}


def test_an_earlier_stint_that_was_lost_is_sent_again_too(world: World) -> None:
    fill(world, 1)
    world.set_status("0@example.com", Intent.LOWER)
    world.pass_by(days=40)
    world.announce_ends()
    fill(world, 1)
    lose(world)
    assert sweep(world.database, world.now()) == 2
    assert queued(world) == {("0", 3), ("0", 4)}
    world.count_up()
    assert world.proof().difference == 0
    assert world.number_of(ledger_line) == 2


def test_what_is_queued_already_is_not_queued_twice(world: World) -> None:
    fill(world, 3)
    assert sweep(world.database, NOW) == 0
    lose(world)
    assert [sweep(world.database, NOW) for _ in range(2)] == [3, 0]
    assert world.number_of(outbox) == 3


def test_with_nothing_missing_there_is_nothing_to_send(world: World) -> None:
    fill(world, 3)
    world.count_up()
    assert sweep(world.database, NOW) == 0


def test_it_goes_through_any_number_page_by_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.sweep.PAGE", 4)
    fill(world, 10)
    lose(world)
    heard: list[int] = []
    assert sweep(world.database, NOW, progress=heard.append) == 10
    assert heard == [4, 8, 10]
    assert len(queued(world)) == 10


def test_a_window_looks_at_what_changed_in_it(world: World) -> None:
    for minute in range(4):
        world.time = NOW + timedelta(minutes=minute)
        fill(world, 1, first=minute)
    lose(world)
    window = Window(NOW + timedelta(seconds=30), NOW + timedelta(minutes=2, seconds=30))
    assert sweep(world.database, world.now(), window) == 2
    assert queued(world) == {("1", 1), ("2", 1)}


def test_two_sweeps_at_once_send_nothing_that_does_harm(world: World) -> None:
    fill(world, 50)
    lose(world)
    threads = [threading.Thread(target=sweep, args=(world.database, NOW)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.count_up()
    assert (world.count(), world.proof().difference) == (50, 0)


def test_the_first_sweep_of_a_process_looks_at_everything(world: World) -> None:
    fill(world, 1)
    lose(world)
    world.pass_by(days=300)
    assert Sweeper(world.database, world.now, interval=60).step() == 1


def test_later_sweeps_look_at_what_changed_since_and_leave_fresh_changes_time(world: World) -> None:
    sweeper = Sweeper(world.database, world.now, interval=60)
    sweeper.step()
    world.pass_by(minutes=1)
    fill(world, 1)
    lose(world)
    world.pass_by(seconds=1)
    assert sweeper.step() == 0
    world.pass_by(minutes=1)
    assert sweeper.step() == 1


def test_while_a_consumer_is_away_a_change_is_not_sent_again_with_every_sweep(world: World) -> None:
    sweeper = Sweeper(world.database, world.now, interval=60)
    sweeper.step()
    fill(world, 1)
    lose(world)
    swept = []
    for _ in range(30):
        world.pass_by(minutes=1)
        swept.append(sweeper.step())
        lose(world)
    assert 1 <= sum(swept) <= 2


def test_once_an_hour_it_looks_two_hours_back(world: World) -> None:
    sweeper = Sweeper(world.database, world.now, interval=60)
    sweeper.step()
    fill(world, 1)
    lose(world)
    world.pass_by(minutes=10)
    assert sweeper.step() == 1
    lose(world)
    world.pass_by(minutes=10)
    assert sweeper.step() == 0
    world.pass_by(minutes=40)
    assert sweeper.step() == 1


def test_once_a_day_it_looks_at_everything_again(world: World) -> None:
    sweeper = Sweeper(world.database, world.now, interval=60)
    fill(world, 1)
    world.count_up()
    sweeper.step()
    world.pass_by(hours=2)
    sweeper.step()
    world.write(sa.delete(ledger_line))
    world.pass_by(hours=21, minutes=59)
    assert sweeper.step() == 0
    world.pass_by(minutes=1)
    assert sweeper.step() == 1


def test_an_end_that_was_announced_late_and_lost_is_found_within_a_day(world: World) -> None:
    """The change is as of the end itself, and so outside the window of the sweeps in between."""
    fill(world, 1)
    world.set_status("0@example.com", Intent.LOWER)
    world.count_up()
    sweeper = Sweeper(world.database, world.now, interval=60)
    world.pass_by(days=40)
    sweeper.step()
    world.announce_ends()
    lose(world)
    world.pass_by(days=1)
    assert sweeper.step() == 1


def test_a_message_that_is_swept_is_the_change_itself(world: World) -> None:
    fill(world, 1)
    lose(world)
    sweep(world.database, NOW)
    (change,) = world.rows(status_change)
    with store.claim(world.database, 10, NOW) as messages:
        assert [(each.contact_id, each.version, each.at) for each in messages] == [
            (change.contact_id, 1, change.at)
        ]


def test_a_sweep_runs_until_it_is_stopped(world: World) -> None:
    fill(world, 1)
    lose(world)
    stop = threading.Event()
    thread = threading.Thread(target=Sweeper(world.database, world.now, interval=60).run, args=(stop,))
    thread.start()
    while not world.number_of(outbox):
        stop.wait(0.01)
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
