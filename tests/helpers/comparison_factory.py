"""Make records, headers, pairs and comparisons with defaults for what a test does not name."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.record_factory import TASK, record
from visionflan.compare.results import AnswerPair, Comparison, Evaluation
from visionflan.compare.run import compare
from visionflan.evaluate import benchmarks
from visionflan.evaluate.aggregate.measures import mean_score
from visionflan.evaluate.benchmark import Benchmark
from visionflan.evaluate.demo import RuleBasedModel, specimen_release
from visionflan.evaluate.records.files import RECORDS
from visionflan.evaluate.records.header import Header, TaskHeader, TrainingOverlap
from visionflan.evaluate.records.record import Record, read_records
from visionflan.evaluate.run import evaluate
from visionflan.evaluate.settings import EvaluationSettings
from visionflan.evaluate.subject import EvalSubject
from visionflan.hashing import hash_fraction


def scored_record(
    score: float | None, item: int, cluster: str | None = None, **fields: Any
) -> Record:
    """Make a record with the same score under every rule."""
    defaults: dict[str, Any] = {
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
    return record(**{**defaults, **fields})


def evaluation(records: Sequence[Record], name: str = "a", **fields: Any) -> Evaluation:
    """Make an evaluation of records."""
    tasks = {record.task: task_header(record.metric) for record in records}
    defaults: dict[str, Any] = {
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
        "overlap": TrainingOverlap(known=True),
    }
    return Evaluation(f"evaluation/{name}", Header(**{**defaults, **fields}), list(records))


def task_header(metric: str) -> TaskHeader:
    """Make the header of a task with a metric."""
    return replace(TASK, metric=metric)


def compare_records(before: Sequence[Record], after: Sequence[Record]) -> Comparison:
    """Compare two lists of records."""
    return compare([evaluation(before, "a")], [evaluation(after, "b")])


def make_pairs(before: Sequence[Record], after: Sequence[Record]) -> list[AnswerPair]:
    """Pair records row by row."""
    return [AnswerPair(*both) for both in zip(before, after, strict=True)]


def make_study(
    before: Sequence[float], after: Sequence[float], per_cluster: int = 1
) -> tuple[list[Record], list[Record]]:
    """Make records of both models from their scores, `per_cluster` of them in each cluster."""
    sides = []
    for side, scores in enumerate((before, after)):
        sides.append(
            [
                scored_record(score, item, f"c{item // per_cluster}", checkpoint="ab"[side])
                for item, score in enumerate(scores)
            ]
        )
    return sides[0], sides[1]


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Benchmark:
    """Serve a benchmark named `toy` whose metrics a test may replace."""
    benchmark = Benchmark("Toy", "", "MIT", "", "", measures=(mean_score("accuracy"),))
    monkeypatch.setattr(benchmarks, "load", lambda name: benchmark)
    return benchmark


def score_specimen(name: str, directory: Path) -> list[Record]:
    """Evaluate a rule-based model on a benchmark's specimen, with random scores that vary."""
    eval_set = specimen_release(name, directory / "release").eval_set()
    subject = EvalSubject(
        model=RuleBasedModel(eval_set, verbose=False), path=directory, run="run", stage="base"
    )
    evaluate(subject, eval_set, directory / "base", EvaluationSettings(conditions=("original",)))
    return [random_scores(record) for record in read_records(directory / "base" / RECORDS)]


def random_scores(record: Record) -> Record:
    """Score a record at random, by the hash of its key."""
    value = round(hash_fraction(*record.key), 1)
    score = value if record.score_lenient is None else float(value > 0.4)
    return record._replace(
        score_official=score, score_lenient=score, score_likelihood=score, reference_score=0.7
    )


def assert_unchanged(comparison: Comparison) -> None:
    """Assert that no score changed at all."""
    assert comparison.differences
    for row in comparison.differences:
        assert row.change == 0.0
        assert row.before == row.after
        if row.clusters > 1:
            assert (row.low, row.high, row.p) == (0.0, 0.0, 1.0)
            assert row.conclusion == "no change"
        assert row.p_holm in (None, 1.0)
        assert row.min_detectable is None
        assert not row.gained
        assert not row.lost
