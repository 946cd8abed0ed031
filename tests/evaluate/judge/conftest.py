"""The judge of the tests of judging."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.judge_harness import JudgeHarness
from tests.helpers.llm_server import LlmServer, serving


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[JudgeHarness]:
    with serving(LlmServer()) as server:
        yield JudgeHarness(server, tmp_path)
