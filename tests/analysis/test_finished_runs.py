"""A study takes finished runs in place of the steps that equal them, and no others."""

import shutil
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.tiny_runs import (
    RECORDS,
    SETTINGS,
    STAGES,
    edit_record,
    sentences,
    study_plan,
    study_settings,
)
from visionflan.analysis.finished_runs import adopt_stages, match_runs
from visionflan.analysis.results import StudyResults
from visionflan.analysis.run import Workers, run_study
from visionflan.analysis.step import Step, StepContext
from visionflan.analysis.steps.pretrain import PretrainStep
from visionflan.analysis.steps.train import TrainStep
from visionflan.analysis.store import Store
from visionflan.cli.main import main
from visionflan.errors import AnalysisError
from visionflan.executors.base import CallExecutor, Resources
from visionflan.storage.directory import BuildDirectory
from visionflan.train.config import TrainConfig


def measured(results: StudyResults) -> list[Any]:
    """Return what a study has measured, without the time that it took."""
    return [
        (arm.name, result.measures, replace(result.budget, seconds=0.0))
        for arm in results.arms
        for result in arm.replicates
    ]


class InlineExecutor(CallExecutor):
    """Run each step in this process, where a test can count."""

    def submit_with(self, needs: Resources, call: Any, *args: Any) -> "Future[Any]":
        """Run a call at once."""
        future: Future[Any] = Future()
        future.set_result(call(*args))
        return future


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run steps in this process, and return the labels of those that train, as they begin."""
    labels: list[str] = []
    for kind in (PretrainStep, TrainStep):

        def count(step: Step, context: StepContext, real: Any = kind.run) -> None:
            labels.append(step.label)
            real(step, context)

        monkeypatch.setattr(kind, "run", count)
    monkeypatch.setattr(Workers, "open", lambda _: InlineExecutor())
    return labels


def test_a_study_trains_nothing_again_and_has_the_same_results(
    finished_run: Path,
    study_build: Path,
    short_recipe: TrainConfig,
    tmp_path: Path,
    trained: list[str],
) -> None:
    recipe = replace(short_recipe, runtime=replace(short_recipe.runtime, num_threads=1))
    chosen = study_settings(study_build, recipe, finished_run, name="modules")
    labels = ["pretrain, seed 0", "train align, seed 0", "train base, seed 0"]
    lines: list[str] = []
    store = Store(tmp_path / "store")
    with_run = run_study(chosen, tmp_path / "out", store, Workers(), lines.append)
    assert trained == []
    assert lines[:4] == [
        *(
            f"{finished_run}: the stage {name} is adopted ({label})"
            for name, label in zip(STAGES, labels, strict=False)
        ),
        f"{finished_run}: the stage chat is not adopted: the study has no stage chat",
    ]
    assert "4 steps, of which 1 are to be run" in lines
    alone = replace(chosen, finished_runs=())
    without = run_study(alone, tmp_path / "alone", Store(tmp_path / "own"), Workers(), print)
    assert trained == labels
    assert (with_run.adopted, without.adopted) == ({str(finished_run): labels}, {})
    assert measured(with_run) == measured(without)
    assert measured(without)[0][2].steps == 4


def test_every_stage_of_a_run_is_found_in_a_study_of_them(
    finished_run: Path, study_build: Path, short_recipe: TrainConfig
) -> None:
    assert sentences(study_settings(study_build, short_recipe, finished_run)) == dict.fromkeys(
        STAGES, ""
    )


def test_a_run_without_pretraining_is_known_by_the_weights_that_it_started_from(
    copied: Path, study_build: Path, short_recipe: TrainConfig
) -> None:
    parts = {name: copied / "pretrain" / name for name in ("vision_tower", "language_model")}
    recipe = replace(short_recipe, pretrain=None, init=replace(short_recipe.init, **parts))  # type: ignore[arg-type]

    def start_from_parts(config: dict[str, Any]) -> None:
        config["pretrain"] = None
        config["init"] |= {name: str(path) for name, path in parts.items()}

    edit_record(copied / "config.json", start_from_parts)
    for record in RECORDS[1:]:
        edit_record(copied / record / "run.json", lambda run: start_from_parts(run["config"]))
    chosen = study_settings(study_build, recipe, copied)
    assert sentences(chosen) == dict.fromkeys(STAGES[1:], "")
    shutil.copy(
        copied / "align/checkpoint/model.safetensors", parts["language_model"] / "model.safetensors"
    )
    assert "the weights that it started from are not those in" in sentences(chosen)["align"]


def test_a_run_on_the_tasks_that_a_study_trains_on_is_adopted(
    copied: Path, study_build: Path, short_recipe: TrainConfig
) -> None:
    chosen = study_settings(study_build, short_recipe, copied, name="groups")
    subset = study_plan(chosen).replicates[0][0].training_build.content
    digests = f"{BuildDirectory(study_build).digest[:12]} is not {subset[:12]}"
    assert sentences(chosen)["pretrain"] == f"its settings differ: build {digests}"
    for record in RECORDS:
        text = (copied / record / "run.json").read_text()
        text = text.replace(BuildDirectory(study_build).digest, subset)
        (copied / record / "run.json").write_text(text)
    assert sentences(chosen)["pretrain"] == sentences(chosen)["align"] == ""


@pytest.mark.parametrize("config", [None, "{}", '{"stages": []}', '{"stages": [1], "name": "a"}'])
def test_what_is_no_run_is_refused_in_one_sentence(
    config: str | None, study_build: Path, short_recipe: TrainConfig, tmp_path: Path
) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    chosen = study_settings(study_build, short_recipe, tmp_path)
    with pytest.raises(
        AnalysisError, match=r"is not a run: it has no|config.json is damaged or of"
    ):
        run_study(chosen, tmp_path / "out", Store(tmp_path / "store"), Workers(), print)
    assert not (tmp_path / "out").exists()


def test_a_run_that_is_gone_or_trained_again_is_named_and_can_be_replaced(
    copied: Path, study_build: Path, short_recipe: TrainConfig, tmp_path: Path
) -> None:
    chosen, store = study_settings(study_build, short_recipe, copied), Store(tmp_path / "store")
    store.open()
    adopt_stages(match_runs(study_plan(chosen)), study_plan(chosen), store, tmp_path / "out", print)
    again = replace(chosen, finished_runs=())
    edit_record(copied / "base/checkpoint/run.json", lambda run: run.update(elapsed_seconds=9))
    with pytest.raises(
        AnalysisError, match=r"to train base, seed 0, but .* was trained again sinc"
    ):
        run_study(again, tmp_path / "out", store, Workers(), print)
    moved = copied.rename(tmp_path / "moved")
    with pytest.raises(
        AnalysisError, match=r"uses the run .*copied to pretrain.* no longer there:"
    ):
        run_study(again, tmp_path / "out", store, Workers(), print)
    there = replace(chosen, finished_runs=(moved,))
    adopt_stages(match_runs(study_plan(there)), study_plan(there), store, tmp_path / "out", print)
    store.check_outputs(study_plan(there).steps)


def test_a_plan_counts_what_runs_have_done_and_writes_nothing(
    copied: Path, study_build: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = sorted(copied.rglob("*"))
    recipe = [part for setting in SETTINGS for part in ("--set-recipe", setting)]
    command = ["analyze", "modules", "--build", str(study_build), "--seeds", "1", *recipe]
    command += ["--set", "trained=both", "--out", str(tmp_path / "out"), "--plan"]
    assert main(command) == 0
    assert "\n0 done, 4 to run" in capsys.readouterr().out
    assert main([*command, "--adopt", str(copied)]) == 0
    output = capsys.readouterr().out
    assert "\n3 done, 1 to run" in output
    assert f"{copied}: the stage base is adopted (train base, seed 0)\n" in output
    assert not (tmp_path / "out").exists()
    assert sorted(copied.rglob("*")) == before
