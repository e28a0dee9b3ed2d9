"""Clients that break off, stall or send rubbish: nothing of it is kept, and nobody else waits for them."""

import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from tests.e2e.client import HOST, body_of, path_of, submit
from tests.e2e.installation import FreePort, Installation, installed
from tests.e2e.records import submissions
from tests.e2e.waiting import eventually
from tests.services.run import Run

AT_ONCE = 2.0
HALF_OPEN = 200


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, free_port: FreePort, test_run: Run
) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("server"), free_port, test_run) as fresh:
        fresh.up()
        yield fresh


def connect(server: Installation) -> socket.socket:
    return socket.create_connection((HOST, server.port), timeout=10)


def request_with(body: bytes, length: int | None = None) -> bytes:
    """A submission as it goes over the wire; with a wrong length when one is given."""
    size = len(body) if length is None else length
    head = f"POST {path_of()} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {size}\r\n\r\n".encode() + body


def reset(connection: socket.socket) -> None:
    """Close with a reset instead of a farewell."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def is_kept(server: Installation, email: str) -> bool:
    return (email, "") in submissions(server.sqlite_url)


def assert_serves_others_at_once(server: Installation, email: str) -> None:
    began = time.monotonic()
    assert submit(server.port, email).status == 200
    assert time.monotonic() - began < AT_ONCE


@pytest.mark.parametrize("leave", [socket.socket.close, reset])
def test_a_socket_closed_in_the_middle_of_the_body_stores_nothing(
    server: Installation, leave: Callable[[socket.socket], None]
) -> None:
    body = body_of("middle@example.com")
    connection = connect(server)
    connection.sendall(request_with(body)[:-1])
    leave(connection)
    assert_serves_others_at_once(server, "other@example.com")
    assert not is_kept(server, "middle@example.com")


def test_a_whole_document_with_a_longer_length_stores_nothing(server: Installation) -> None:
    body = body_of("longer@example.com")
    with closing(connect(server)) as connection:
        connection.sendall(request_with(body, len(body) + 10))
        connection.shutdown(socket.SHUT_WR)
        assert b" 400 " in connection.recv(4096).split(b"\r\n")[0]
    assert not is_kept(server, "longer@example.com")


def test_a_chunked_body_that_breaks_off_stores_nothing(server: Installation) -> None:
    body = body_of("chunk@example.com")
    head = request_with(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    with closing(connect(server)) as connection:
        connection.sendall(head + f"{len(body):x}\r\n".encode() + body + b"\r\n")
        connection.shutdown(socket.SHUT_WR)
        assert b" 400 " in connection.recv(4096).split(b"\r\n")[0]
    assert not is_kept(server, "chunk@example.com")


def test_a_sender_that_leaves_without_its_answer_and_comes_again_is_kept_once(server: Installation) -> None:
    for _ in range(3):
        connection = connect(server)
        connection.sendall(request_with(body_of("impatient@example.com")))
        reset(connection)
    eventually(lambda: submit(server.port, "impatient@example.com").status == 200, "it is answered")
    assert submissions(server.sqlite_url)["impatient@example.com", ""] == 1


def test_half_open_connections_do_not_hold_up_others(server: Installation) -> None:
    beginnings = [b"", b"POST ", request_with(b"", 100), request_with(body_of("half@example.com"))[:-5]]
    with ExitStack() as half_open:
        for number in range(HALF_OPEN):
            connection = half_open.enter_context(closing(connect(server)))
            connection.sendall(beginnings[number % len(beginnings)])
        for number in range(10):
            assert_serves_others_at_once(server, f"beside-{number}@example.com")
    assert not is_kept(server, "half@example.com")


def test_a_request_slower_than_the_rest_is_kept_in_the_end(server: Installation) -> None:
    with closing(connect(server)) as slow:
        for number, byte in enumerate(request_with(body_of("slow@example.com"))):
            slow.sendall(bytes([byte]))
            if number % 50 == 0:
                assert_serves_others_at_once(server, f"fast-{number}@example.com")
        assert b" 200 " in slow.recv(4096).split(b"\r\n")[0]
    assert is_kept(server, "slow@example.com")


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"GET\r\n\r\n",
        b"POST / HTTP/9.9\r\n\r\n",
        b"A" * 100_000,
        b"\r\n" * 1000,
    ],
)
def test_rubbish_on_the_socket_disturbs_nobody(server: Installation, rubbish: bytes) -> None:
    with closing(connect(server)) as connection:
        connection.sendall(rubbish)
        assert_serves_others_at_once(server, f"after-{len(rubbish)}@example.com")


def test_what_clients_do_wrong_is_logged_in_structured_lines_and_as_no_error_of_ours(
    server: Installation,
) -> None:
    with closing(connect(server)) as connection:
        connection.sendall(request_with(b'{"fields": "' + b"x" * 2_000_000))
    assert_serves_others_at_once(server, "well@example.com")
    log = "".join(path.read_text() for path in server.folder.glob("up-*.err"))
    assert not [line for line in log.splitlines() if json.loads(line)["level"] == "error"]
