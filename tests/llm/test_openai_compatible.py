from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from tests.helpers.llm_server import (
    Behavior,
    LlmServer,
    breaks_off,
    closes,
    fails,
    hangs,
    replies,
    sends,
    serving,
    trickles,
)
from visionflan.errors import LlmError
from visionflan.llm.base import LlmCallError, LlmRequest, Message, TokenPrices
from visionflan.llm.openai_compatible import (
    OpenAICompatibleClient,
    parse_retry_after,
    read_api_key,
)

REQUEST = LlmRequest((Message("system", "You judge."), Message("user", "Is it?")), 0.2, 8)


@contextmanager
def client_of(
    *script: Behavior, **options: Any
) -> Iterator[tuple[OpenAICompatibleClient, LlmServer]]:
    with serving(LlmServer(script)) as server:
        client = OpenAICompatibleClient(server.url, "judge", **options)
        try:
            yield client, server
        finally:
            client.close()


def error_of(*script: Behavior, **options: Any) -> LlmCallError:
    with client_of(*script, **options) as (client, _), pytest.raises(LlmCallError) as caught:
        client.complete(REQUEST, 0)
    return caught.value


def test_a_reply_has_text_the_servers_own_name_tokens_and_cost() -> None:
    reply = replies("yes", model="judge-0613", usage=(1000, 200))
    with client_of(reply, prices=TokenPrices(2.0, 10.0)) as (client, _):
        expected = ("yes", "judge-0613", 1000, 200, 0.004, 1, False)
        assert client.complete(REQUEST, 0)[:7] == expected
        assert client.name == "judge"


def test_a_server_is_called_as_the_protocol_says() -> None:
    with client_of(api_key="secret") as (client, server):
        client.complete(REQUEST, 0)
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
    with client_of(max_tokens_field="max_completion_tokens") as (client, server):
        client.complete(REQUEST, 0)
    assert server.requests[0]["max_completion_tokens"] == 8
    assert "max_tokens" not in server.requests[0]


@pytest.mark.parametrize("usage", [None, ("many", 3)])
def test_tokens_that_are_not_counted_have_no_price(usage: Any) -> None:
    with client_of(replies("yes", usage=usage), prices=TokenPrices(1, 1)) as (client, _):
        assert client.complete(REQUEST, 0)[2:5] == (None, None, None)


@pytest.mark.parametrize(
    ("behavior", "kind", "billed", "message"),
    [
        (fails(429, "slow down"), "outage", False, "answered 429: slow down"),
        (fails(500, "oh dear"), "outage", False, "answered 500: oh dear"),
        (sends(b"<html>\nBad gateway", 502), "outage", False, "answered 502: <html> Bad gateway"),
        (fails(400, "too long"), "rejected", False, "answered 400: too long"),
        (fails(401, "wrong key"), "fatal", False, "answered 401: wrong key"),
        (fails(404, "no such model"), "fatal", False, "answered 404: no such model"),
        (closes, "outage", True, "broke off"),
        (breaks_off, "outage", True, "broke off"),
        (sends(b'{"choices": [{"mess'), "unparsable", True, "not a chat completion"),
        (sends(b"[" * 100_000), "unparsable", True, "not a chat completion"),
        (sends(b"[]"), "unparsable", True, "not a chat completion"),
        (sends(b'{"choices": []}'), "unparsable", True, "not a chat completion"),
        (fails(200, "the model is loading"), "unparsable", True, "the model is loading"),
        (replies(None), "unparsable", True, "no text"),
        (replies(" \n"), "unparsable", True, "no text"),
        (replies([{"type": "text", "text": "yes"}]), "unparsable", True, "no text"),
    ],
)
def test_a_reply_that_is_none_is_an_error_that_says_why(
    behavior: Behavior, kind: str, billed: bool, message: str
) -> None:
    error = error_of(behavior)
    assert (error.kind, error.maybe_billed) == (kind, billed)
    assert message in str(error)


@pytest.mark.parametrize("behavior", [hangs, trickles])
def test_a_reply_that_does_not_come_in_time_is_late(behavior: Behavior) -> None:
    error = error_of(behavior, timeout_s=0.15)
    assert (error.kind, error.maybe_billed) == ("outage", True)
    assert "did not reply within 0.15 seconds" in str(error)


def test_a_server_that_is_not_there_was_not_paid() -> None:
    with serving(LlmServer()) as server:
        client = OpenAICompatibleClient(server.url, "judge")
    with pytest.raises(LlmCallError, match="not reachable") as caught:
        client.complete(REQUEST, 0)
    client.close()
    assert (caught.value.kind, caught.value.maybe_billed) == ("outage", False)


def test_an_error_never_contains_the_key() -> None:
    error = error_of(fails(401, "Incorrect API key provided: secret-7."), api_key="secret-7")
    assert "key provided: ***." in str(error)


def test_a_server_that_asks_to_be_left_alone_says_how_long() -> None:
    assert error_of(fails(429, Retry_After="7")).retry_after_s == 7
    assert error_of(fails(503)).retry_after_s == 0


def test_the_time_to_wait_may_be_a_date() -> None:
    later = datetime.now(UTC) + timedelta(seconds=90)
    assert 85 < parse_retry_after(format_datetime(later, usegmt=True)) <= 90
    assert [parse_retry_after(value) for value in ("", "soon", "-3", "nan")] == [0, 0, 0, 0]
    assert parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0


@pytest.mark.parametrize(
    "url",
    ["localhost:8000", "ftp://host/v1", "http://", "http://u:p@host/v1", "http://h?key=1"],
)
def test_a_url_that_is_none_or_contains_a_secret_is_refused(url: str) -> None:
    with pytest.raises(LlmError, match="URL"):
        OpenAICompatibleClient(url, "judge")


def test_the_same_server_is_known_by_any_way_to_write_it() -> None:
    urls = ("http://h/v1", "http://h/v1/", "http://h/v1/chat/completions")
    assert {OpenAICompatibleClient(url, "judge").address for url in urls} == {"http://h/v1"}


def test_a_key_is_read_from_the_variable_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", " secret\n")
    assert read_api_key("SOME_KEY") == "secret"
    monkeypatch.setenv("SOME_KEY", "sécret")
    with pytest.raises(LlmError, match="characters that are not allowed in a header"):
        read_api_key("SOME_KEY")
    monkeypatch.delenv("SOME_KEY")
    with pytest.raises(LlmError, match="SOME_KEY contains no API key"):
        read_api_key("SOME_KEY")
