"""Deliveries, and the samples that they are read from and written to."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.delivery import EPOCH, Delivery, dump_http, read_http
from service.errors import InvalidInput

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SAMPLE = (
    b"# Captured 2026-01-01, addresses changed\r\n"
    b"\r\n"
    b"POST /hooks/wufoo/abc?a=1&b=%20&a=2 HTTP/1.1\r\n"
    b"Host: hooks.example.com\r\n"
    b"content-type:  Application/JSON; charset=utf-8 \r\n"
    b"X-Forwarded-For: 203.0.113.9\r\n"
    b"x-forwarded-for: 203.0.113.8\r\n"
    b"X-Empty:\r\n"
    b"\r\n"
    b'\r\n{"name": "Zo\xc3\xab"}\n\xff\x00'
)


def test_a_sample_is_read_as_it_stands() -> None:
    delivery = read_http(SAMPLE, received_at=NOW, remote_address="203.0.113.9")
    assert delivery == Delivery(
        method="POST",
        url="https://hooks.example.com/hooks/wufoo/abc?a=1&b=%20&a=2",
        headers=(
            ("Host", "hooks.example.com"),
            ("content-type", "Application/JSON; charset=utf-8"),
            ("X-Forwarded-For", "203.0.113.9"),
            ("x-forwarded-for", "203.0.113.8"),
            ("X-Empty", ""),
        ),
        body=b'\r\n{"name": "Zo\xc3\xab"}\n\xff\x00',
        received_at=NOW,
        remote_address="203.0.113.9",
    )


def test_headers_and_query_are_looked_up() -> None:
    delivery = read_http(SAMPLE)
    assert delivery.received_at == EPOCH
    assert delivery.header("HOST") == "hooks.example.com"
    assert delivery.header("X-Forwarded-For") == "203.0.113.9"
    assert delivery.headers_named("x-Forwarded-for") == ("203.0.113.9", "203.0.113.8")
    assert delivery.header("X-Empty") == ""
    assert delivery.header("X-Missing") is None
    assert delivery.media_type == "application/json"
    assert (delivery.query("a"), delivery.query("b"), delivery.query("c")) == ("1", " ", None)
    assert delivery.queries_named("a") == ("1", "2")


def test_lines_of_a_sample_may_end_as_editors_end_them() -> None:
    assert read_http(b"GET /a\nHost: a.example\n\nbody\r\n").body == b"body\r\n"
    assert read_http(b"HEAD https://a.example/a HTTP/1.1").url == "https://a.example/a"
    assert read_http(b"HEAD http://a.example:8000?x=1 HTTP/2\r\n").headers == ()


def test_only_a_whole_url_says_http() -> None:
    plain = read_http(b"GET http://a.example/a HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert plain.url == "http://a.example/a"
    assert dump_http(plain).startswith(b"GET http://a.example/a HTTP/1.1\r\n")
    assert dump_http(replace(plain, url="https://a.example/a")).startswith(b"GET /a HTTP/1.1\r\n")
    assert dump_http(replace(plain, url="https://b.example/a")).startswith(
        b"GET https://b.example/a HTTP/1.1\r\n"
    )


@pytest.mark.parametrize(
    ("sample", "says"),
    [
        (b"", "holds no request"),
        (b"# only a comment\n\n", "holds no request"),
        (b"POST\n\n", "begins with 'POST'"),
        (b"post /a HTTP/1.1\nHost: a\n\n", "begins with 'post"),
        (b"POST /a b HTTP/1.1\nHost: a\n\n", "begins with"),
        (b"POST /\xe9\nHost: a\n\n", "begins with"),
        (b"POST /a HTTP/1.1\n\n", "no header 'Host'"),
        (b"POST /a HTTP/1.1\nHost: a b\n\n", "no header 'Host'"),
        (b"POST a HTTP/1.1\nHost: a\n\n", "asks for 'a'"),
        (b"POST https:///a HTTP/1.1\n\n", "asks for 'https:///a'"),
        (b"POST /a#b HTTP/1.1\nHost: a\n\n", "asks for '/a#b'"),
        (b"POST /a HTTP/1.1\nHost: a\nno header\n\n", "holds the line 'no header'"),
        (b"POST /a HTTP/1.1\nHost: a\n folded: line\n\n", "holds the line ' folded: line'"),
        (b"POST /a HTTP/1.1\nHost: a\nX: \0\n\n", "holds the line"),
    ],
)
def test_a_sample_that_is_no_request_is_refused(sample: bytes, says: str) -> None:
    with pytest.raises(InvalidInput, match="the request") as caught:
        read_http(sample)
    assert says in caught.value.message
    assert caught.value.mend


@pytest.mark.parametrize(
    "headers",
    [
        (("X", "a\r\nY: b"),),
        (("X", "a\n"),),
        (("X", " a"),),
        (("X Y", "a"),),
        (("", "a"),),
        (("X", "€"),),
    ],
)
def test_what_no_request_can_hold_is_not_written(headers: tuple[tuple[str, str], ...]) -> None:
    delivery = Delivery(method="POST", url="https://a.example/", headers=headers, received_at=NOW)
    with pytest.raises(InvalidInput):
        dump_http(delivery)


@pytest.mark.parametrize(
    "url", ["", "/a", "https://", "https://a.example/#a", "https://a.example/a b", "ftp://a/"]
)
def test_a_url_that_is_none_is_not_written(url: str) -> None:
    with pytest.raises(InvalidInput):
        dump_http(Delivery(method="POST", url=url, received_at=NOW))


def test_headers_are_replaced_and_taken_out_in_any_case() -> None:
    delivery = read_http(SAMPLE)
    assert delivery.with_header("x-forwarded-FOR", "::1").headers[-1] == ("x-forwarded-FOR", "::1")
    assert delivery.with_header("x-forwarded-FOR", "::1").headers_named("X-Forwarded-For") == ("::1",)
    assert delivery.without_headers("x-empty", "x-forwarded-for").headers == delivery.headers[:2]
    assert delivery.without_headers("X-Missing") is delivery


def test_nothing_that_could_be_secret_is_shown() -> None:
    assert repr(read_http(SAMPLE)) == (
        "Delivery(method='POST', received_at=datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), "
        "remote_address='')"
    )


token = st.from_regex(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}", fullmatch=True)
value = st.from_regex(r"[!-~\x80-\xff]([ \t!-~\x80-\xff]{0,30}[!-~\x80-\xff])?|", fullmatch=True)


@settings(deadline=None)
@given(
    method=st.from_regex(r"[A-Z][A-Z-]{0,10}", fullmatch=True),
    url=st.from_regex(r"https?://[a-z0-9.:]{1,20}([/?][!-\"$-~]{0,40})?", fullmatch=True),
    headers=st.lists(st.tuples(st.one_of(token, st.just("Host")), value), max_size=6),
    body=st.binary(max_size=100),
)
def test_what_was_written_reads_the_same(
    method: str, url: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    delivery = Delivery(method=method, url=url, headers=tuple(headers), body=body, received_at=EPOCH)
    assert read_http(dump_http(delivery)) == delivery
