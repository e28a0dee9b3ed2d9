"""What a file is, by its bytes and never by its name: its kind, its encoding and its fingerprint, in one pass."""

import codecs
import enum
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from service.errors import InvalidInput
from service.spreadsheets.model import LARGEST_FILE, refuse

CHUNK = 1024 * 1024
_MOST_ENTRIES = 10_000
_BEGIN = 65_536
"""In bytes: how much of the begin is looked at."""
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_ENTRY = b"PK\x01\x02"
_AS_TEXT = "save it as CSV (UTF-8) or XLSX"


class Kind(enum.StrEnum):
    TEXT = "text"
    WORKBOOK = "workbook"


@dataclass(frozen=True, slots=True)
class Content:
    """What was found; `encoding` is a text's only."""

    kind: Kind
    fingerprint: str
    encoding: str = ""


def inspect(path: Path) -> Content:
    """Read the file once; raises InvalidInput when it is none that can be imported."""
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise refuse(
            f"the file has {size} bytes", f"split it into files of at most {LARGEST_FILE // 1024 // 1024} MB"
        )
    with path.open("rb") as file:
        begin = file.read(_BEGIN)
    _refuse_others(begin)
    if begin.startswith(b"PK\x03\x04"):
        return Content(Kind.WORKBOOK, _check_archive(path))
    if begin.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise _refuse_compound(path)
    return _inspect_text(path, begin)


def _refuse_others(begin: bytes) -> None:
    if not begin.strip(b"\xef\xbb\xbf\xfe\xff\x00 \t\r\n"):
        raise refuse("the file is empty", "give a file with a header line and a line for each contact")
    words = begin.lstrip(b"\xef\xbb\xbf \t\r\n")[:9].lower()
    if words.startswith((b"<!doctype", b"<html", b"<table", b"<?xml")):
        raise refuse("the file is a web page or XML", f"open it in a spreadsheet program and {_AS_TEXT}")
    if words.startswith((b"%pdf", b"{\\rtf")) or begin.startswith((b"\x1f\x8b", b"\x89PNG", b"\xff\xd8\xff")):
        raise refuse("the file is no table", _AS_TEXT)


def _check_archive(path: Path) -> str:
    """Return the fingerprint; a list of files that would fill the memory is refused before it is read."""
    digest = hashlib.sha256()
    entries = 0
    for chunk in _chunks(path):
        digest.update(chunk)
        entries += chunk.count(_ENTRY)
    if entries > _MOST_ENTRIES:
        raise refuse("the workbook holds too many parts", _AS_TEXT)
    return digest.hexdigest()


def _refuse_compound(path: Path) -> InvalidInput:
    """Old .xls and encrypted .xlsx are of one outer format, which names what is inside."""
    rest = b""
    for chunk in _chunks(path):
        if _ENCRYPTED in rest + chunk:
            return refuse("the workbook is encrypted", "take its password off and save it again")
        rest = chunk[-len(_ENCRYPTED) :]
    return refuse("the file is an old Excel workbook (.xls)", "save it as XLSX or CSV")


def _inspect_text(path: Path, begin: bytes) -> Content:
    encoding = _encoding_by_begin(begin)
    text = _Text(encoding or "utf-8")
    for chunk in _chunks(path):
        text.take(chunk)
    text.take(b"", final=True)
    if text.broken_at is None:
        return Content(Kind.TEXT, text.digest.hexdigest(), encoding or "utf-8")
    if encoding is None and not text.seen_beyond_ascii and _is_windows_1252(path):
        return Content(Kind.TEXT, text.digest.hexdigest(), "cp1252")
    raise refuse(
        f"the text is not readable as {encoding or 'UTF-8'} from byte {text.broken_at} of the file on",
        "save it again as CSV in UTF-8",
        line=text.line,
    )


def _encoding_by_begin(begin: bytes) -> str | None:
    """Return what a byte order mark or the places of zero bytes say, None when they say nothing."""
    if begin.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if begin.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    first, second = begin[::2].count(0), begin[1::2].count(0)
    if not first and not second:
        return None
    if max(first, second) <= 4 * min(first, second) or max(first, second) * 20 < len(begin):
        raise refuse("the file is no text", _AS_TEXT)
    return "utf-16-le" if second > first else "utf-16-be"


@dataclass(slots=True)
class _Text:
    """Reads a text for its encoding and its fingerprint; after the first fault, for the fingerprint only."""

    encoding: str
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    seen_beyond_ascii: bool = False
    broken_at: int | None = None
    line: int = 1
    _taken: int = 0
    _decoder: codecs.IncrementalDecoder = field(init=False)

    def __post_init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder(self.encoding)()

    def take(self, chunk: bytes, *, final: bool = False) -> None:
        self.digest.update(chunk)
        if self.broken_at is None:
            self._decode(chunk, final=final)

    def _decode(self, chunk: bytes, *, final: bool) -> None:
        pending = len(self._decoder.getstate()[0])
        try:
            text = self._decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            self.broken_at = self._taken - pending + error.start + 1
            before = error.object[: error.start]
            self.line += before.count(b"\n")
            self.seen_beyond_ascii = self.seen_beyond_ascii or not before.isascii()
            return
        self._taken += len(chunk)
        self.line += text.count("\n")
        self.seen_beyond_ascii = self.seen_beyond_ascii or not text.isascii()


def _is_windows_1252(path: Path) -> bool:
    try:
        for chunk in _chunks(path):
            chunk.decode("cp1252")
    except UnicodeDecodeError:
        return False
    return True


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
