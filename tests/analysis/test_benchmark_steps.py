"""Benchmarks are evaluated on drawn releases, or on those that a user has."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.planted_study import plan
from visionflan.analysis.replicate import Replicate
from visionflan.analysis.step import StepContext
from visionflan.analysis.steps.releases import ReleaseInput, SpecimensStep, release_root
from visionflan.analysis.studies import forgetting
from visionflan.evaluate.benchmark_release import BenchmarkRelease
from visionflan.train.config import RuntimeConfig

SETS = ("mnist", "cifar10")


def context(directory: Path, **outputs: Path) -> StepContext:
    return StepContext(
        directory=directory, outputs=outputs, runtime=RuntimeConfig(), log=lambda line: None
    )


@pytest.fixture
def replicate() -> Replicate:
    return plan("forgetting").replicates[0][0]


def test_a_drawn_release_is_one_that_can_be_evaluated(tmp_path: Path) -> None:
    names = tuple(forgetting.SETS)
    step = SpecimensStep(benchmarks=names, copies=3)
    (tmp_path / "mnist").mkdir()  # as an interrupted run leaves it
    step.run(context(tmp_path))
    rows = {name: BenchmarkRelease(name, tmp_path / name).rows for name in names}
    assert {name: len(rows[name]) for name in names} == {
        "cifar10": 24,
        "cifar100": 30,
        "mnist": 30,
        "miniimagenet": 30,
    }
    for name in names:
        images = [row.images[0] for row in rows[name]]
        contents = {i.read_bytes() if isinstance(i, Path) else i for i in images}
        assert len(contents) == len(images), name
    assert release_root(step, context(tmp_path, **{step.digest: tmp_path})) == tmp_path


def test_a_release_is_known_by_its_files_wherever_it_lies(tmp_path: Path) -> None:
    for name in ("one", "two", "other"):
        (tmp_path / name / "mnist").mkdir(parents=True)
        (tmp_path / name / "mnist" / "images").write_bytes(b"0" * (1 + (name == "other")))
        (tmp_path / name / "unused").write_text(name)
    one, two, other = (ReleaseInput(tmp_path / name, SETS) for name in ("one", "two", "other"))
    assert one.content == two.content != other.content


def test_models_of_a_release_are_asked_anew(replicate: Replicate, tmp_path: Path) -> None:
    drawn = replicate.evaluate_benchmarks(replicate.aligned, *SETS)
    (tmp_path / "mnist").mkdir()
    released = replace(replicate, data_root=tmp_path).evaluate_benchmarks(replicate.aligned, *SETS)
    assert drawn.digest != released.digest
    assert [step.kind for step in drawn.parents] == ["train", "specimens"]
    assert [step.kind for step in released.parents] == ["train"]
    assert drawn.selection.benchmarks == released.selection.benchmarks == SETS


def test_arms_of_forgetting_share_the_answers_of_aligned_and_chat() -> None:
    ((_, arms), *_) = plan("forgetting").replicates
    evaluations = {step.digest for arm in arms.values() for step in arm.outputs.values()}
    assert len(evaluations) == len(arms) == 5
