"""Steps that read the phrasings of a build are known by them too: instances need not have them."""

import json
import shutil
from pathlib import Path

import pytest

from visionflan.analysis.plan import StudySettings, plan_study
from visionflan.analysis.step import Step
from visionflan.analysis.studies import load
from visionflan.train.config import TrainConfig


def steps(name: str, build: Path, recipe: TrainConfig) -> list[Step]:
    study = load(name)
    settings = StudySettings(
        name=name,
        build=build,
        recipe=recipe,
        seeds=(0,),
        factors=study.values([], paper=False, quick=False),
    )
    return plan_study(study, settings).steps


@pytest.fixture
def other_phrasings(study_build: Path, tmp_path: Path) -> Path:
    """Return the same build, with one more phrasing of a task."""
    copy = tmp_path / "build"
    shutil.copytree(study_build, copy)
    manifest = json.loads((copy / "manifest.json").read_bytes())
    entry = next(entry for entry in manifest["tasks"].values() if entry["phrasings"])
    entry["phrasings"].append("What is it, in other words?")
    (copy / "manifest.json").write_text(json.dumps(manifest))
    return copy


def test_what_is_asked_in_all_phrasings_is_not_shared_with_other_ones(
    study_build: Path, other_phrasings: Path, short_recipe: TrainConfig
) -> None:
    before, after = (
        steps("phrasing", build, short_recipe) for build in (study_build, other_phrasings)
    )
    shared = {step.digest for step in before} & {step.digest for step in after}
    differing = {step.kind for step in after if step.digest not in shared}
    assert differing == {"rephrase", "train", "evaluate"}  # of the arm with several phrasings
    trained = [step for step in after if step.kind == "train" and step.digest in shared]
    assert [step.label for step in trained] == ["train align, seed 0", "train base, seed 0"]


def test_what_is_asked_in_one_phrasing_is_shared(
    study_build: Path, other_phrasings: Path, short_recipe: TrainConfig
) -> None:
    before, after = (
        steps("modules", build, short_recipe) for build in (study_build, other_phrasings)
    )
    assert [step.digest for step in before] == [step.digest for step in after]
