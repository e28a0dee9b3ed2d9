"""The command `provider`: no database and no server are needed for it."""

import re
from pathlib import Path

import pytest

from service.providers.catalogue import BUILT_IN
from tests.e2e.installation import Installation
from tests.services.run import Run

FAILED, USAGE = 1, 2
TERMS = str(BUILT_IN / "typeform" / "samples" / "terms.http")
REQUEST = (
    b"POST /hooks/own/f1c9a7be2d HTTP/1.1\nHost: forms.example.com\nContent-Type: application/json\n"
    b'X-Signature: sha256=00\n\n{"form_id": "7", "answers": {"mail": "ada@example.com", "newsletter": true}}'
)


@pytest.fixture
def bare(tmp_path: Path, test_run: Run) -> Installation:
    """Nothing but a folder."""
    return Installation(tmp_path, port=1, records=test_run.common_folder("installations"))


@pytest.fixture
def own(bare: Installation) -> Path:
    """A folder guessed from a request, below one that the settings name."""
    (bare.folder / "captured.http").write_bytes(REQUEST)
    bare.say("provider", "new", "mine/own", "--from", "captured.http")
    bare.settings["MARKETABLE_PROVIDERS_DIR"] = "mine"
    return bare.folder / "mine" / "own"


def sign(folder: Path) -> None:
    """Take the description of the signature as it was guessed."""
    path = folder / "provider.toml"
    begin, marked, end = path.read_text(encoding="utf-8").partition("# [signature]")
    signature, _, rest = (marked + end).partition("\n\n")
    bare = re.sub("^# ", "", signature, flags=re.MULTILINE)
    path.write_text(f"{begin}{bare}\n\n{rest}", encoding="utf-8")


def test_the_list_holds_the_built_in_providers_and_your_own(bare: Installation, own: Path) -> None:
    rows = {row["name"]: row for row in bare.read("provider", "list", "--json")}
    assert (rows["typeform"]["sent"], rows["typeform"]["kind"]) == ("JSON", "form")
    assert rows["typeform"]["signed"] == "HMAC SHA-256 in `Typeform-Signature` (optional)"
    assert rows[own.name]["title"] == "Own"


def test_show_tells_where_the_secret_goes(bare: Installation) -> None:
    said = bare.say("provider", "show", "meta_lead_ads")
    assert "needs: a secret and an access token, for the look-up" in said
    assert "## Set up" in said
    assert bare.read("provider", "show", "typeform", "--json")["needs"] == "a secret, if you want one"


def test_an_unknown_provider_is_answered_with_a_near_one(bare: Installation) -> None:
    refused = bare.run("provider", "show", "typefrom")
    assert refused.returncode == USAGE
    assert "did you mean 'typeform'?" in refused.stderr


def test_the_table_is_the_page(bare: Installation) -> None:
    page = Path(__file__).parents[2] / "docs" / "providers.md"
    assert bare.say("provider", "table").strip() == page.read_text(encoding="utf-8").strip()


@pytest.mark.usefixtures("own")
def test_check_passes_what_new_made(bare: Installation) -> None:
    checked = bare.run("provider", "check", "mine/own")
    assert checked.returncode == 0
    assert checked.stdout.splitlines()[-1] == "all is well"


def test_check_fails_for_a_mistake_and_names_file_and_key(bare: Installation, own: Path) -> None:
    path = own / "provider.toml"
    path.write_text(path.read_text(encoding="utf-8") + "[fetsh]\n", encoding="utf-8")
    refused = bare.run("provider", "check", "mine/own")
    assert refused.returncode == FAILED
    assert "mistake  own/provider.toml: fetsh: is not known; did you mean 'fetch'?" in refused.stdout


@pytest.mark.usefixtures("own")
def test_new_writes_over_nothing(bare: Installation) -> None:
    refused = bare.run("provider", "new", "mine/own")
    assert refused.returncode == USAGE
    assert "is there already" in refused.stderr


def test_a_request_is_signed_written_and_tried(bare: Installation, own: Path) -> None:
    sign(own)
    (bare.folder / "secret.txt").write_text("of-tests\n", encoding="utf-8")
    options = ("--secret-file", "secret.txt", "--sign", "--write", "signed.http")
    assert "signature: it holds" in bare.say("provider", "try", "own", "captured.http", *options)
    assert "signature: it holds" in bare.say("provider", "try", "own", "signed.http", "--secret", "of-tests")
    refused = bare.run("provider", "try", "own", "signed.http", "--secret", "another")
    assert (refused.returncode, "signature_wrong" in refused.stdout) == (FAILED, True)


def test_a_trial_shows_what_would_be_read(bare: Installation) -> None:
    trial = bare.read(
        "provider", "try", "typeform", TERMS, "--secret", "s3cret", "--mapping", "consent=", "--json"
    )
    (event,) = trial["events"]
    assert (trial["proved"], trial["refusal"]) == (True, None)
    assert event["kind"] == "submission"
    assert "consent" not in event


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--mapping", "mail=a"), "is not ROLE=KEY"),
        (("--sign",), "without a secret"),
        (("--secret", "a", "--secret-file", TERMS), "are both given"),
    ],
)
def test_wrong_options_are_told(bare: Installation, options: tuple[str, ...], said: str) -> None:
    refused = bare.run("provider", "try", "typeform", TERMS, *options)
    assert refused.returncode == USAGE
    assert said in refused.stderr
