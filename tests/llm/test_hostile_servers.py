"""Whatever a server sends, a call ends in time and memory, without a traceback or the key."""

import gzip
import json
import socket
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from tests.helpers.llm_server import Behavior, Handler, LlmServer, fails, replies, sends, serving
from visionflan.errors import LlmError
from visionflan.llm.base import LlmCallError, LlmReply, LlmRequest, Message, TokenPrices
from visionflan.llm.http_exchange import MAX_REPLY_BYTES
from visionflan.llm.openai_compatible import OpenAICompatibleClient, explanation

REQUEST = LlmRequest((Message("user", "Is it?"),), 0.0, 8)
KEY = "sk-secret-0123456789"
TIMEOUT = 0.3


def complete(behavior: Behavior, **options: object) -> LlmReply:
    with serving(LlmServer([behavior])) as server:
        client = OpenAICompatibleClient(server.url, "judge", **options)  # type: ignore[arg-type]
        return client.complete(REQUEST, 0)


def error_of(behavior: Behavior, **options: object) -> LlmCallError:
    with pytest.raises(LlmCallError) as caught:
        complete(behavior, **options)
    return caught.value


def repeats(head: bytes, piece: bytes) -> Behavior:
    """Send some bytes, and then a piece every few milliseconds, without end."""

    def behave(handler: Handler) -> None:
        handler.wfile.write(head)
        while not handler.server_under_test.ending.wait(0.01):
            handler.wfile.write(piece)
            handler.wfile.flush()

    return behave


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GZIPPED = OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
EMPTY_BLOCK = b"5\r\n\x00\x00\x00\xff\xff\r\n"  # deflate data that decode to nothing
GZIP_HEADER = b"a\r\n" + gzip.compress(b"")[:10] + b"\r\n"


@pytest.mark.parametrize(
    "behavior",
    [
        repeats(b"HTTP/1.1 200", b" "),
        repeats(OK, b"X: y\r\n"),
        repeats(OK + b"X: ", b"y"),
        repeats(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        repeats(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        repeats(CHUNKED + b"1;", b"x"),
        repeats(CHUNKED, b"1\r\n \r\n"),
        repeats(GZIPPED + GZIP_HEADER, EMPTY_BLOCK),
        repeats(OK + b"Content-Length: 100000\r\n\r\n", b" "),
        repeats(CHUNKED + b"0\r\n", b"X: y\r\n"),
    ],
    ids=[
        *("status line", "headers", "one header", "continue", "early hints", "chunk extension"),
        *("chunks", "gzip", "body", "trailers"),
    ],
)
def test_the_deadline_covers_every_part_of_an_exchange(behavior: Behavior) -> None:
    begin = time.monotonic()
    error = error_of(behavior, timeout_s=TIMEOUT)
    assert time.monotonic() - begin < 4 * TIMEOUT + 1
    assert (error.kind, error.maybe_billed) == ("outage", True)


def gzipped(content: bytes) -> Behavior:
    return sends(content, headers={"Content-Encoding": "gzip"})


def test_a_compressed_reply_is_read() -> None:
    body = {"model": "m", "choices": [{"message": {"content": "yes"}}]}
    assert complete(gzipped(gzip.compress(json.dumps(body).encode()))).text == "yes"


@pytest.mark.parametrize(
    "pack",
    [
        gzip.compress,
        lambda content: gzip.compress(gzip.compress(content)),
    ],
)
def test_a_reply_is_limited_after_decoding(pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(bytes(20 * MAX_REPLY_BYTES))
    tracemalloc.start()
    error = error_of(gzipped(bomb), timeout_s=5.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.kind in ("outage", "unparsable")
    assert peak < 5 * MAX_REPLY_BYTES


def test_an_encoding_that_was_not_requested_is_refused() -> None:
    headers = {"Content-Encoding": "gzip, gzip, br"}
    error = error_of(sends(zlib.compress(b"{}"), headers=headers))
    assert "encoded as 'gzip, gzip, br', which was not requested" in str(error)


def test_gzip_data_that_are_none_are_refused() -> None:
    assert "not valid gzip data" in str(error_of(gzipped(b"{}")))


@pytest.mark.parametrize("count", [10**10, 10**30, 10**400])
def test_a_huge_count_of_tokens_is_a_failure(count: int) -> None:
    error = error_of(replies("yes", usage=(count, 1)), prices=TokenPrices(1.0, 1.0))
    assert (error.kind, error.maybe_billed) == ("unparsable", True)
    assert "counts more than 1,000,000,000 tokens" in str(error)


@pytest.mark.parametrize(
    "behavior", [replies("yes \ud800"), replies("yes", model="judge-\udfff")], ids=["text", "model"]
)
def test_half_a_character_is_a_failure(behavior: Behavior) -> None:
    error = error_of(behavior)
    assert (error.kind, error.maybe_billed) == ("unparsable", True)
    assert "half a character" in str(error)


def test_a_count_that_is_no_number_is_unknown() -> None:
    reply = complete(replies("yes", usage=(True, 1)), prices=TokenPrices(1.0, 1.0))
    assert (reply.prompt_tokens, reply.completion_tokens, reply.cost) == (None, None, None)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("address", ["http:v1", "http://[", "//", "file:///etc/passwd", "/v1", ""])
def test_no_redirect_is_followed(status: int, address: str) -> None:
    with serving(LlmServer([fails(status, Location=address)])) as server:
        client = OpenAICompatibleClient(server.url, "judge")
        with pytest.raises(LlmCallError) as caught:
            client.complete(REQUEST, 0)
    assert caught.value.kind in ("fatal", "outage")
    assert len(server.requests) == 1


class Unprintable(dict[str, object]):
    """A part of an error that would take minutes to print at each level."""

    def __repr__(self) -> str:
        raise AssertionError("printed")


def test_only_the_innermost_explanation_is_printed() -> None:
    nested = Unprintable(error=Unprintable(message=Unprintable(detail={"code": 5})))
    assert explanation(nested) == "{'code': 5}"


def test_how_a_server_broke_off_is_always_said() -> None:
    def reset(handler: Handler) -> None:
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert "broke off (" in str(error_of(reset))
    assert "()" not in str(error_of(reset))


def test_half_a_character_in_an_error_can_be_printed() -> None:
    assert str(error_of(fails(400, "no \ud800 way"))) == "the server answered 400: no ? way"


@pytest.mark.parametrize("before", range(270, 305, 5))
@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_a_key_is_masked_before_a_message_is_cut(before: int, status: int) -> None:
    error = error_of(fails(status, "x" * before + KEY), api_key=KEY)
    assert "sk-s" not in str(error)
    assert error.__cause__ is None


@pytest.mark.parametrize(
    "behavior",
    [
        sends(f'{{"choices": [], "note": "{"x" * 250}{KEY}"}}'.encode()),
        sends(b"<html>" + b"y" * 280 + KEY.encode()),
        sends(json.dumps({"error": {"code": KEY}}).encode(), 400),
        sends(json.dumps({"error": "".join(f"\\u{ord(c):04x}" for c in KEY)}).encode(), 400),
        sends(b'{"error": "%s"}' % "".join(f"\\u{ord(c):04x}" for c in KEY).encode(), 400),
        sends(b"", headers={"Content-Encoding": KEY}),
        repeats(OK, b"no header but " + KEY.encode() + b"\r\n"),
    ],
)
def test_a_key_is_masked_wherever_an_error_has_it(behavior: Behavior) -> None:
    assert "sk-s" not in str(error_of(behavior, api_key=KEY, timeout_s=TIMEOUT))


def test_a_key_that_is_echoed_in_a_reply_is_masked_before_it_is_stored() -> None:
    reply = complete(replies(f"yes {KEY}", model=f"judge {KEY}"), api_key=KEY)
    assert (reply.text, reply.model) == ("yes ***", "judge ***")


def test_a_key_that_is_hardly_one_is_a_word_of_a_reply() -> None:
    assert complete(replies("EMPTY is 0.8"), api_key="EMPTY").text == "EMPTY is 0.8"


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "gopher://127.0.0.1:9"])
def test_a_proxy_that_cannot_be_used_is_said_in_a_sentence(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    monkeypatch.setitem(__import__("sys").modules, "socksio", None)
    with pytest.raises(LlmError, match=r"ALL_PROXY\) cannot be used \(.*\): install what it needs"):
        OpenAICompatibleClient("http://judge.example/v1", "judge")
