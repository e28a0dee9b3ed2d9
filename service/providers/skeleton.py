"""Writes a provider's folder to begin with, guessed from one captured request: a person reviews every line of it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.delivery import Delivery, dump_http
from service.errors import InvalidInput
from service.providers.bodies import load_json, read_form
from service.providers.loading import FILE, load_description
from service.providers.samples import SAMPLES, USUAL_SECRET, read_samples, read_secret, write_expected

_is_secret = re.compile(r".*(?:token|secret|password)", re.IGNORECASE).fullmatch
_is_name = re.compile(r"[a-z][a-z0-9_]{0,39}").fullmatch
_DEEPEST = 5
_LABELS = ("label", "title", "question", "name")
_KEYS = ("key", "ref", "id", "name", "label", "title", "question")
_VALUES = ("value", "answer", "values", "answers")
_FORMS = ("form_id", "formId", "formID", "form", "FormID")
_FORM_NAMES = ("form_name", "formName", "form_title", "formTitle")
_IDS = ("event_id", "eventId", "submission_id", "submissionId", "response_id", "responseId", "entry_id", "id")
_TIMES = ("submitted_at", "submittedAt", "created_at", "createdAt", "timestamp", "date")
_TYPES = ("event_type", "eventType", "event", "topic", "type")


_NO_SIGNATURE = ("X-Signature", "sha256=")
_FIELDS = '[[fields.maps]] # an object whose keys are the fields\nat = ""'


@dataclass(frozen=True, slots=True)
class _Guess:
    """What a request looks like."""

    body: str = "json"
    document: Any = None
    fields: str = _FIELDS
    signature: tuple[str, str] = _NO_SIGNATURE
    """Name and value of the header that looks like one."""


def write_skeleton(folder: Path, request: Delivery | None) -> list[Path]:
    """Write a new folder and return its files; raises InvalidInput where there is one already."""
    if not _is_name(folder.name):
        raise InvalidInput(
            f"{folder.name!r} is no name for a provider", mend="use a-z, 0-9 and _, at most 40"
        )
    if (folder / FILE).exists():
        raise InvalidInput(f"{folder / FILE} is there already", mend="choose another folder")
    guess = _guess(request) if request is not None else _Guess()
    (folder / SAMPLES).mkdir(parents=True, exist_ok=True)
    title = folder.name.replace("_", " ").capitalize()
    texts = {
        folder / FILE: _description(title, guess),
        folder / "README.md": _README.format(title=title),
    }
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    if request is None:
        return list(texts)
    sample = folder / SAMPLES / "first.http"
    sample.write_bytes(dump_http(request))
    description = load_description(folder)
    secret = read_secret(folder) or USUAL_SECRET
    return [*texts, sample, write_expected(description, list(read_samples(folder)), secret)]


def _guess(request: Delivery) -> _Guess:
    signature = next((pair for pair in request.headers if "signature" in pair[0].lower()), _NO_SIGNATURE)
    body, document = _decoded(request)
    fields = next(_fields(document, ""), None) or _FIELDS
    return _Guess(body, document, fields, signature)


def _decoded(request: Delivery) -> tuple[str, Any]:
    """Return how the body is to be decoded, and the document; raises InvalidInput."""
    if request.body.lstrip()[:1] in {b"{", b"["}:
        return "json", load_json(request.body)
    nested = b"%5B" in request.body or b"[" in request.body
    kind = "multipart" if request.media_type == "multipart/form-data" else "form-php" if nested else "form"
    return kind, read_form(request, nested=kind == "form-php")


def _fields(value: Any, place: str) -> Iterator[str]:
    """Yield rules for the places where something with an e-mail address stands among other answers."""
    if place.count("/") > _DEEPEST:
        return
    if isinstance(value, dict):
        if any(isinstance(text, str) and "@" in text for text in value.values()):
            yield f"[[fields.maps]] # an object whose keys are the fields\nat = {_quoted(place)}"
        for key, inner in value.items():
            yield from _fields(inner, f"{place}/{_escaped(key)}")
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield from _list_fields(value[0], place)


def _list_fields(item: dict[str, Any], place: str) -> Iterator[str]:
    key, label, value = (_first(item, names) for names in (_KEYS, _LABELS, _VALUES))
    if key and value:
        lines = [f"[[fields.lists]] # fields that tell their own key and value\nat = {_quoted(place)}"]
        lines += [f'key = "/{key}"'] + ([f'label = "/{label}"'] if label and label != key else [])
        lines += ['type = "/type"'] if "type" in item else []
        yield "\n".join([*lines, f'value = "/{value}"'])


def _description(title: str, guess: _Guess) -> str:
    top = guess.document if isinstance(guess.document, dict) else {}
    return _TOML.format(
        title=_quoted(title),
        signature=_signature(*guess.signature),
        body=guess.body,
        events=_events(top),
        identity=_identity(top),
        fields=guess.fields,
        redact=_redact(top),
    )


def _signature(header: str, value: str) -> str:
    prefix, _, rest = value.rpartition("=") if value.startswith(("sha", "v0=", "v1=")) else ("", "", value)
    form = f"{prefix}={{signature}}" if prefix else "{signature}"
    encoding = "hex" if re.fullmatch("[0-9a-fA-F]*", rest) else "base64"
    return _SIGNATURE.format(header=header, form=form, encoding=encoding)


def _redact(top: dict[str, Any]) -> str:
    places = [f"/{_escaped(name)}" for name in top if _is_secret(name) and _is_leaf(top[name])]
    if not places:
        return '# [redact] # secrets in the body\n# at = ["/token"]'
    return f"[redact] # secrets in the body\nat = {json.dumps(places)}"


def _events(top: dict[str, Any]) -> str:
    name = _first(top, _TYPES)
    if not name or not isinstance(top[name], str):
        return "# [events] # all that comes is a submission; list types when there are others\n"
    return (
        f'[events]\ntype = "/{name}"\nsubmission = [{_quoted(top[name])}] # every other type is kept only\n'
    )


def _identity(top: dict[str, Any]) -> str:
    lines = ["[identity]"]
    for key, names, none in (
        ("form", _FORMS, "nothing names the form: one endpoint for each"),
        ("form_name", _FORM_NAMES, ""),
        ("id", _IDS, "no id is sent: what is the same within ten minutes counts once"),
    ):
        place = _place(top, names)
        if place or none:
            lines.append(f'{key} = ["{place}"]' if place else f"# {key} = [] # {none}")
    time = _first(top, _TIMES)
    lines.append(f'at = {{ from = ["/{time}"], format = "auto" }}' if time else "# at = no time is sent")
    return "\n".join(lines)


def _place(top: dict[str, Any], names: tuple[str, ...]) -> str:
    """Return the pointer of the first that is there; in an object `form`, names go without their `form_`."""
    name = _first(top, names)
    if name:
        return f"/{name}"
    inner = top.get("form")
    if not isinstance(inner, dict) or names not in (_FORMS, _FORM_NAMES):
        return ""
    name = _first(inner, ("id", "uid", "slug") if names is _FORMS else ("name", "title"))
    return f"/form/{name}" if name else ""


def _first(item: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((name for name in names if item.get(name) not in (None, "") and _is_leaf(item[name])), "")


def _is_leaf(value: Any) -> bool:
    return not isinstance(value, dict)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


_TOML = """\
title = {title}
kind = "form" # form, chat or generic
grade = "B" # how well the shape is known: A, B, C, or M for from memory
proven = true # false until a real capture was seen
documentation = [] # the vendor's pages
about = "Sends each submission." # one sentence

{signature}
[decode]
body = "{body}" # json, form, form-php, multipart, auto, auto-php or cloudevents

{events}
{identity}

{fields}

# [roles] # only where the words of keys and labels don't tell
# email = ["/email"]

{redact}
"""
_SIGNATURE = """\
# [signature] # take the signs away when the tool signs
# kind = "hmac"
# header = "{header}"
# form = "{form}"
# encoding = "{encoding}"
# signed = "{{body}}"
"""
_README = """\
# {title}

What the tool sends, and when.

## Set up

1. Where in the tool the address of the endpoint is to be pasted.
2. Where the secret is to be found or entered.

## What comes in

- The form, the fields, the person.

## Good to know

Does it try again when it gets no answer? What is missing in what it sends?
"""
