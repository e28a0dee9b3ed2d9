"""Reads JSON from strangers: what it returns has no duplicate key, no NUL and no deep nesting."""

import json
import re
from itertools import chain

import orjson

from service.errors import InvalidInput
from service.web.hubspot.problems import shown

MOST_LEVELS = 20
"""Nesting of objects and lists."""

_key_marks = re.compile(rb'"\s*:').findall


def read_document(body: bytes) -> dict[str, object]:
    """Return the JSON object that `body` holds; raises InvalidInput that names place and mend.

    Each key of the text is followed by `":`, so as many of those as there are keys in what was read prove
    that no key stood there twice. What this quick look leaves open is examined exactly.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _not_json(body, error) from None
    if type(document) is not dict:
        raise InvalidInput(
            "Invalid input JSON on line 1, column 1: the top level is not an object",
            mend="send an object with a list 'fields'",
        )
    if (
        (b"\\" in body and b"\\u0000" in body)
        or body.count(b"{") + body.count(b"[") > MOST_LEVELS
        or body.count(b'":') != _count_plain_keys(document)
        or b" :" in body
        or (b"\n" in body and b"\n:" in body)
        or (b"\r" in body and b"\r:" in body)
        or (b"\t" in body and b"\t:" in body)
    ):
        _examine(document, body)
    return document


def _count_plain_keys(document: dict[str, object]) -> int:
    """Count keys of the document, of its objects, and of objects in its lists; never more than there are."""
    count = len(document)
    for value in document.values():
        if type(value) is dict:
            count += len(value)
        elif type(value) is list:
            count += sum([len(item) for item in value if type(item) is dict])
    return count


def _examine(document: dict[str, object], body: bytes) -> None:
    """Look at every level; refuse depth, NUL and duplicate keys."""
    keys = 0
    level: list[object] = [document]
    for _ in range(MOST_LEVELS):
        objects = [part for part in level if type(part) is dict]
        keys += sum(map(len, objects))
        values = [value for part in level for value in (part.values() if type(part) is dict else part)]  # type: ignore[attr-defined]
        if any(type(text) is str and "\0" in text for text in chain(values, *objects)):
            raise InvalidInput(
                "Invalid input JSON: a text holds the NUL character \\u0000", mend="take the character out"
            )
        level = [value for value in values if type(value) is dict or type(value) is list]
        if not level:
            break
    else:
        raise InvalidInput(f"Invalid input JSON: over {MOST_LEVELS} levels deep", mend="send a flatter body")
    if len(_key_marks(body)) != keys:
        # Numbers stay texts: the standard library refuses to convert very long ones.
        json.loads(body, object_pairs_hook=_refuse_duplicates, parse_int=str, parse_float=str)


def _refuse_duplicates(pairs: list[tuple[str, object]]) -> None:
    seen = set()
    for key, _ in pairs:
        if key in seen:
            raise InvalidInput(
                f"Invalid input JSON: the key '{shown(key)}' stands twice in one object",
                field=shown(key),
                mend="send each key once",
            )
        seen.add(key)


def _not_json(body: bytes, error: orjson.JSONDecodeError) -> InvalidInput:
    line, column, what = error.lineno, error.colno, error.msg
    try:
        body.decode()
    except UnicodeDecodeError as undecodable:
        before = body[: undecodable.start]
        line = before.count(b"\n") + 1
        column = undecodable.start - before.rfind(b"\n")
        what = f"the byte {body[undecodable.start]:#04x} is not UTF-8"
    return InvalidInput(
        f"Invalid input JSON on line {line}, column {column}: {what}", mend="send JSON in UTF-8"
    )
