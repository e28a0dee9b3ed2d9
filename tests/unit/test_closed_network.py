import socket

import pytest


def test_a_unit_test_cannot_connect() -> None:
    with socket.socket() as caller, pytest.raises(pytest.fail.Exception, match="used the network"):
        caller.connect(("127.0.0.1", 9))


def test_a_unit_test_cannot_listen() -> None:
    with socket.socket() as listener, pytest.raises(pytest.fail.Exception, match="used the network"):
        listener.bind(("127.0.0.1", 0))


def test_a_unit_test_cannot_resolve_a_name() -> None:
    with pytest.raises(pytest.fail.Exception, match="asked for the address"):
        socket.getaddrinfo("example.com", 443)


def test_two_ends_in_one_process_may_talk() -> None:
    one, other = socket.socketpair()
    with one, other:
        one.sendall(b"hello")
        assert other.recv(5) == b"hello"
