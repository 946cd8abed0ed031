from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.llm_server import LlmServer, RecordedDelays, fails, replies, serving
from visionflan.llm.base import LlmRequest, Message
from visionflan.llm.batch import CallGuard, LlmBatch, LlmCall, LlmOutcome
from visionflan.llm.budget import Budget, Limits
from visionflan.llm.cache import CacheKey, ReplyCache
from visionflan.llm.openai_compatible import OpenAICompatibleClient


@pytest.fixture
def server() -> Iterator[LlmServer]:
    with serving(LlmServer(default=replies("7"))) as running:
        yield running


def run(server: LlmServer, path: Path, guard: CallGuard) -> dict[str, LlmOutcome]:
    client, cache = OpenAICompatibleClient(server.url, "model"), ReplyCache(path)
    requests = [LlmRequest((Message("user", f"{n} + 1"),), 0.2, 8) for n in range(6)]
    calls = [LlmCall(CacheKey(client, request, "sums"), str.isdigit) for request in requests]
    try:
        return LlmBatch(cache, guard).run(calls)
    finally:
        cache.close()
        client.close()


def one_at_a_time() -> CallGuard:
    return CallGuard(Budget(Limits(workers=1), None), RecordedDelays().policy)


def test_a_batch_returns_an_outcome_per_request(server: LlmServer, tmp_path: Path) -> None:
    server.script[:] = [replies("seven"), fails(500), replies("8"), fails(400, "too long")]
    outcomes = list(run(server, tmp_path / "replies.sqlite", one_at_a_time()).values())
    assert sorted(outcome.reply.text for outcome in outcomes) == ["", "7", "7", "7", "7", "8"]
    errors = [outcome.error for outcome in outcomes if outcome.error]
    assert errors == ["the server answered 400: too long"]
    (repeated,) = [outcome.reply for outcome in outcomes if outcome.reply.text == "8"]
    assert (repeated.attempts, repeated.prompt_tokens) == (3, 80)


def test_an_open_circuit_ends_later_batches_too(server: LlmServer, tmp_path: Path) -> None:
    server.default = fails(401, "wrong key")
    guard = one_at_a_time()
    assert len(run(server, tmp_path / "replies.sqlite", guard)) == 1
    assert run(server, tmp_path / "replies.sqlite", guard) == {}
    assert len(server.requests) == 1
