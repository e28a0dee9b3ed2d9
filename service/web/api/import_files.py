"""`/api/v1/portals/<portalId>/import-files`: files to import, and what is in them."""

import tempfile
from pathlib import Path
from typing import Any

import marshmallow as ma
from flask import request
from flask.views import MethodView
from flask_smorest import Blueprint

from service.domain.portals import Scope
from service.errors import InvalidInput
from service.imports.files import LONGEST_NAME, ImportFiles
from service.spreadsheets import Certainty
from service.web.api.access import NUMBER, PORTAL, guard
from service.web.api.effects import changes
from service.web.api.fields import INSTANT, STORABLE
from service.web.documents.imports import describe_file
from service.web.services import services

MULTIPART = "multipart/form-data"
PART = "file"
ENVELOPE = 65_536
"""Bytes that a multipart body may have beside its file."""
CHUNK = 262_144
MOST = 200
BINARY = {"schema": {"type": "string", "format": "binary"}}
UPLOAD = {
    "required": True,
    "description": "The file: as the part 'file' of a form, or as the whole body with its name in the address",
    "content": {
        MULTIPART: {"schema": {"type": "object", "properties": {PART: BINARY["schema"]}, "required": [PART]}},
        "text/csv": BINARY,
        "application/octet-stream": BINARY,
    },
}

blueprint = Blueprint(
    "import_files", __name__, url_prefix=f"{PORTAL}/import-files", description="Files to import"
)
guard(blueprint, Scope.CONTACTS)


class ColumnSchema(ma.Schema):
    """A column, and the property that it seems to fill."""

    column = ma.fields.Integer(required=True, metadata={"description": "From 1"})
    name = ma.fields.String(required=True)
    property = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "null: better left out"}
    )
    certainty = ma.fields.String(required=True, metadata={"enum": [each.value for each in Certainty]})
    why = ma.fields.String(required=True)


class PreviewRowSchema(ma.Schema):
    """One of the first rows; long cells are cut."""

    line = ma.fields.Integer(required=True, metadata={"description": "From 1"})
    cells = ma.fields.List(ma.fields.String(), required=True)


class ImportFileSchema(ma.Schema):
    """A file that was read."""

    id = ma.fields.Integer(required=True)
    name = ma.fields.String(required=True)
    size = ma.fields.Integer(required=True, metadata={"description": "In bytes"})
    digest = ma.fields.String(required=True, metadata={"description": "SHA-256 of the file, in hex"})
    rows = ma.fields.Integer(required=True, metadata={"description": "Below the header, without blank ones"})
    columns = ma.fields.List(ma.fields.Nested(ColumnSchema), required=True)
    mapping = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(),
        required=True,
        metadata={"description": "Column to property, as an import takes it: what seems right"},
    )
    preview = ma.fields.List(ma.fields.Nested(PreviewRowSchema), required=True)
    created_at = ma.fields.String(required=True, metadata=INSTANT)
    job = ma.fields.Integer(
        required=True, allow_none=True, metadata={"description": "Of the last import or estimate"}
    )


class UploadQuerySchema(ma.Schema):
    """What goes with a file."""

    name = ma.fields.String(
        validate=ma.validate.Length(1, LONGEST_NAME),
        metadata={"description": "The file's name, where the body is the file itself"},
    )
    sheet = ma.fields.String(
        validate=ma.validate.Length(1, LONGEST_NAME),
        metadata={"description": "A workbook's sheet; the first visible one if left out"},
    )


class ImportFileQuerySchema(ma.Schema):
    """Which files are asked for."""

    before = ma.fields.Integer(validate=STORABLE)
    limit = ma.fields.Integer(load_default=50, validate=ma.validate.Range(1, MOST))


@blueprint.route("")
class ImportFilesView(MethodView):
    """Files to import."""

    @blueprint.arguments(ImportFileQuerySchema, location="query", error_status_code=400)
    @blueprint.response(200, ImportFileSchema(many=True))
    def get(self, query: dict[str, Any], portal_id: int) -> list[dict[str, Any]]:
        """Return the files that are kept, the newest first."""
        return [describe_file(each) for each in _files().page(portal_id, **query)]

    @changes
    @blueprint.doc(requestBody=UPLOAD)
    @blueprint.arguments(UploadQuerySchema, location="query", error_status_code=400)
    @blueprint.response(201, ImportFileSchema)
    def post(self, query: dict[str, Any], portal_id: int) -> dict[str, Any]:
        """Take in a CSV or XLSX file, and say what its columns seem to be; nothing is imported yet."""
        files = _files()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "file"
            name = _receive(path, query.get("name"), files)
            return describe_file(files.take(portal_id, name, path, query.get("sheet")))


@blueprint.route(f"/<{NUMBER}:file_id>")
class ImportFileView(MethodView):
    """One file."""

    @blueprint.response(200, ImportFileSchema)
    def get(self, portal_id: int, file_id: int) -> dict[str, Any]:
        """Return what is in a file."""
        return describe_file(_files().find(portal_id, file_id))

    @changes
    @blueprint.response(204)
    def delete(self, portal_id: int, file_id: int) -> None:
        """Forget a file; 409 while an import reads it."""
        _files().delete(portal_id, file_id)


def _files() -> ImportFiles:
    current = services()
    return ImportFiles(current.database, current.now, current.settings.max_import_bytes)


def _receive(path: Path, name: str | None, files: ImportFiles) -> str:
    """Write what is sent to a file, piece by piece, and return its name."""
    request.max_content_length = files.largest + ENVELOPE
    if request.mimetype == MULTIPART:
        part = request.files.get(PART)
        if part is None:
            raise InvalidInput(f"there is no part {PART!r}", field=PART, mend="send the file as this part")
        part.save(path)
        return name or part.filename or ""
    if not name:
        raise InvalidInput("the file has no name", field="name", mend="add ?name=contacts.csv to the address")
    size = 0
    with path.open("wb") as target:
        while piece := request.stream.read(CHUNK):
            size += len(piece)
            files.check_size(size)
            target.write(piece)
    return name
