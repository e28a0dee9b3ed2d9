"""One raw request as it arrived, and the `.http` form in which samples and captures are kept.

A sample is a request as HTTP/1.1 writes it: lines of comment that begin with `#`, the request line, headers, a blank
line, and then the body, byte for byte to the end of the file. Address and time of arrival are not part of it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from service.errors import InvalidInput

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_QUERY_PARAMETERS = 1_000

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_request_line = re.compile(r"([A-Z][A-Z-]{0,29}) ([\x21-\x7e]+)(?: HTTP/[0-9](?:\.[0-9])?)?").fullmatch
_header_line = re.compile(rf"({_NAME}):[ \t]*([^\r\n\0]*)").fullmatch
_host = re.compile(r"[\x21-\x7e]+").fullmatch
_is_url = re.compile(r"https?://[^/?#\s]+(?:[/?][^#\s]*)?").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What one sender sent at one time. Its `repr` shows nothing that could be secret or personal."""

    method: str
    url: str = field(repr=False)
    """The public one, as the sender used it: scheme, host, path and query."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Name and value in the order and spelling of arrival; a name may stand there several times."""
    body: bytes = field(default=b"", repr=False)
    received_at: datetime
    """Aware, UTC."""
    remote_address: str = ""
    media_type: str = field(init=False, repr=False, compare=False)
    """The content type in lower case and without its parameters; empty when there is none."""
    _values: Mapping[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values: dict[str, tuple[str, ...]] = {}
        for name, value in self.headers:
            name_in_lower_case = name.lower()
            values[name_in_lower_case] = (*values.get(name_in_lower_case, ()), value)
        object.__setattr__(self, "_values", values)
        declared = values.get("content-type", ("",))[0]
        object.__setattr__(self, "media_type", declared.partition(";")[0].strip().lower())

    def header(self, name: str) -> str | None:
        """Return the first header of this name, in any case."""
        values = self._values.get(name.lower())
        return values[0] if values else None

    def headers_named(self, name: str) -> tuple[str, ...]:
        """Return all headers of this name, in any case."""
        return self._values.get(name.lower(), ())

    def query(self, name: str) -> str | None:
        """Return the query's first parameter of this name."""
        return next(iter(self.queries_named(name)), None)

    def queries_named(self, name: str) -> tuple[str, ...]:
        """Return all of the query's parameters of this name; none when the query can't be read."""
        return tuple(value for parameter, value in self._query_pairs() if parameter == name)

    def _query_pairs(self) -> list[tuple[str, str]]:
        try:
            query = urlsplit(self.url).query
            return parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_QUERY_PARAMETERS)
        except ValueError:
            return []

    def without_headers(self, *names: str) -> "Delivery":
        """Return it without any header of these names."""
        dropped = {name.lower() for name in names}
        kept = tuple(pair for pair in self.headers if pair[0].lower() not in dropped)
        return self if len(kept) == len(self.headers) else replace(self, headers=kept)

    def with_header(self, name: str, value: str) -> "Delivery":
        """Return it with this header as the only one of its name."""
        return replace(self, headers=(*self.without_headers(name).headers, (name, value)))


def read_http(data: bytes, *, received_at: datetime = EPOCH, remote_address: str = "") -> Delivery:
    """Read a sample; raises InvalidInput.

    Lines of the head may end in LF or CRLF. `https` is meant unless the request line holds a whole URL.
    """
    head, body = _split(data)
    if not head:
        raise _unreadable(
            "holds no request", "begin it with a line such as 'POST /hooks/typeform/… HTTP/1.1'"
        )
    headers = tuple(_read_header(line) for line in head[1:])
    request = _request_line(head[0])
    if request is None:
        raise _unreadable(
            f"begins with {head[0][:60]!r}", "begin it with a line such as 'POST /path HTTP/1.1'"
        )
    return Delivery(
        method=request[1],
        url=_read_url(request[2], headers),
        headers=headers,
        body=body,
        received_at=received_at,
        remote_address=remote_address,
    )


def dump_http(delivery: Delivery) -> bytes:
    """Return the sample that `read_http` reads back; raises InvalidInput for what no request can hold."""
    head = [f"{delivery.method} {_request_target(delivery)} HTTP/1.1"]
    if _request_line(head[0]) is None or not _is_url(delivery.url):
        raise _unreadable("would begin with a wrong request line", "check method and URL")
    for name, value in delivery.headers:
        head.append(f"{name}: {value}")
        if _header_line(head[-1]) is None or value != value.strip(" \t"):
            raise _unreadable(f"would hold the wrong header {name[:60]!r}", "check its name and value")
    try:
        text = "\r\n".join([*head, "", ""]).encode("latin-1")
    except UnicodeEncodeError:
        raise _unreadable("would hold a header beyond Latin-1", "HTTP can't carry it") from None
    return text + delivery.body


def _split(data: bytes) -> tuple[list[str], bytes]:
    """Return the lines of the head, less comments before them, and the body."""
    head: list[str] = []
    position = 0
    while position < len(data):
        end = data.find(b"\n", position)
        end = len(data) if end < 0 else end
        line = data[position:end].removesuffix(b"\r").decode("latin-1")
        position = end + 1
        if not line and head:
            break
        if head or (line and not line.startswith("#")):
            head.append(line)
    return head, data[position:]


def _read_header(line: str) -> tuple[str, str]:
    header = _header_line(line)
    if header is None:
        raise _unreadable(f"holds the line {line[:60]!r}", "write a header as 'Name: value', on one line")
    return header[1], header[2].rstrip(" \t")


def _read_url(target: str, headers: tuple[tuple[str, str], ...]) -> str:
    host = next((value for name, value in headers if name.lower() == "host"), "")
    url = target
    if target.startswith("/"):
        if _host(host) is None:
            raise _unreadable("has no header 'Host'", "add one, or write the whole URL in the first line")
        url = f"https://{host}{target}"
    if not _is_url(url):
        raise _unreadable(f"asks for {target[:60]!r}", "write a path that begins with '/', or a whole URL")
    return url


def _request_target(delivery: Delivery) -> str:
    """The path and query where the headers and `https` make the URL from it; otherwise the whole URL."""
    origin = f"https://{delivery.header('Host')}"
    path = delivery.url.removeprefix(origin)
    return path if path != delivery.url and path.startswith("/") else delivery.url


def _unreadable(message: str, mend: str) -> InvalidInput:
    return InvalidInput(f"the request {message}", field="request", mend=mend)
