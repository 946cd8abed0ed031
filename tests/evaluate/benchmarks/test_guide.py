"""The benchmark of the guide is complete: it reads, asks, scores and is compared."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from visionflan.cli.main import main
from visionflan.evaluate import benchmarks
from visionflan.plugins import Plugin

GUIDE = Path(__file__).parents[3] / "docs/add-a-benchmark.md"


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    code = re.search(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert code
    module = ModuleType("counting_of_the_guide")
    exec(compile(code[1], str(GUIDE), "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, "counting_of_the_guide", module)
    monkeypatch.setattr(
        benchmarks.BENCHMARKS, "installed", {"counting": Plugin("counting_of_the_guide", "lab")}
    )
    return module


def test_the_guide_s_benchmark_is_asked_and_scored(
    counting: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--demo", "--benchmarks", "counting"]) == 0
    output = capsys.readouterr().out
    assert "Counting shapes, verbose" in output
    assert re.search(r"accuracy +0\.000 .* 0\.200", output)
    assert main(["benchmarks", "counting"]) == 0
    assert "counting.csv and the images" in capsys.readouterr().out
