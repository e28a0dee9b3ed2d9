from pathlib import Path

import pytest

from service.errors import InvalidInput
from service.providers.catalogue import BUILT_IN, load_catalogue
from service.providers.loading import FILE, load_description
from tests.provider_samples import HEAD, describe, write_folder


def mistakes(text: str) -> list[str]:
    with pytest.raises(InvalidInput) as refusal:
        describe(text)
    return str(refusal.value).splitlines()[1:]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("tilte = 1", "tilte is not known; did you mean 'title'?"),
        ("[decode]\nbdy = 1", "decode.bdy is not known; did you mean 'body'?"),
        ("[decode]\nxxx = 1", "decode.xxx is not known; known are body, unpack, root"),
        ('[decode]\nbody = "xml"', "decode.body is 'xml'; choose one of json, form, form-php"),
        ("[decode]\nunpack = [7]", "decode.unpack[0] is the number 7; make it a text"),
        ("decode = 7", "decode is no table; write { … }"),
        ('[decode]\nroot = "a"', "decode.root is 'a' and begins without '/'"),
        ('[events]\neach = ["/a~"]', "events.each is '/a~' and has a '~' that is neither"),
        ('[events]\ntype = "cookie:x"', "events.type is 'cookie:x' and is neither a pointer"),
        ('[events]\nsubmission = ["a"]', "events.type is missing beside lists of types"),
        ('[events]\ntype = "/a"', "events.type leads to nothing that counts"),
        ('[events]\ntype = "/a"\nchat = "x"\nsubmission = "x"', "events.type 'x' stands in two lists"),
        ('[events]\nkept = { a = "never" }', "events.kept.a is 'never'; choose one of partial, test"),
        (
            '[[events.only_if]]\nat = "/a"\notherwise = "agent"',
            "events.only_if[0] has not exactly one of in,",
        ),
        ('[[events.only_if]]\nin = ["a"]', "events.only_if[0].at is missing"),
        (
            '[identity]\nat = { from = "/a", format = "iso8601" }',
            "identity.at.format is 'iso8601' and is no format",
        ),
        ('[identity]\nat = { from = "/a", format = "%Y %!" }', "identity.at.format is '%Y %!' and"),
        ('[identity]\nat = { from = "/a", zone = "Mars/Base" }', "identity.at.zone is 'Mars/Base'"),
        ("[identity]\nvolatile = [7]", "identity.volatile[0] is the number 7; make it a text"),
        ('[identity]\nform = "path:first"', "identity.form is 'path:first' and is neither a pointer"),
        ('[identity]\nid = [["/a"], ["b"]]', "identity.id[1] is 'b' and begins without '/'"),
        ('[identity]\nform = "pick:who/a"', "identity.form uses pick:who, which [pick] doesn't name before"),
        ('[pick]\na = { at = "pick:b", where = { "/a" = "b" } }', "pick.a.at uses pick:b"),
        ('[pick]\na = { at = "/a", where = { "b" = "b" } }', "pick.a.where.b begins without '/'"),
        ('[fields]\nmaps = [{ at = "", keep = "(" }]', "fields.maps[0].keep is '(' and is no pattern"),
        ("[fields]\nmaps = [{ kee = 1 }]", "fields.maps[0].kee is not known; did you mean 'keep'?"),
        ("[fields]\nmaps = [{ kee = 1 }]", "fields.maps[0].at is missing"),
        ('[fields]\nlines = [{ at = "/a", separator = " " }]', "fields.lines[0].separator is empty"),
        (
            '[fields]\nlists = [{ at = "/a", labels = { at = "/b" } }]',
            "fields.lists[0].labels.key is missing",
        ),
        ('[roles]\nmail = "/a"', "roles.mail is not known; did you mean 'email'?"),
        ('[roles.types]\nconsent_text = ["a"]', "roles.types.consent_text is not known"),
        ('[[roles.groups]]\nkey = "a"\nparts = []\nroles = {}', "roles.groups[0].key has 0 group(s)"),
        ("[consent]\nby_type = { a = 1 }", "consent.by_type.a is the number 1"),
        ('[handshake]\nkind = "wink"', "handshake.kind is 'wink'; choose one of hub-challenge"),
        ('[handshake]\nkind = "head"\nanswer = "/a"', "handshake.answer is not known"),
        ('[handshake]\nkind = "echo-json"', "handshake.answer is missing"),
        ("[reply]\nstatus = 302", "reply.status is 302; write one from 200 to 299"),
        ('[fetch]\nplugin = "Not ours"', "fetch.plugin is 'Not ours'; use a-z, 0-9 and _"),
        ('[fetch]\nplugin = "a"\nunless = "phone"', "fetch.unless is 'phone'; write 'email'"),
        ('[signature]\nkind = "hmac"', "signature.header is missing"),
        ('[redact]\nat = ["a"]', "redact.at is 'a' and begins without '/'"),
        ('[honeypot]\nfields = ["/a~"]', "honeypot./a~ has a '~'"),
    ],
)
def test_each_mistake_is_named_with_its_key(text: str, mistake: str) -> None:
    assert any(line.startswith(f"- own/provider.toml: {mistake}") for line in mistakes(text)), mistakes(text)


def test_all_mistakes_are_named_at_once() -> None:
    assert len(mistakes('a = 1\n[decode]\nbody = "xml"\n[reply]\nstatus = 500')) == 3


def test_what_every_description_has_must_be_there(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, "own", "", head="")
    with pytest.raises(InvalidInput, match="4 mistake"):
        load_description(folder)


@pytest.mark.parametrize("text", ["= 1", "a = \xff", "a = " + "1" * 200_000])
def test_a_file_that_is_no_toml_is_a_mistake(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / FILE).write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidInput, match=r"own/provider\.toml can't be read"):
        load_description(folder)


def test_a_folder_without_a_description_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match=r"empty/provider\.toml can't be read"):
        load_catalogue(tmp_path)


def test_a_folder_is_named_as_urls_take_it(tmp_path: Path) -> None:
    write_folder(tmp_path, "My-Form", "")
    with pytest.raises(InvalidInput, match="My-Form is no name for a provider"):
        load_catalogue(tmp_path)


def test_the_built_in_catalogue_is_right_and_sorted() -> None:
    catalogue = load_catalogue()
    assert list(catalogue) == sorted(catalogue)
    assert all(name == description.name for name, description in catalogue.items())
    assert all(description.folder.parent == BUILT_IN for description in catalogue.values())


def test_own_providers_stand_beside_the_built_in_ones(tmp_path: Path) -> None:
    write_folder(tmp_path, "our_form", "")
    (tmp_path / ".git").mkdir()
    (tmp_path / "notes.txt").write_text("no folder")
    catalogue = load_catalogue(tmp_path)
    assert catalogue["our_form"].folder == tmp_path / "our_form"
    assert len(catalogue) == len(load_catalogue()) + 1


def test_a_built_in_provider_is_replaced_on_purpose_only(tmp_path: Path) -> None:
    name = next(iter(load_catalogue()))
    folder = write_folder(tmp_path, name, "")
    with pytest.raises(InvalidInput, match=f"{name}/provider.toml has the name of a built-in provider"):
        load_catalogue(tmp_path)
    (folder / FILE).write_text(f"{HEAD}replaces = true")
    assert load_catalogue(tmp_path)[name].folder == folder


def test_mistakes_of_all_own_folders_are_told_together(tmp_path: Path) -> None:
    write_folder(tmp_path, "one", "a = 1")
    write_folder(tmp_path, "two", "b = 1")
    with pytest.raises(InvalidInput, match=r"(?s)2 mistake.*one/.*two/"):
        load_catalogue(tmp_path)


def test_an_own_folder_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="can't be read"):
        load_catalogue(tmp_path / "missing")


def test_secrets_in_the_body_are_redacted_unasked() -> None:
    description = describe(
        '[signature]\nkind = "equal"\nplace = "body"\nname = "/key"\n[redact]\nat = ["/more"]'
    )
    assert [pointer.text for pointer in description.redact] == ["/more", "/key"]
