import os
import uuid
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from service.identifiers import as_correlation_id, new_correlation_id, new_submission_id
from tests.facts import NOW


def test_a_submission_id_is_a_uuid_of_version_7() -> None:
    made = uuid.UUID(new_submission_id(NOW))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == int(NOW.timestamp() * 1_000)


@given(st.integers(1, 10**9))
def test_a_later_submission_has_a_greater_id(milliseconds: int) -> None:
    later = NOW + timedelta(milliseconds=milliseconds)
    assert new_submission_id(NOW) < new_submission_id(later)


def test_submissions_of_one_instant_have_ids_of_their_own() -> None:
    assert len({new_submission_id(NOW) for _ in range(10_000)}) == 10_000


def test_a_process_and_its_child_make_different_ids() -> None:
    new_submission_id(NOW)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, new_submission_id(NOW).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        assert pipe.read() not in {new_submission_id(NOW) for _ in range(1_000)}


def test_a_submission_id_is_shown_as_a_uuid() -> None:
    made = new_submission_id(NOW)
    assert as_correlation_id(made) == str(uuid.UUID(made))


def test_an_answer_without_a_submission_has_an_id_too() -> None:
    assert str(uuid.UUID(new_correlation_id())) != new_correlation_id()
