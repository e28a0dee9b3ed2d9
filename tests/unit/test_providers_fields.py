import pytest

from service.errors import Unreadable
from service.providers.limits import LONGEST_KEY, LONGEST_VALUE, MOST_FIELDS
from service.providers.reader import read
from tests.provider_samples import deliver, describe, read_one

FLAT = describe('[fields]\nmaps = [{ at = "" }]')


def flat(body: object) -> dict[str, str]:
    return dict(read_one(FLAT, body).fields)


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ("Ada", {"k": "Ada"}),
        ("", {"k": ""}),
        (True, {"k": "true"}),
        (5.0, {"k": "5"}),
        (1.5, {"k": "1.5"}),
        (40_000_000_000, {"k": "40000000000"}),
        (None, {}),
        (["a", 1, None, False], {"k": "a;1;false"}),
        ([], {"k": ""}),
        ([{"name": "a"}, "b"], {"k.0.name": "a", "k.1": "b"}),
        ({"first": "Ada", "last": "L"}, {"k.first": "Ada", "k.last": "L"}),
        ({"a": {"b": {"c": 1}}, "d": None}, {"k.a.b.c": "1"}),
        ({}, {}),
        ({"full": "555"}, {"k": "555"}),
        ({"full": None}, {}),
        ({"area": "555", "phone": "0100"}, {"k": "555 0100"}),
        ({"year": 2026, "month": 3, "day": "2"}, {"k": "2026-03-02"}),
        ({"year": "2026", "month": "3", "day": "2", "hour": "9", "min": "5"}, {"k": "2026-03-02 09:05"}),
        ({"year": "", "month": "", "day": ""}, {"k": ""}),
        ({"year": "MM", "month": "a", "day": "b"}, {"k.year": "MM", "k.month": "a", "k.day": "b"}),
        ({"value": "x"}, {"k": "x"}),
        ({"value": "x", "unix": 7}, {"k": "x"}),
        ({"value": ["a", "b"]}, {"k": "a;b"}),
        ({"id": "1", "label": "Team"}, {"k": "Team"}),
        ({"other": "mine"}, {"k": "mine"}),
        ({"labels": ["a"], "ids": ["1"], "other": "b"}, {"k": "a;b"}),
        ({"label": "Team", "price": 1}, {"k.label": "Team", "k.price": "1"}),
    ],
)
def test_values_become_texts(value: object, fields: dict[str, str]) -> None:
    assert flat({"k": value}) == fields


def test_long_values_and_names_are_cut() -> None:
    fields = flat({"n" * 500: "v" * 100_000, "list": ["v" * 50_000] * 2})
    assert fields["n" * LONGEST_KEY] == "v" * LONGEST_VALUE
    assert len(fields["list"]) == LONGEST_VALUE


def test_equal_keys_are_numbered() -> None:
    description = describe('[fields]\nmaps = [{ at = "/a" }, { at = "/b" }, { at = "/a" }]')
    event = read_one(description, {"a": {"k": "1", "k_2": "2"}, "b": {"k": "3", "": "4"}})
    assert event.fields == {"k": "1", "k_2": "2", "k_3": "3", "_": "4", "k_4": "1", "k_2_2": "2"}


@pytest.mark.parametrize(
    "body",
    [
        {f"k{number}": 1 for number in range(MOST_FIELDS + 1)},
        {"k": [{"n": number} for number in range(MOST_FIELDS + 1)]},
        {"a": {f"k{number}": 1 for number in range(MOST_FIELDS)}, "b": 1},
    ],
)
def test_fields_are_limited(body: object) -> None:
    with pytest.raises(Unreadable, match="1000 fields"):
        read(FLAT, deliver(body))


def test_names_are_chosen_and_shortened_by_patterns() -> None:
    description = describe(
        r"""[fields]
maps = [{ at = "/d", skip = ["q9_x"], keep = '^q\d+_', strip = '^q\d+_' }]"""
    )
    body = {"d": {"q3_name": "Ada", "q9_x": "no", "slug": "no", "q4_": "kept"}}
    assert read_one(description, body).fields == {"name": "Ada", "q4_": "kept"}


def test_texts_may_stand_for_lists() -> None:
    description = describe('[fields]\nmaps = [{ at = "", split = "||", json_lists = true }]')
    body = {"a": "x|| y", "b": '["x","y"]', "c": "[x]", "d": '[{"x":1}]', "e": "[1,2]", "f": ["x||y"]}
    fields = {"a": "x;y", "b": "x;y", "c": "[x]", "d": '[{"x":1}]', "e": "1;2", "f": "x||y"}
    assert read_one(description, body).fields == fields


LISTS = describe("""
[[fields.lists]]
at = "/answers"
key = ["/field/ref", "/field/id"]
label = "/title"
type = "/field/type"
value = "by-type"
labels = { at = "/form", key = ["/ref", "/id"], label = "/title", type = "/type" }
""")


def test_a_list_tells_keys_labels_types_and_values() -> None:
    body = {
        "answers": [
            {"type": "text", "text": "Ada", "field": {"ref": "name", "type": "short_text"}},
            {"type": "choice", "choice": {"label": "Team"}, "field": {"id": "f2"}},
            {"type": "email", "email": "a@example.com", "title": "Mail"},
            {"type": "missing", "field": {"ref": "none"}},
            "no object",
            {"type": "text", "text": "x"},
        ],
        "form": [
            {"ref": "name", "title": "Your name"},
            {"id": "f2", "ref": "", "title": "Plan", "type": "pick"},
        ],
    }
    event = read_one(LISTS, body)
    assert event.fields == {"name": "Ada", "f2": "Team", "Mail": "a@example.com", "field_6": "x"}
    assert event.labels == {"name": "Your name", "f2": "Plan", "Mail": "Mail"}
    assert event.types == {"name": "short_text", "f2": "pick"}


OPTIONS = describe("""
[[fields.lists]]
at = "/fields"
key = "/key"
label = "/label"
value = ["/answer", "/value"]
options = "/options"
keep = '^[a-z]$'
""")


def test_option_ids_become_their_texts() -> None:
    options = [{"id": "o1", "text": "Yes"}, {"id": 2, "text": "No"}, "no object", {"id": "o3"}]
    fields = [
        {"key": "a", "value": ["o1", 2, "o9"], "options": options},
        {"key": "b", "value": 2, "options": options},
        {"key": "c", "answer": "o3", "options": options},
        {"key": "d", "value": "o1", "options": "none"},
        {"key": "a_o1", "value": True},
    ]
    assert read_one(OPTIONS, {"fields": fields}).fields == {"a": "Yes;No;o9", "b": "No", "c": "o3", "d": "o1"}


def test_an_object_is_a_list_whose_names_are_the_keys() -> None:
    description = describe('[fields]\nlists = [{ at = "/data", label = "/name", item_text = "/label" }]')
    body = {"data": {"b7": {"value": "Ada", "name": "Name"}, "d9": {"value": [{"label": "x"}, "y"]}}}
    event = read_one(description, body)
    assert event.fields == {"b7": "Ada", "d9": "x;y"}
    assert event.labels == {"b7": "Name"}


PARTS = describe("""
[[fields.maps]]
at = ""
keep = '^Field'
labels.at = "/S/Fields"
labels.key = "/ID"
labels.label = "/Title"
labels.type = "/Type"
labels.parts = { at = "/Sub", key = "/ID", label = "/Label" }
""")


def test_labels_of_parts_stand_after_those_of_their_field() -> None:
    name = {"ID": "Field1", "Title": "Name", "Type": "shortname", "Sub": [{"ID": "Field1", "Label": "First"}]}
    body = {"Field1": "Ada", "Field3": "x", "S": {"Fields": [name, {"ID": "Field3", "Title": "Other"}, 7]}}
    event = read_one(PARTS, body)
    assert event.labels == {"Field1": "Name First", "Field3": "Other"}
    assert event.types == {"Field1": "shortname"}
    assert event.first_name == "Ada"


def test_named_fields_are_taken_where_they_hold_something() -> None:
    description = describe(
        '[fields.named]\na = "/a"\nb = ["/none", "/b"]\nc = "/c"\nd = "/d"\ne = "header:X-E"'
    )
    event = read_one(description, {"a": 1, "b": ["x", "y"], "c": {"d": 1}, "d": ""}, X_E="e")
    assert event.fields == {"a": "1", "b": "x;y", "e": "e"}


def test_lines_of_a_text_are_fields() -> None:
    description = describe('[fields]\nlines = [{ at = ["/none", "/text"] }]')
    text = (
        "Name : Ada\r\nEmail : ada@example.com : x\nno field\nName : Bob\n : x\n"
        + "n" * 81
        + " : x\nEmpty : "
    )
    event = read_one(description, {"text": text})
    assert event.fields == {"Name": "Ada", "Email": "ada@example.com : x", "Empty": ""}


def test_what_is_not_there_gives_no_fields() -> None:
    bodies: tuple[object, ...] = ({}, {"answers": 7, "fields": "x", "S": []}, [])
    for description in (LISTS, OPTIONS, PARTS):
        for body in bodies:
            assert read_one(description, body).fields == {}


def test_a_long_label_is_kept_as_evidence() -> None:
    label = "I want the newsletter. " + "Really. " * 100
    event = read_one(OPTIONS, {"fields": [{"key": "a", "label": label, "value": True}]})
    assert event.labels["a"] == event.consent_text == label
