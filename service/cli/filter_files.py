"""Filters of contacts, which commands read from JSON files."""

import sys
from pathlib import Path

import click

from service.documents import loads
from service.domain.filters import Filter, read_filter
from service.errors import InvalidInput

FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)
HELP = "JSON file with filterGroups, as in HubSpot's search; - for the standard input."


def read_filter_file(file: str) -> Filter:
    """Return the filter of a file, or of the standard input; raises InvalidInput."""
    try:
        document = loads(sys.stdin.read() if file == "-" else Path(file).read_bytes())
    except ValueError:
        raise InvalidInput("the filter is no JSON", mend='write {"filterGroups": [...]}') from None
    return read_filter(document)
