from dataclasses import replace

import pytest

from service.domain.endpoints import Captcha
from service.web import captchas
from tests.unit.test_visitors import endpoint, submission

ASKING = replace(endpoint(captcha=Captcha.HCAPTCHA), captcha_secret="s3cret")  # noqa: S106 - of nobody


@pytest.mark.parametrize("answer", [None, "", "with space", "caf\u00e9", "line\nbreak", "x" * 16_385])
def test_what_is_no_answer_is_wrong_without_asking(answer: str | None) -> None:
    assert captchas.is_solved(ASKING, answer, submission()) is False


def test_a_url_that_leads_nowhere_costs_no_lead() -> None:
    lost = replace(ASKING, options=replace(ASKING.options, api_url="http://[broken"))
    assert captchas.is_solved(lost, "solved", submission()) is True


def test_what_was_solved_is_remembered_for_a_while_and_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captchas, "MOST_REMEMBERED", 2)
    solved = captchas.Solved()
    for key in (b"1", b"2", b"3"):
        solved.add(key, now=0.0)
    known = [key for key in (b"1", b"2", b"3") if solved.knows(key, now=captchas.REMEMBERED_FOR - 1)]
    assert known == [b"2", b"3"]
    assert not solved.knows(b"3", now=captchas.REMEMBERED_FOR)


def test_what_was_solved_says_nothing_of_other_content_or_another_endpoint() -> None:
    keys = {
        captchas.key_of(ASKING, "solved", submission("a=1")),
        captchas.key_of(ASKING, "solved", submission("a=2")),
        captchas.key_of(replace(ASKING, id=8), "solved", submission("a=1")),
        captchas.key_of(ASKING, "other", submission("a=1")),
    }
    assert len(keys) == 4
