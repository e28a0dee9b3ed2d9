from base64 import b64encode
from typing import Any

import pytest

from service.errors import Unreadable
from service.providers.decode import decode, split
from tests.provider_samples import FORM, deliver, describe

DESCRIPTION = describe('[decode]\nbody = "cloudevents"\n[events]\neach = [""]')
STRUCTURED = "application/cloudevents+json; charset=utf-8"
BATCH = "application/cloudevents-batch+json"
EVENT = {"specversion": "1.0", "id": "1", "source": "/forms", "type": "form.submitted", "data": {"a": 1}}
BINARY = {"Ce_Specversion": "1.0", "Ce_Id": "1", "CE_Source": "/f%C3%A9"}


def elements(body: object, content_type: str, **headers: str) -> Any:
    delivery = deliver(body, content_type, **headers)
    return split(DESCRIPTION, decode(DESCRIPTION, delivery))


def test_a_structured_event_is_read() -> None:
    assert elements(EVENT, STRUCTURED) == [EVENT]
    assert elements(EVENT, "application/json") == [EVENT]


def test_a_batch_is_several_events() -> None:
    assert elements([EVENT, EVENT], BATCH) == [EVENT, EVENT]
    assert elements([], BATCH) == []


def test_a_binary_event_has_its_attributes_in_headers() -> None:
    assert elements({"a": 1}, "application/json", **BINARY) == [
        {"specversion": "1.0", "id": "1", "source": "/fé", "data": {"a": 1}}
    ]
    assert elements("a=1", FORM, **BINARY)[0]["data"] == {"a": "1"}
    assert elements("hello", "text/plain", **BINARY)[0]["data"] == "hello"
    assert "data" not in elements("", "application/json", **BINARY)[0]


def test_the_media_type_decides_before_the_headers() -> None:
    assert elements(EVENT, STRUCTURED, **BINARY) == [EVENT]


@pytest.mark.parametrize(
    ("kind", "data"), [("application/json", {"a": 1}), ("", {"a": 1}), ("text/plain", '{"a":1}')]
)
def test_data_in_base64_is_decoded(kind: str, data: Any) -> None:
    event = {name: value for name, value in EVENT.items() if name != "data"}
    event |= {"data_base64": b64encode(b'{"a":1}').decode(), "datacontenttype": kind}
    assert elements(event, STRUCTURED)[0]["data"] == data


@pytest.mark.parametrize("body", [{}, [7], "text", {"specversion": 1}, {**EVENT, "data_base64": "?"}])
def test_what_is_no_event_is_refused(body: object) -> None:
    with pytest.raises(Unreadable) as refusal:
        elements(body if body != "text" else '"text"', STRUCTURED)
    assert refusal.value.reason == "not_a_cloudevent"
