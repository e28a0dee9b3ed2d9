"""Reads v2 submissions: one name and value for each field, and `hs_context` for everything else."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from urllib.parse import parse_qsl

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from service.domain.fields import CONTACT, is_object_type_id
from service.domain.forms import Form, is_web_address
from service.errors import InvalidInput
from service.web.hubspot.documents import read_document
from service.web.hubspot.metadata import CHECKS, LONGEST_ADDRESS
from service.web.hubspot.parsing import ParsedSubmission, read_submission
from service.web.hubspot.problems import ErrorType, InvalidSubmission, Problem
from service.web.hubspot.schema import MOST_VALUES

CONTEXT = "hs_context"

Pairs = list[tuple[str, str]]
_has_bad_escape = re.compile(rb"%(?![0-9A-Fa-f]{2})").search


def parse_pairs(
    body: bytes, boundary: str | None, form: Form, now: datetime
) -> tuple[ParsedSubmission, str | None]:
    """Return a v2 submission and where its context wants the visitor to go; `boundary` is multipart's.

    Raises as `parse_submission` does.
    """
    document, redirect = _document_of(_read_pairs(body, boundary))
    wrong = []
    if redirect and (len(redirect) > LONGEST_ADDRESS or not is_web_address(redirect)):
        text = "Send an absolute http or https address"
        wrong = [Problem(ErrorType.INVALID_METADATA, f"{CONTEXT}.redirectUrl", text)]
    try:
        submission = read_submission(document, form, now)
    except InvalidSubmission as error:
        raise InvalidSubmission([*error.problems, *wrong]) from None
    if wrong:
        raise InvalidSubmission(wrong)
    return submission, redirect


def _document_of(pairs: Pairs) -> tuple[Mapping[str, object], str | None]:
    """Return what v3 would have sent, and `redirectUrl`."""
    given = _read_context([value for name, value in pairs if name == CONTEXT])
    context = {key: value for key, value in given.items() if key in CHECKS}
    if given.get("pageUrl") is not None:
        context["pageUri"] = given["pageUrl"]
    redirect = given.get("redirectUrl")
    document = {
        "fields": [_field_of(name, value) for name, value in pairs if name != CONTEXT],
        "context": context,
        "legalConsentOptions": given.get("legalConsentOptions"),
    }
    return document, redirect if redirect is None or isinstance(redirect, str) else "no text"


def _read_context(given: list[str]) -> Mapping[str, object]:
    if len(given) > 1:
        raise InvalidInput(f"{CONTEXT} stands there twice", field=CONTEXT, mend="send it once")
    if not given or not given[0].strip():
        return {}
    try:
        return read_document(given[0].encode())
    except InvalidInput as error:
        raise InvalidInput(f"{CONTEXT}: {error.message}", field=CONTEXT, mend="send a JSON object") from None


def _field_of(name: str, value: str) -> Mapping[str, str]:
    object_type_id, slash, rest = name.partition("/")
    if slash and is_object_type_id(object_type_id):
        return {"objectTypeId": object_type_id, "name": rest, "value": value}
    return {"objectTypeId": CONTACT, "name": name, "value": value}


def _read_pairs(body: bytes, boundary: str | None) -> Pairs:
    try:
        pairs = _decode_urlencoded(body) if boundary is None else list(_decode_multipart(body, boundary))
    except RequestEntityTooLarge:
        raise _too_many() from None
    except UnicodeDecodeError:
        raise InvalidInput("The body is not UTF-8", mend="send UTF-8") from None
    except ValueError as error:
        raise InvalidInput(f"The body is not form data: {error}", mend="send whole pairs") from None
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise InvalidInput("The body holds a NUL character", mend="take the character out")
    return pairs


def _decode_urlencoded(body: bytes) -> Pairs:
    if body.count(b"&") > MOST_VALUES:
        raise _too_many()
    escape = _has_bad_escape(body)
    if escape:
        raise ValueError(f"byte {escape.start() + 1} is a % that two hexadecimal digits do not follow")
    return parse_qsl(body.decode(), keep_blank_values=True, errors="strict")


def _decode_multipart(body: bytes, boundary: str) -> Iterator[tuple[str, str]]:
    """Yield the parts that are fields; files are passed over."""
    if not boundary:
        raise ValueError("the Content-Type names no boundary")
    decoder = MultipartDecoder(boundary.encode(), max_parts=MOST_VALUES + 1)
    decoder.receive_data(body)
    decoder.receive_data(None)
    name: str | None = None
    value = b""
    while not isinstance(event := decoder.next_event(), Epilogue | NeedData):
        if isinstance(event, Field | File):
            if not event.name:
                raise ValueError("a part has no name")
            name, value = event.name if isinstance(event, Field) else None, b""
        elif isinstance(event, Data) and name is not None:
            value += event.data
            if not event.more_data:
                yield name, value.decode()


def _too_many() -> InvalidSubmission:
    text = f"There are too many values. Send up to {MOST_VALUES}"
    return InvalidSubmission([Problem(ErrorType.MAX_NUMBER_OF_SUBMITTED_VALUES_EXCEEDED, "fields", text)])
