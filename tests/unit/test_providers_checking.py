import json
from collections.abc import Callable
from pathlib import Path

import pytest

from service.delivery import Delivery, dump_http, read_http
from service.errors import InvalidInput
from service.providers.checking import Report, check_folder
from service.providers.loading import FILE, load_description
from service.providers.mangling import mangled_deliveries
from service.providers.reader import read
from service.providers.samples import Sample, differences, read_samples, read_secret, write_expected
from service.providers.skeleton import write_skeleton
from service.providers.trying import origins, try_delivery
from service.signatures import sign
from tests.provider_samples import FORM, NOW, deliver, describe, multipart, write_folder

SIGNED = """documentation = ["https://own.example.com"]
[signature]
kind = "hmac"
header = "X-Signature"
form = "t={timestamp},v1={signature}"
signed = "{timestamp}.{body}"
[identity]
form = ["/form"]
[fields]
maps = [{ at = "/data" }]
[redact]
at = "/token"
"""
BODY = {"form": "7", "token": "abcdefgh12", "data": {"email": "ada@example.com", "news": "yes"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that has nothing wrong."""
    made = write_folder(tmp_path, "own", SIGNED)
    (made / "samples").mkdir()
    (made / "README.md").write_text("# Own\n", encoding="utf-8")
    add_sample(made, "first", deliver(BODY))
    accept(made)
    return made


def add_sample(folder: Path, name: str, delivery: Delivery, secret: str = "s3cret") -> None:  # noqa: S107
    signed = sign(load_description(folder).signature, delivery, secret, NOW, "evt_1")
    (folder / "samples" / f"{name}.http").write_bytes(dump_http(signed))


def accept(folder: Path) -> None:
    write_expected(load_description(folder), list(read_samples(folder)), "s3cret")


def told(report: Report) -> list[str]:
    return [("warning " if finding.is_warning else "") + str(finding) for finding in report.findings]


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_good_folder_passes_and_says_what_was_checked(folder: Path) -> None:
    report = check_folder(folder)
    assert (told(report), report.passed) == ([], True)
    samples = "1 sample(s) against expected.json"
    assert report.checked == (FILE, samples, "1 way(s) of signing", "200 random bodies")


def test_every_mistake_of_a_description_is_told_with_its_place(folder: Path) -> None:
    change(folder / FILE, 'form = ["/form"]', 'forms = ["/form"]\nid = "id:"')
    change(folder / FILE, "maps =", "map =")
    report = check_folder(folder)
    assert not report.passed
    assert [line.partition(" is ")[0] for line in told(report)] == [
        "own/provider.toml: identity.forms:",
        "own/provider.toml: identity.id:",
        "own/provider.toml: fields.map:",
    ]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "expected.json").unlink(), "expected.json: expected.json can't be read"),
        (lambda f: (f / "expected.json").write_text("[]"), "expected.json: expected.json is no object"),
        (lambda f: (f / "expected.json").write_text("{}"), "samples/first.http: has no entry"),
        (lambda f: (f / "samples/first.http").unlink(), "samples: holds no delivery"),
        (lambda f: (f / "samples/first.http").write_text("no request"), "samples/first.http: "),
        (lambda f: change(f / "expected.json", '"7"', '"8"'), '[0].form_id: expected "8", found "7"'),
        (lambda f: change(f / "expected.json", '"first"', '"second"'), "there is no samples/second.http"),
        (lambda f: change(f / FILE, '"/token"', '"/data"'), "shows the secret after redaction"),
        (lambda f: (f / "samples/secret.txt").write_text("other"), "doesn't hold with the samples' secret"),
        (lambda f: change(f / FILE, '"X-Signature"', '"X-Sig"'), "carries no proof"),
    ],
)
def test_what_is_wrong_is_a_mistake(folder: Path, spoil: Callable[[Path], object], message: str) -> None:
    if "secret after" in message:
        (folder / "samples/secret.txt").write_text("abcdefgh12", encoding="utf-8")
    spoil(folder)
    report = check_folder(folder)
    assert not report.passed
    assert any(message in line for line in told(report)), told(report)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "README.md").unlink(), "README.md: is missing"),
        (lambda f: (f / "README.md").write_text("Own"), "README.md: doesn't begin with a heading"),
        (lambda f: change(f / FILE, "https://own.example.com", "own"), "doesn't begin with https://"),
        (lambda f: change(f / FILE, '["https://own.example.com"]', "[]"), "is empty: name the vendor's page"),
        (
            lambda f: add_sample(f, "first", deliver(BODY), "another"),
            "write the secret that it was signed with",
        ),
    ],
)
def test_what_is_only_missed_is_a_warning(
    folder: Path, spoil: Callable[[Path], object], message: str
) -> None:
    spoil(folder)
    report = check_folder(folder)
    assert report.passed
    assert [message in line for line in told(report)] == [True]


def test_a_signature_that_nothing_looks_at_is_a_warning(folder: Path) -> None:
    text = (folder / FILE).read_text(encoding="utf-8")
    before, _, after = text.partition("[signature]")
    (folder / FILE).write_text(before + after[after.index("[identity]") :], encoding="utf-8")
    assert "X-Signature is sent and nothing looks at it" in told(check_folder(folder))[0]


def test_a_handshake_is_compared_by_what_is_written(folder: Path) -> None:
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write('[handshake]\nkind = "echo-json"\nwhen = { "/type" = "ping" }\nanswer = "/challenge"\n')
    add_sample(folder, "handshake", deliver({"type": "ping", "challenge": "c1"}))
    accept(folder)
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    assert expected["handshake"]["handshake"]["body"] == '{"challenge":"c1"}'
    assert told(check_folder(folder)) == []
    change(folder / "expected.json", "c1", "c2")
    assert 'challenge: expected "c2", found "c1"' in told(check_folder(folder))[0]


def test_differences_are_told_field_by_field_and_times_are_instants() -> None:
    one = {"occurred_at": "2026-03-02T10:00:42Z", "fields": {"a": "1", "b": "2"}, "list": [1]}
    other = {"occurred_at": "2026-03-02T11:00:42+01:00", "fields": {"a": "9", "c": "3"}, "list": [1, 2]}
    assert list(differences(one, other)) == [
        'fields.a: expected "1", found "9"',
        'fields.b: expected "2", found nothing',
        'fields.c: expected nothing, found "3"',
        "list: expected [1], found [1, 2]",
    ]


def test_random_bodies_are_the_same_each_time() -> None:
    deliveries = [deliver(BODY), deliver("a=1&b=2", FORM)]
    first, again = (list(mangled_deliveries(deliveries, 30)) for _ in range(2))
    assert first == again
    assert len({delivery.body for delivery in first}) > 20


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("https://a.example/hooks/own/T0", "T0"),
        ("https://a.example/hooks/own/T0/v1/track?x=1", "T0"),
        ("https://a.example/other/T1", "T1"),
    ],
)
def test_the_token_of_an_address_is_known(url: str, token: str) -> None:
    assert Sample("one", read_http(f"POST {url} HTTP/1.1\n\n".encode())).token == token


def test_a_secret_file_is_read_as_it_is_kept(folder: Path) -> None:
    assert read_secret(folder) is None
    (folder / "samples/secret.txt").write_text("one\n", encoding="utf-8")
    assert read_secret(folder) == "one"
    (folder / "samples/secret.pem").write_text("-----\n", encoding="utf-8")
    assert read_secret(folder) == "-----\n"


@pytest.mark.parametrize(
    ("delivery", "address"),
    [
        (deliver({"form": "7", "data": {"mail": "ada@example.com"}}), "ada@example.com"),
        (deliver({"x": {"y": [{"name": "e", "value": "ada@example.com"}]}}), "ada@example.com"),
        (deliver([{"title": "E-mail", "answer": "ada@example.com"}]), "ada@example.com"),
        (deliver("form_id=7&email=ada%40example.com", FORM), "ada@example.com"),
        (deliver("fields%5Bemail%5D=ada%40example.com", FORM), "ada@example.com"),
        (
            deliver(multipart(('name="e"', "ada@example.com")), "multipart/form-data; boundary=XBOUND"),
            "ada@example.com",
        ),
        (deliver({"event": "made", "note": "nobody"}), None),
    ],
    ids=["map", "list", "bare list", "form", "nested form", "multipart", "nobody"],
)
def test_a_guessed_folder_reads_its_request(tmp_path: Path, delivery: Delivery, address: str | None) -> None:
    files = write_skeleton(tmp_path / "guessed", delivery)
    assert [path.name for path in files] == [FILE, "README.md", "first.http", "expected.json"]
    (event,) = read(load_description(tmp_path / "guessed"), delivery)
    assert event.email == address
    assert check_folder(tmp_path / "guessed").passed


def test_a_folder_without_a_request_is_a_description_to_begin_with(tmp_path: Path) -> None:
    assert len(write_skeleton(tmp_path / "bare", None)) == 2
    assert load_description(tmp_path / "bare").title == "Bare"


@pytest.mark.parametrize("name", ["own", "Not A Name"])
def test_nothing_is_written_over(folder: Path, name: str) -> None:
    before = (folder / FILE).read_bytes()
    with pytest.raises(InvalidInput):
        write_skeleton(folder.parent / name, None)
    assert (folder / FILE).read_bytes() == before


def test_a_trial_says_whose_fields_are_whose() -> None:
    own = describe('[fields]\nmaps = [{ at = "" }]\n[redact]\nat = ["/key", "/other"]')
    body = {"a": "ada@example.com", "full name": "Ada Lovelace", "key": "x", "b": "eve@example.com"}
    trial = try_delivery(own, deliver(body), [], NOW, {"email": "b"})
    (event,) = trial.events
    assert (trial.proved, trial.redacted) == (None, ("/key",))
    assert origins(event) == {"email": "b", "first_name": "full name", "last_name": "full name"}


def test_a_capture_is_told_to_hold_but_for_its_time(folder: Path) -> None:
    (sample,) = read_samples(folder)
    own = load_description(folder)
    later = NOW.replace(year=NOW.year + 1)
    said = [
        (try_delivery(own, sample.delivery, [secret], now, {}).proof.partition(",")[0])
        for secret, now in (("s3cret", NOW), ("s3cret", later), ("wrong", NOW))
    ]
    assert said == ["it holds", "it holds but for its time", "refused"]


def test_what_cannot_be_read_is_told(folder: Path) -> None:
    trial = try_delivery(load_description(folder), deliver(b"\x00"), [], NOW, {})
    assert trial.refusal == "not_json: the body is no JSON"
