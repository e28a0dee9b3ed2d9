import json
import re
from pathlib import Path

from service.web.hubspot.errors import STATUS
from service.web.hubspot.metadata import CHECKS, LONGEST_ADDRESS
from service.web.hubspot.problems import ErrorType
from service.web.hubspot.schema import LONGEST_NAME, MOST_VALUES
from service.web.hubspot.submissions import PAIRS, PUBLIC, SECURE
from service.web.hubspot.texts import LONGEST_TEXT
from service.web.limits import WINDOW

PAGE = (Path(__file__).parents[2] / "docs" / "submissions.md").read_text()


def test_the_page_explains_every_error_type_and_no_other() -> None:
    explained = re.findall(r"^\| `([A-Z_]+)` \| \S.* \| \S.* \|$", PAGE, re.MULTILINE)
    assert explained == list(ErrorType)


def test_the_page_names_every_route() -> None:
    for rule in (PUBLIC, SECURE, PAIRS):
        assert f"`POST {rule.replace('portal_id', 'portalId').replace('form_guid', 'formGuid')}`" in PAGE


def test_the_page_names_every_status_of_an_error() -> None:
    for status in {status for _, status in STATUS} | {405, 413, 415, 500}:
        assert f"| {status} |" in PAGE


def test_the_page_names_every_key_of_the_context() -> None:
    for key in CHECKS:
        assert f"`{key}`" in PAGE


def test_the_page_names_the_limits() -> None:
    for limit in (MOST_VALUES, LONGEST_TEXT, LONGEST_ADDRESS, LONGEST_NAME):
        assert f"| {limit:,} |" in PAGE
    assert WINDOW == 10
    assert "ten seconds" in PAGE


def test_the_pages_examples_are_json() -> None:
    examples = re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(examples) >= 4
    for example in examples:
        assert json.loads(example)
