"""Intervals cover the true value as often as they say, in a smaller run of the benchmark."""

import importlib.util
import sys
from itertools import product
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks/interval_coverage.py"
SIMULATIONS = 60
KINDS = (
    "mean of 0 and 1",
    "mean of graded scores",
    "paired change",
    "average over tasks",
    "ratio of means",
)


def load_script() -> ModuleType:
    """Import the benchmark, which is not part of the package."""
    spec = importlib.util.spec_from_file_location("interval_coverage", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["interval_coverage"] = module
    spec.loader.exec_module(module)
    return module


benchmark = load_script()


def test_every_kind_of_statistic_is_simulated() -> None:
    assert tuple(benchmark.KINDS) == KINDS


@pytest.mark.parametrize(("kind", "clusters"), list(product(KINDS, (5, 10, 30, 100))))
def test_intervals_cover_the_truth(kind: str, clusters: int) -> None:
    chosen = list(benchmark.settings(kind, clusters))
    results = [benchmark.coverage(setting, SIMULATIONS) for setting in chosen]
    present = sum(result.present for result in results) / len(results)
    covered = sum(result.covered * result.present for result in results) / (present * len(results))
    # The seeds are fixed. The standard error of 1,080 simulations is 0.7 points, so coverage of
    # 95.1 %, the lowest that the benchmark measures, falls below 93 % once in a thousand times.
    assert len(results) == 18
    assert covered >= 0.93
    # A bound that never fails would say nothing.
    assert covered < 1.0 or clusters == 5
    assert present > 0.8


def test_intervals_shrink_with_the_number_of_clusters() -> None:
    for kind in KINDS:
        widths = [
            benchmark.coverage(
                benchmark.Setting(kind, clusters, "uniform", 0.3, 0.8), SIMULATIONS
            ).width
            for clusters in (10, 30, 100)
        ]
        assert widths[0] > widths[1] > widths[2]
        assert widths[2] < 0.25
