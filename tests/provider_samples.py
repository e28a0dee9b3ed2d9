"""Descriptions and deliveries that tests of providers start from, and the catalogue's own samples."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from service.delivery import Delivery, read_http
from service.documents import dumps
from service.providers import samples
from service.providers.catalogue import BUILT_IN, folders
from service.providers.description import Description
from service.providers.events import Event
from service.providers.loading import FILE, load_description
from service.providers.reader import read

NOW = samples.SIGNED_AT
"""When the catalogue's samples were signed."""
HEAD = 'title = "A form"\nkind = "form"\ngrade = "A"\nabout = "Sends."\n'
FORM = "application/x-www-form-urlencoded"


def describe(text: str, kind: str = "form") -> Description:
    """Read a description, whose first lines need not be written."""
    with tempfile.TemporaryDirectory() as place:
        return load_description(write_folder(Path(place), "own", text, HEAD.replace('"form"', f'"{kind}"')))


def write_folder(place: Path, name: str, text: str, head: str = HEAD) -> Path:
    folder = place / name
    folder.mkdir()
    (folder / FILE).write_text(head + text, encoding="utf-8")
    return folder


def deliver(
    body: object, content_type: str = "application/json", *, query: str = "", **headers: str
) -> Delivery:
    """Return a delivery of bytes, text, or a document; `Ce_Id` stands for the header `Ce-Id`."""
    text = body if isinstance(body, str | bytes) else dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Delivery(
        method="POST",
        url=f"https://hooks.example.com/hooks/own/token{query}",
        headers=tuple({"Content-Type": content_type, **named}.items()),
        body=text.encode() if isinstance(text, str) else text,
        received_at=NOW,
    )


def read_one(description: Description | str, body: object, *args: str, **headers: str) -> Event:
    """Return the only event."""
    whole = describe(description) if isinstance(description, str) else description
    (event,) = read(whole, deliver(body, *args, **headers))
    return event


def multipart(*parts: tuple[str, str], boundary: str = "XBOUND") -> bytes:
    """Return a multipart body; a part is what follows `form-data; `, and its content."""
    lines = [
        f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n"
        for head, content in parts
    ]
    return "".join([*lines, f"--{boundary}--\r\n"]).encode()


@dataclass(frozen=True, slots=True)
class Sample:
    """One request of a catalogue folder."""

    folder: Path
    name: str

    def __str__(self) -> str:
        return f"{self.folder.name}/{self.name}"

    @property
    def is_handshake(self) -> bool:
        return self.name.startswith(samples.HANDSHAKE)

    @property
    def delivery(self) -> Delivery:
        return read_http(self._path.read_bytes(), received_at=NOW)

    @property
    def expected(self) -> Any:
        return read_expected(self.folder).get(self.name)

    @property
    def secret(self) -> str:
        """The folder's test secret; of a public key only what it proves is known."""
        return samples.read_secret(self.folder) or samples.USUAL_SECRET

    @property
    def _path(self) -> Path:
        return self.folder / "samples" / f"{self.name}.http"


FOLDERS = list(folders(BUILT_IN))
SAMPLES = [
    Sample(folder, path.stem) for folder in FOLDERS for path in sorted((folder / "samples").glob("*.http"))
]


@cache
def described(folder: Path) -> Description:
    return load_description(folder)


@cache
def read_expected(folder: Path) -> Mapping[str, Any]:
    return samples.read_expected(folder)
