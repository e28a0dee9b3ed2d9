import pytest

from service.backoff import LEAST_PAUSE, MOST_PAUSE, BackOff


@pytest.mark.parametrize("attempt", range(20))
def test_pauses_double_up_to_a_limit_and_are_shortened_by_chance(attempt: int) -> None:
    back_off = BackOff()
    for _ in range(attempt):
        back_off.next_pause()
    whole = min(MOST_PAUSE, LEAST_PAUSE * 2**attempt)
    assert whole / 2 <= back_off.next_pause() <= whole


def test_two_processes_do_not_come_back_in_step() -> None:
    assert len({BackOff().next_pause() for _ in range(20)}) > 1


def test_pauses_begin_anew_after_a_success() -> None:
    back_off = BackOff()
    for _ in range(10):
        back_off.next_pause()
    back_off.reset()
    assert back_off.next_pause() <= LEAST_PAUSE


def test_an_outage_of_days_is_no_overflow() -> None:
    back_off = BackOff()
    assert all(back_off.next_pause() <= MOST_PAUSE for _ in range(5_000))
