"""Studies from end to end, on a small build and a recipe of two steps a stage."""

import csv
import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from visionflan.analysis.plan import StudySettings, plan_study
from visionflan.analysis.run import PRELOAD, Workers, run_study
from visionflan.analysis.store import Store
from visionflan.analysis.studies import load, names
from visionflan.errors import AnalysisError
from visionflan.train.config import TrainConfig

# Values that the small build has enough rows for, and no more arms than there are kinds of them.
SMALL = {
    "connector": ["stage=base", "connector=tuned,aligned,random"],
    "groups": ["rows=60", "tasks=all,without classification,only classification"],
    "swap": ["stage=aligned,base"],
    "synthetic": ["k=0,6", "start=base"],
    "tasks": ["tasks=2/60,all/60"],
}


@pytest.fixture
def store(shared_store: Store) -> Store:
    """Return the store that all studies share."""
    return shared_store


def settings(name: str, build: Path, recipe: TrainConfig, seeds: int = 2) -> StudySettings:
    study = load(name)
    return StudySettings(
        name=name,
        build=build,
        recipe=recipe,
        seeds=tuple(range(seeds)),
        factors=study.values(SMALL.get(name, ()), paper=False, quick=False),
        held_out_tasks=("pacs/photo_*", "tdiuc/vqa_color") if study.holds_out_tasks else (),
        limit=3,
    )


# One replicate each, since all studies have the same path to a verdict.
@pytest.mark.parametrize("name", names())
def test_a_study_ends_with_measures_of_every_arm_and_a_verdict_on_every_claim(
    name: str, study_build: Path, short_recipe: TrainConfig, store: Store, tmp_path: Path
) -> None:
    study = load(name)
    seeds = 2 if name == "tasks" else 1
    chosen = settings(name, study_build, short_recipe, seeds)
    results = run_study(chosen, tmp_path, store, Workers(jobs=2), lambda line: None)
    assert len(results.verdicts) == len(study.claims)
    for arm in results.arms:
        assert [result.failure for result in arm.replicates] == [""] * seeds, arm.name
        for result in arm.replicates:
            assert set(result.measures) == {measure.name for measure in study.measures}
            assert result.budget.rows > 0
    content: dict[str, Any] = json.loads((tmp_path / "results.json").read_bytes())
    assert [verdict["claim"]["name"] for verdict in content["verdicts"]] == [
        claim.name for claim in study.claims
    ]
    if name == "connector":
        likeness = {arm.name: arm.replicates[0].measures["features"] for arm in results.arms}
        tuned, random = likeness["base, tuned connector"], likeness["base, random connector"]
        assert tuned is not None
        assert random is not None
        assert random < tuned <= 1
        assert likeness["base, aligned connector"] is None
    rows = list(csv.DictReader((tmp_path / "arms.csv").read_text().splitlines()))
    assert len(rows) == len(results.arms) * seeds * len(study.measures)


def test_a_second_study_runs_no_shared_step_again(
    study_build: Path, short_recipe: TrainConfig, store: Store, tmp_path: Path
) -> None:
    first, second = (settings(name, study_build, short_recipe, 1) for name in ("modules", "stages"))
    run_study(first, tmp_path / "first", store, Workers(jobs=2), lambda line: None)
    finished = {step.digest for step in plan_study(load("modules"), first).steps}
    shared = [step for step in plan_study(load("stages"), second).steps if step.digest in finished]
    assert {step.kind for step in shared} == {"pretrain", "train"}
    assert len(shared) == 3  # the pretrained parts, the aligned model and Base
    records = {step: (store.directory(step) / "step.json").stat().st_mtime_ns for step in shared}
    run_study(second, tmp_path / "second", store, Workers(jobs=2), lambda line: None)
    for step, time in records.items():
        assert (store.directory(step) / "step.json").stat().st_mtime_ns == time, step.label


@pytest.mark.parametrize("module", PRELOAD)
def test_what_processes_share_can_be_imported(module: str) -> None:
    import_module(module)  # a server of processes ignores what cannot be imported


def test_no_row_of_a_held_out_task_is_read(study_build: Path, short_recipe: TrainConfig) -> None:
    chosen = settings("tasks", study_build, short_recipe)
    plan = plan_study(load("tasks"), chosen)
    (subset,) = {step for step in plan.steps if step.kind == "subset"}
    assert set(plan.held_out_tasks).isdisjoint(subset.tasks)  # type: ignore[attr-defined]
    for step in plan.steps:
        if step.kind in ("pretrain", "train"):
            assert step.build == subset  # type: ignore[attr-defined]


def test_other_settings_in_the_same_directory_are_refused(
    study_build: Path, short_recipe: TrainConfig, store: Store, tmp_path: Path
) -> None:
    chosen = settings("modules", study_build, short_recipe, 1)
    run_study(chosen, tmp_path, store, Workers(), lambda line: None)
    with pytest.raises(AnalysisError, match="has a study with another limit"):
        run_study(replace(chosen, limit=4), tmp_path, store, Workers(), lambda line: None)
