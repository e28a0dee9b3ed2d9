"""Takes bodies from the wire: bounded, whole, and of a media type that is read."""

from flask import request
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.http import parse_options_header

JSON = "application/json"
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
_UTF8 = frozenset({"utf-8", "utf8", "us-ascii"})


def read_body(limit: int) -> bytes:
    """Return the whole body; raises 413 over `limit` bytes and 400 when the client left before its end."""
    length = request.content_length
    if length is not None and length > limit:
        raise RequestEntityTooLarge(f"The body has {length} bytes. Send up to {limit}")
    # Without a declared length Werkzeug ends the body at the maximum and says nothing: one byte more tells.
    request.max_content_length = limit + 1
    try:
        body = request.get_data(cache=False)
    except HTTPException:
        raise
    except Exception as error:
        # What servers raise when a chunked body breaks off or is garbled is no kind of OSError everywhere.
        raise ClientDisconnected("The body broke off") from error
    if len(body) > limit:
        raise RequestEntityTooLarge(f"The body is too large. Send up to {limit} bytes")
    if length is not None and len(body) != length:
        raise ClientDisconnected("The body broke off")
    return body


def require_json() -> None:
    """Refuse with 415 what is not declared as JSON in UTF-8; no declaration at all will do."""
    declared = request.content_type
    if not declared or declared == JSON:
        return
    media_type, options = parse_options_header(declared)
    if media_type.lower() not in {JSON, ""}:
        raise UnsupportedMediaType(f"The media type is not read. Send 'Content-Type: {JSON}'")
    _require_utf8(options)


def form_boundary() -> str | None:
    """Return the boundary of a multipart body, None for an URL-encoded one; refuse all others with 415."""
    media_type, options = parse_options_header(request.content_type)
    if media_type.lower() in {URLENCODED, ""}:
        _require_utf8(options)
        return None
    if media_type.lower() != MULTIPART:
        raise UnsupportedMediaType(f"The media type is not read. Send {URLENCODED} or {MULTIPART}")
    _require_utf8(options)
    return options.get("boundary", "")


def _require_utf8(options: dict[str, str]) -> None:
    charset = options.get("charset", "utf-8")
    if charset.lower() not in _UTF8:
        raise UnsupportedMediaType("The charset is not read. Send UTF-8")
