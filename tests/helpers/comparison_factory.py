"""Make two sides to compare: records, headers and pairs that a test does not care about."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.record_factory import TASK, record
from visionflan.compare.results import Comparison, Evaluation, Pair
from visionflan.compare.run import compare
from visionflan.evaluate import benchmarks
from visionflan.evaluate.aggregate.measures import mean_score
from visionflan.evaluate.benchmark import Benchmark
from visionflan.evaluate.demo import RuleBasedModel, specimen_release
from visionflan.evaluate.records.header import Header, TaskHeader
from visionflan.evaluate.records.record import RECORDS, Record, read_records
from visionflan.evaluate.run import EvalSubject, EvaluationSettings, evaluate
from visionflan.hashing import hash_fraction


def scored(score: float | None, item: int, cluster: str | None = None, **fields: Any) -> Record:
    """Make a record that every rule scores alike."""
    plain: dict[str, Any] = {
        "sample_key": f"k{item}",
        "instance": str(item),
        "image_cluster": cluster or f"c{item}",
        "response": "cat" if score else "dog",
        "parsed_lenient": "cat" if score else "dog",
        "status_lenient": "parsed",
        "score_official": score,
        "score_lenient": score,
        "score_likelihood": score,
    }
    return record(**{**plain, **fields})


def evaluation(records: Sequence[Record], name: str = "a", **fields: Any) -> Evaluation:
    """Put records under a header."""
    tasks = {each.task: task_header(each.metric) for each in records}
    plain: dict[str, Any] = {
        "run": "run",
        "stage": name,
        "checkpoint": name,
        "checkpoint_path": name,
        "sources": (),
        "source_paths": (),
        "generation_config": "{}",
        "conditions": ("original",),
        "limit": None,
        "tasks": tasks,
    }
    return Evaluation(f"evaluation/{name}", Header(**{**plain, **fields}), list(records))


def task_header(metric: str) -> TaskHeader:
    """Say of a task how it is scored."""
    return replace(TASK, metric=metric)


def compared(before: Sequence[Record], after: Sequence[Record]) -> Comparison:
    """Compare two lists of records."""
    return compare([evaluation(before, "a")], [evaluation(after, "b")])


def pairs_of(before: Sequence[Record], after: Sequence[Record]) -> list[Pair]:
    """Pair records row by row."""
    return [Pair(*both) for both in zip(before, after, strict=True)]


def studied(
    before: Sequence[float], after: Sequence[float], in_cluster: int = 1
) -> tuple[list[Record], list[Record]]:
    """Give both sides of a study of single scores, so many of them in each cluster."""
    sides = []
    for side, scores in enumerate((before, after)):
        sides.append(
            [
                scored(score, item, f"c{item // in_cluster}", checkpoint="ab"[side])
                for item, score in enumerate(scores)
            ]
        )
    return sides[0], sides[1]


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Benchmark:
    """Serve a benchmark named `toy` whose measures a test may replace."""
    made = Benchmark("Toy", "", "MIT", "", "", measures=(mean_score("accuracy"),))
    monkeypatch.setattr(benchmarks, "load", lambda name: made)
    return made


def released(name: str, folder: Path) -> list[Record]:
    """Answer the specimen of a benchmark, and score it by chance so that something varies."""
    chosen = specimen_release(name, folder / "release").chosen()
    subject = EvalSubject(
        answerer=RuleBasedModel(chosen, talks=False), path=folder, run="run", stage="base"
    )
    evaluate(subject, chosen, folder / "base", EvaluationSettings(conditions=("original",)))
    return [by_chance(each) for each in read_records(folder / "base" / RECORDS)]


def by_chance(record: Record) -> Record:
    """Score a record by its place alone."""
    part = round(hash_fraction(*record.key), 1)
    score = part if record.score_lenient is None else float(part > 0.4)
    return record._replace(
        score_official=score, score_lenient=score, score_likelihood=score, reference_score=0.7
    )


def assert_unchanged(found: Comparison) -> None:
    """Hold all differences of a comparison to nothing at all."""
    assert found.differences
    for each in found.differences:
        assert each.change == 0.0
        assert each.before == each.after
        if each.clusters > 1:
            assert (each.low, each.high, each.p) == (0.0, 0.0, 1.0)
            assert each.conclusion == "no change"
        assert each.p_holm in (None, 1.0)
        assert each.min_detectable is None
        assert not each.gained
        assert not each.lost
