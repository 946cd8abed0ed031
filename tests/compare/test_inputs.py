from pathlib import Path

import pytest

from visionflan.compare.inputs import find_evaluations, find_inputs
from visionflan.errors import EvaluationError
from visionflan.evaluate.records.files import HEADER


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for evaluation in (
        "evaluation/base",
        "evaluation/chat",
        "benchmarks/base/pope",
        "benchmarks/chat/pope",
        "benchmarks/chat/mme@short",
    ):
        (tmp_path / evaluation).mkdir(parents=True)
        (tmp_path / evaluation / HEADER).write_text("{}")
    (tmp_path / "base/checkpoint").mkdir(parents=True)
    return tmp_path


def test_a_run_alone_compares_its_first_stage_with_its_last(run: Path) -> None:
    inputs = find_inputs(run)
    assert [path.relative_to(run).as_posix() for path in inputs.before] == [
        "evaluation/base",
        "benchmarks/base/pope",
    ]
    assert [path.relative_to(run).as_posix() for path in inputs.after] == [
        "evaluation/chat",
        "benchmarks/chat/mme@short",
        "benchmarks/chat/pope",
    ]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", 3),  # of a run, the last stage is used
        ("chat", 3),
        ("base", 2),
        ("base/checkpoint", 2),
        ("evaluation/base", 1),
        ("evaluation/base/records.parquet", 1),
        ("benchmarks/chat", 2),
        ("benchmarks/chat/pope", 1),
    ],
)
def test_a_side_is_a_run_a_stage_or_a_directory_of_evaluations(
    run: Path, path: str, expected: int
) -> None:
    (run / "evaluation/base/records.parquet").touch()
    assert len(find_evaluations(run / path)) == expected


def test_a_side_without_evaluations_says_what_to_do(run: Path) -> None:
    (run / "pretrain").mkdir()
    for find in (find_evaluations, find_inputs):
        with pytest.raises(
            EvaluationError, match="has no evaluation: make one with `visionflan eval"
        ):
            find(run / "pretrain")
        with pytest.raises(EvaluationError, match="nowhere does not exist"):
            find(run / "nowhere")
    (run / "evaluation/chat" / HEADER).unlink()
    for directory in run.glob("benchmarks/chat/*"):
        (directory / HEADER).unlink()
    with pytest.raises(
        EvaluationError, match=r"evaluations of the stage base only, .* evaluate` on another stage"
    ):
        find_inputs(run)


@pytest.mark.parametrize("path", ["base", "chat", "benchmarks/chat", "benchmarks/chat/pope"])
def test_one_side_alone_is_refused_with_an_example(run: Path, path: str) -> None:
    with pytest.raises(
        EvaluationError, match=r"only one side of a comparison: .* `visionflan compare RUN/base"
    ):
        find_inputs(run / path)
