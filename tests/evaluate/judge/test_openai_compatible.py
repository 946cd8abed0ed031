from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from tests.helpers.judge_server import (
    Behaviour,
    JudgeServer,
    breaks_off,
    fails,
    hangs,
    is_gone,
    says,
    sends,
    serving,
    trickles,
)
from visionflan.errors import EvaluationError
from visionflan.evaluate.judge.base import JudgeError, TokenPrices
from visionflan.evaluate.judge.openai_compatible import (
    OpenAICompatibleJudge,
    parse_retry_after,
    read_api_key,
)
from visionflan.evaluate.judge.rubric import JudgeRequest, Message

ASKED = JudgeRequest((Message("system", "You judge."), Message("user", "Is it?")), 0.2, 8)


@contextmanager
def judged_by(
    *script: Behaviour, **told: Any
) -> Iterator[tuple[OpenAICompatibleJudge, JudgeServer]]:
    with serving(JudgeServer(script)) as server:
        judge = OpenAICompatibleJudge(server.url, "judge", **told)
        try:
            yield judge, server
        finally:
            judge.close()


def fault_of(*script: Behaviour, **told: Any) -> JudgeError:
    with judged_by(*script, **told) as (judge, _), pytest.raises(JudgeError) as caught:
        judge.ask(ASKED, 0)
    return caught.value


def test_a_reply_tells_words_the_servers_own_name_tokens_and_cost() -> None:
    spoken = says("yes", model="judge-0613", usage=(1000, 200))
    with judged_by(spoken, prices=TokenPrices(2.0, 10.0)) as (judge, _):
        assert judge.ask(ASKED, 0) == ("yes", "judge-0613", 1000, 200, 0.004, 1, False)
        assert judge.name == "judge"


def test_a_server_is_asked_as_the_protocol_says() -> None:
    with judged_by(key="secret") as (judge, server):
        judge.ask(ASKED, 0)
    assert server.paths == ["/v1/chat/completions"]
    assert server.headers[0]["Authorization"] == "Bearer secret"
    assert server.requests == [
        {
            "model": "judge",
            "messages": [
                {"role": "system", "content": "You judge."},
                {"role": "user", "content": "Is it?"},
            ],
            "temperature": 0.2,
            "max_tokens": 8,
        }
    ]


def test_the_limit_of_tokens_is_named_as_the_server_wants_it() -> None:
    with judged_by(limit_field="max_completion_tokens") as (judge, server):
        judge.ask(ASKED, 0)
    assert server.requests[0]["max_completion_tokens"] == 8
    assert "max_tokens" not in server.requests[0]


@pytest.mark.parametrize("usage", [None, ("many", 3)])
def test_tokens_that_are_not_counted_have_no_price(usage: Any) -> None:
    with judged_by(says("yes", usage=usage), prices=TokenPrices(1, 1)) as (judge, _):
        assert judge.ask(ASKED, 0)[2:5] == (None, None, None)


@pytest.mark.parametrize(
    ("behavior", "kind", "billed", "words"),
    [
        (fails(429, "slow down"), "away", False, "answered 429: slow down"),
        (fails(500, "oh dear"), "away", False, "answered 500: oh dear"),
        (sends(b"<html>\nBad gateway", 502), "away", False, "answered 502: <html> Bad gateway"),
        (fails(400, "too long"), "refused", False, "answered 400: too long"),
        (fails(401, "wrong key"), "barred", False, "answered 401: wrong key"),
        (fails(404, "no such model"), "barred", False, "answered 404: no such model"),
        (is_gone, "away", True, "broke off"),
        (breaks_off, "away", True, "broke off"),
        (sends(b'{"choices": [{"mess'), "unusable", True, "not that of a chat"),
        (sends(b"[" * 100_000), "unusable", True, "not that of a chat"),
        (sends(b"[]"), "unusable", True, "not that of a chat"),
        (sends(b'{"choices": []}'), "unusable", True, "not that of a chat"),
        (fails(200, "the model is loading"), "unusable", True, "the model is loading"),
        (says(None), "unusable", True, "no words"),
        (says(" \n"), "unusable", True, "no words"),
        (says([{"type": "text", "text": "yes"}]), "unusable", True, "no words"),
    ],
)
def test_a_reply_that_is_none_is_a_fault_that_tells_why(
    behavior: Behaviour, kind: str, billed: bool, words: str
) -> None:
    fault = fault_of(behavior)
    assert (fault.kind, fault.billed) == (kind, billed)
    assert words in str(fault)


@pytest.mark.parametrize("behavior", [hangs, trickles])
def test_a_reply_that_does_not_come_in_time_is_late(behavior: Behaviour) -> None:
    fault = fault_of(behavior, timeout=0.15)
    assert (fault.kind, fault.billed) == ("away", True)
    assert "did not answer in 0.15 seconds" in str(fault)


def test_a_server_that_is_not_there_was_not_paid() -> None:
    with serving(JudgeServer()) as server:
        judge = OpenAICompatibleJudge(server.url, "judge")
    with pytest.raises(JudgeError, match="cannot be reached") as caught:
        judge.ask(ASKED, 0)
    judge.close()
    assert (caught.value.kind, caught.value.billed) == ("away", False)


def test_a_fault_never_tells_the_key() -> None:
    fault = fault_of(fails(401, "Incorrect API key provided: secret-7."), key="secret-7")
    assert "key provided: ***." in str(fault)


def test_a_server_that_asks_to_be_left_alone_says_how_long() -> None:
    assert fault_of(fails(429, Retry_After="7")).wait == 7
    assert fault_of(fails(503)).wait == 0


def test_the_time_to_wait_may_be_a_date() -> None:
    later = datetime.now(UTC) + timedelta(seconds=90)
    assert 85 < parse_retry_after(format_datetime(later, usegmt=True)) <= 90
    assert [parse_retry_after(each) for each in ("", "soon", "-3", "nan")] == [0, 0, 0, 0]
    assert parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0


@pytest.mark.parametrize(
    "address",
    ["localhost:8000", "ftp://host/v1", "http://", "http://u:p@host/v1", "http://h?key=1"],
)
def test_an_address_that_is_none_or_holds_a_secret_is_refused(address: str) -> None:
    with pytest.raises(EvaluationError, match="address"):
        OpenAICompatibleJudge(address, "judge")


def test_the_same_server_is_known_by_any_way_to_write_it() -> None:
    written = ("http://h/v1", "http://h/v1/", "http://h/v1/chat/completions")
    assert {OpenAICompatibleJudge(each, "judge").address for each in written} == {"http://h/v1"}


def test_a_key_is_read_from_the_variable_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", " secret\n")
    assert read_api_key("SOME_KEY") == "secret"
    monkeypatch.setenv("SOME_KEY", "sécret")
    with pytest.raises(EvaluationError, match="letters that no request can carry"):
        read_api_key("SOME_KEY")
    monkeypatch.delenv("SOME_KEY")
    with pytest.raises(EvaluationError, match="SOME_KEY holds no key"):
        read_api_key("SOME_KEY")
