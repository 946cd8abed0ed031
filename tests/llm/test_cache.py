import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from visionflan.errors import LlmError
from visionflan.llm.base import LlmReply, LlmRequest, Message
from visionflan.llm.cache import CacheKey, ReplyCache
from visionflan.llm.openai_compatible import OpenAICompatibleClient

KEY = CacheKey(
    OpenAICompatibleClient("http://h/v1", "model"),
    LlmRequest((Message("user", "Is it?"),), 0.0, 8),
    "test 1",
)


def test_a_stored_reply_is_returned_as_cached(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path / "replies.sqlite")
    reply = LlmReply("yes", "model-1", 10, 1, 0.5, 2, finish_reason="length", fingerprint="fp")
    assert cache.get(KEY.digest) is None
    cache.put(KEY, reply)
    cache.close()
    again = ReplyCache(tmp_path / "replies.sqlite")
    stored = again.get(KEY.digest)
    assert stored is not None
    assert datetime.fromisoformat(stored.stored_at) <= datetime.now(UTC)
    assert stored._replace(stored_at="") == reply._replace(cached=True)
    again.close()


@pytest.mark.parametrize(
    "change",
    [
        {"client": OpenAICompatibleClient("http://other/v1", "model")},
        {"client": OpenAICompatibleClient("http://h/v1", "other")},
        {"request": KEY.request._replace(temperature=0.5)},
        {"request": KEY.request._replace(max_tokens=9)},
        {"request": KEY.request._replace(messages=())},
        {"purpose": "test 2"},
        {"sample_index": 1},
    ],
)
def test_all_that_decides_a_reply_is_in_its_key(change: dict[str, Any]) -> None:
    assert KEY._replace(**change).digest != KEY.digest


def test_a_file_that_is_not_a_cache_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    path.write_text("not a table, but long enough to be taken for one" * 30)
    with pytest.raises(LlmError, match="is not a cache of replies"):
        ReplyCache(path)


def put_at_once(cache: ReplyCache, count: int, before: Callable[[], object]) -> list[object]:
    """Return the errors of as many threads that each store a reply, all waiting for the file."""
    errors: list[object] = []

    def put(number: int) -> None:
        try:
            cache.put(KEY._replace(sample_index=number), LlmReply(str(number), "m"))
        except LlmError as error:
            errors.append(str(error))

    threads = [Thread(target=put, args=(number,)) for number in range(count)]
    with cache.lock:
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 30
        while len(cache.waiting) < count and time.monotonic() < deadline:
            time.sleep(0.001)
        before()
    for thread in threads:
        thread.join()
    return errors


def test_replies_that_wait_for_the_file_are_stored_in_one_transaction(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path / "replies.sqlite")
    statements: list[str] = []
    cache.connection.set_trace_callback(statements.append)
    assert put_at_once(cache, 8, lambda: None) == []
    assert statements.count("COMMIT") == 1
    cache.close()
    again = ReplyCache(tmp_path / "replies.sqlite")
    replies = [again.get(KEY._replace(sample_index=number).digest) for number in range(8)]
    assert [reply and reply.text for reply in replies] == [str(number) for number in range(8)]
    again.close()


def test_each_reply_that_cannot_be_stored_is_an_error(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path / "replies.sqlite")
    errors = put_at_once(cache, 4, cache.close)
    assert len(errors) == 4
    assert all("cannot store a reply" in str(error) for error in errors)
    assert cache.waiting == {}
