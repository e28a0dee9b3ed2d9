import pytest

from config.sources import NOWHERE, read_sources
from service.domain.defaults import (
    DELETE_COUNTS,
    EXTERNAL_FORMS,
    Subject,
    SubjectKind,
    dump_value,
    is_same,
    load_value,
    read_subject,
    read_value,
)
from service.domain.endpoints import ExternalForm, ExternalKind
from service.domain.forms import FormDefinition
from service.domain.marketing import FOR_NEW_CONTACTS_ONLY
from service.domain.model import Source
from service.domain.portals import DeleteCounts
from service.errors import InvalidInput
from tests.facts import FORM, make_portal

SUBJECTS = [
    Subject(SubjectKind.FORM, FORM),
    Subject(SubjectKind.EXTERNAL_FORM, "3"),
    Subject(SubjectKind.CHATFLOW, "4"),
    Subject(SubjectKind.TOKEN, "0"),
    EXTERNAL_FORMS,
    DELETE_COUNTS,
]


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_a_subject_is_read_as_it_is_written(subject: Subject) -> None:
    assert read_subject(str(subject)) == subject


def test_a_guid_may_be_written_in_any_way() -> None:
    assert read_subject(f"form:{FORM.upper().replace('-', '')}") == Subject(SubjectKind.FORM, FORM)


WRONG_VALUES: tuple[object, ...] = ("perhaps", 1, [], {})
WRONG_SUBJECTS = [
    *(
        "",
        "form",
        "form:",
        "form:1",
        "chatflow:x",
        "chatflow:-1",
        "chatflow:\u0663",
        "token:01",
        "portal:name",
    ),
    *("nobody:1", "token:" + "9" * 30, "external_form:1\n2", "\0", "\ud800:1"),
]


@pytest.mark.parametrize("text", WRONG_SUBJECTS)
def test_what_names_no_default_is_refused_with_a_mend(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_subject(text)
    assert refused.value.field == "subject"
    assert "form:<guid>" in refused.value.mend


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_a_value_is_loaded_as_it_was_dumped(subject: Subject) -> None:
    values: list[object] = [*DeleteCounts] if subject == DELETE_COUNTS else [True, False]
    for value in values:
        assert load_value(subject, dump_value(subject, read_value(subject, value))) == value


@pytest.mark.parametrize(
    ("subject", "value"),
    [
        *((subject, None) for subject in SUBJECTS if subject.kind.value not in {"external_form", "chatflow"}),
        *((subject, value) for subject in SUBJECTS for value in WRONG_VALUES),
        (DELETE_COUNTS, True),
        (EXTERNAL_FORMS, "not"),
    ],
)
def test_what_a_default_cannot_be_is_refused_with_a_mend(subject: Subject, value: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_value(subject, value)
    assert refused.value.mend.startswith("write ")


def test_a_chatflow_that_nobody_has_set_is_off() -> None:
    chatflow, form = Subject(SubjectKind.CHATFLOW, "1"), Subject(SubjectKind.EXTERNAL_FORM, "1")
    assert is_same(chatflow, None, other=False)
    assert not is_same(form, None, other=False)


def test_the_table_of_sources_says_what_the_rules_do() -> None:
    sources = read_sources()
    made = {"id": 1, "endpoint_id": 1, "portal_id": 1, "key": ""}
    assert set(sources) == {source.value for source in Source}
    assert sources["hubspot_form"].marketing is FormDefinition(name="", fields={}).marketing_default
    assert sources["external_form"].marketing is make_portal().external_forms
    chatflow = ExternalForm(**made, kind=ExternalKind.CHATFLOW)  # type: ignore[arg-type]
    assert sources["chatflow"].marketing is chatflow.default(of_portal=True)
    only_new = {source for source in FOR_NEW_CONTACTS_ONLY if sources[source].contacts != "new"}
    assert only_new == set()
    for source in (Source.HUBSPOT_FORM, Source.EXTERNAL_FORM):
        assert (sources[source].contacts, source in FOR_NEW_CONTACTS_ONLY) == ("all", False)


def test_what_the_table_says_is_fixed_can_be_set_nowhere() -> None:
    fixed = {source for source, each in read_sources().items() if each.changeable == NOWHERE}
    assert fixed == {source for source, each in read_sources().items() if each.is_fixed}
    assert "other" in fixed
    assert fixed.isdisjoint({"hubspot_form", "external_form", "chatflow", "token"})
