"""Takes bodies from the wire: bounded, whole, and of a media type that is read.

All is read from the WSGI environment itself, for this runs for every submission.
"""

from typing import Any, Protocol

from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.http import parse_options_header
from werkzeug.wsgi import get_content_length

JSON = "application/json"
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
_UTF8 = frozenset({"utf-8", "utf8", "us-ascii"})

Environment = dict[str, Any]
"""WSGI's."""


class Stream(Protocol):
    """`wsgi.input`."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; none at the end."""


def read_body(environment: Environment, limit: int) -> bytes:
    """Return the whole body; raises 413 over `limit` bytes and 400 when the client left before its end."""
    length, stream = get_content_length(environment), environment["wsgi.input"]
    if length is not None and length <= limit:
        body = _read(stream, length)
        if len(body) < length:
            raise ClientDisconnected("The body broke off")
        return body
    # Without a length a body may be read only where the server marks its end: one that is chunked.
    is_chunked = length is None and environment.get("wsgi.input_terminated", False)
    body = _read(stream, limit + 1) if is_chunked else b""
    if length is not None or len(body) > limit:
        raise RequestEntityTooLarge(f"The body is too large. Send up to {limit} bytes")
    return body


def _read(stream: Stream, size: int) -> bytes:
    """Read `size` bytes, or all there are until the end."""
    try:
        body = stream.read(size)
        while 0 < len(body) < size and (more := stream.read(size - len(body))):
            body += more
    except Exception as error:
        # What servers raise when a body breaks off or is garbled is no kind of OSError everywhere.
        raise ClientDisconnected("The body broke off") from error
    return body


def require_json(environment: Environment) -> None:
    """Refuse with 415 what is not declared as JSON in UTF-8; no declaration at all will do."""
    declared = environment.get("CONTENT_TYPE")
    if not declared or declared == JSON:
        return
    media_type, options = parse_options_header(declared)
    if media_type.lower() != JSON:
        raise UnsupportedMediaType(f"The media type is not read. Send 'Content-Type: {JSON}'")
    _require_utf8(options)


def form_boundary(environment: Environment) -> str | None:
    """Return the boundary of a multipart body, None for an URL-encoded one; refuse all others with 415."""
    media_type, options = parse_options_header(environment.get("CONTENT_TYPE"))
    if media_type.lower() not in {URLENCODED, MULTIPART, ""}:
        raise UnsupportedMediaType(f"The media type is not read. Send {URLENCODED} or {MULTIPART}")
    _require_utf8(options)
    return options.get("boundary", "") if media_type.lower() == MULTIPART else None


def _require_utf8(options: dict[str, str]) -> None:
    charset = options.get("charset", "utf-8")
    if charset.lower() not in _UTF8:
        raise UnsupportedMediaType("The charset is not read. Send UTF-8")
