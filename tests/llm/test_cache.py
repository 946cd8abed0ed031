from datetime import UTC, datetime
from pathlib import Path
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
