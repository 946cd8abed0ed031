"""A judge in front of a scripted server, for tests of judging."""

from pathlib import Path
from typing import Any

from tests.helpers.judge_rubrics import YES_OR_NO
from tests.helpers.llm_server import (
    Behavior,
    LlmServer,
    RecordedDelays,
)
from tests.helpers.record_factory import record
from visionflan.evaluate.judge.rubric import Rubric
from visionflan.evaluate.judge.runner import JudgingResult, judge_records
from visionflan.evaluate.judge.session import REPLY_CACHE
from visionflan.evaluate.records.record import Record
from visionflan.llm.base import TokenPrices
from visionflan.llm.batch import CallGuard
from visionflan.llm.budget import Budget, Limits
from visionflan.llm.cache import ReplyCache
from visionflan.llm.openai_compatible import OpenAICompatibleClient


class JudgeHarness:
    """A server, a cache and a judge."""

    def __init__(self, server: LlmServer, path: Path) -> None:
        self.server, self.delays, self.path = server, RecordedDelays(), path / REPLY_CACHE
        self.prices: TokenPrices | None = None
        self.timeout_s = 5.0

    def judge(
        self, records: list[Record], rubric: Rubric = YES_OR_NO, **limits: Any
    ) -> JudgingResult:
        judge = OpenAICompatibleClient(
            self.server.url, "judge", prices=self.prices, timeout_s=self.timeout_s
        )
        cache = ReplyCache(self.path)
        budget = Budget(Limits(**{"workers": 1, **limits}), self.prices)
        guard = CallGuard(budget, self.delays.policy)
        try:
            return judge_records(records, rubric, judge, cache, guard)
        finally:
            cache.close()
            judge.close()

    def set_script(self, *script: Behavior) -> None:
        self.server.script[:] = script


def answers(count: int) -> list[Record]:
    return [record(sample_key=str(n), instance=str(n), response=f"a cat {n}") for n in range(count)]
