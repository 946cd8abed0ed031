"""A study takes finished runs in place of the steps that equal them, and no others."""

import shutil
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.tiny_runs import RECORDS, SETTINGS, copy_run, edit_record, train_tiny
from visionflan.analysis.finished_runs import adopt_stages, match_runs
from visionflan.analysis.plan import StudyPlan, StudySettings, plan_study
from visionflan.analysis.results import StudyResults
from visionflan.analysis.run import Workers, run_study
from visionflan.analysis.step import Step, StepContext
from visionflan.analysis.steps.pretrain import PretrainStep
from visionflan.analysis.steps.train import TrainStep
from visionflan.analysis.store import Store
from visionflan.analysis.studies import load
from visionflan.builder.subset import write_subset
from visionflan.cli.main import main
from visionflan.errors import AnalysisError
from visionflan.executors.base import CallExecutor, Resources
from visionflan.storage.directory import BuildDirectory
from visionflan.train.config import TrainConfig

ALL = ["pretrain", "align", "base", "chat"]
SMALL = {"modules": ["trained=both"], "groups": ["rows=60", "tasks=all,only classification"]}


@pytest.fixture(scope="module")
def run(study_build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished run with the settings of the studies' recipe."""
    directory = tmp_path_factory.mktemp("finished") / "run"
    train_tiny(study_build, directory)
    return directory


@pytest.fixture
def copied(run: Path, tmp_path: Path) -> Path:
    """Return a copy of the run, to change."""
    return copy_run(run, tmp_path / "copied")


def settings(
    build: Path, recipe: TrainConfig, *runs: Path, name: str = "stages", seed: int = 0
) -> StudySettings:
    study = load(name)
    return StudySettings(
        name=name,
        build=build,
        recipe=recipe,
        seeds=(seed,),
        factors=study.values(SMALL.get(name, ()), paper=False, quick=False),
        held_out_tasks=("pacs/photo_*",) if study.holds_out_tasks else (),
        limit=1,
        finished_runs=runs,
    )


def plan(chosen: StudySettings) -> StudyPlan:
    return plan_study(load(chosen.name), chosen)


def sentences(chosen: StudySettings) -> dict[str, str]:
    """Return why each stage of the runs is not adopted, empty if it is."""
    return {stage.name: stage.problem for stage in match_runs(plan(chosen))}


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
    run: Path,
    study_build: Path,
    short_recipe: TrainConfig,
    tmp_path: Path,
    trained: list[str],
) -> None:
    recipe = replace(short_recipe, runtime=replace(short_recipe.runtime, num_threads=1))
    chosen = settings(study_build, recipe, run, name="modules")
    labels = ["pretrain, seed 0", "train align, seed 0", "train base, seed 0"]
    lines: list[str] = []
    store = Store(tmp_path / "store")
    with_run = run_study(chosen, tmp_path / "out", store, Workers(), lines.append)
    assert trained == []
    assert lines[:5] == [
        *(
            f"{run}: the stage {name} is adopted ({label})"
            for name, label in zip(ALL, labels, strict=False)
        ),
        f"{run}: the stage chat is not adopted: the study has no stage chat",
        "4 steps, of which 1 are to be run",
    ]
    alone = replace(chosen, finished_runs=())
    without = run_study(alone, tmp_path / "alone", Store(tmp_path / "own"), Workers(), print)
    assert trained == labels
    assert measured(with_run) == measured(without)
    assert measured(without)[0][2].steps == 4


def test_every_stage_of_a_run_is_found_in_a_study_of_them(
    run: Path, study_build: Path, short_recipe: TrainConfig
) -> None:
    assert sentences(settings(study_build, short_recipe, run)) == dict.fromkeys(ALL, "")


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
    chosen = settings(study_build, recipe, copied)
    assert sentences(chosen) == dict.fromkeys(ALL[1:], "")
    shutil.copy(
        copied / "align/checkpoint/model.safetensors", parts["language_model"] / "model.safetensors"
    )
    assert "the weights that it started from are not those in" in sentences(chosen)["align"]


def test_a_run_on_the_tasks_that_a_study_trains_on_is_adopted(
    copied: Path, study_build: Path, short_recipe: TrainConfig
) -> None:
    chosen = settings(study_build, short_recipe, copied, name="groups")
    subset = plan(chosen).replicates[0][0].training_build.content
    digests = f"{BuildDirectory(study_build).digest[:12]} is not {subset[:12]}"
    assert sentences(chosen)["pretrain"] == f"its settings differ: build {digests}"
    for record in RECORDS:
        text = (copied / record / "run.json").read_text()
        text = text.replace(BuildDirectory(study_build).digest, subset)
        (copied / record / "run.json").write_text(text)
    assert sentences(chosen)["pretrain"] == sentences(chosen)["align"] == ""


def set_batch_tokens(run: dict[str, Any]) -> None:
    stage = next(stage for stage in run["config"]["stages"] if stage["name"] == run["stage"])
    stage |= {"batch_size": None, "batch_tokens": 2200}


# What is changed in the record of a stage, and why it is not adopted then.
CHANGES: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    (
        "base/checkpoint",
        set_batch_tokens,
        "its settings differ: batch_tokens 2200 is not batch_size 32",
    ),
    ("base/checkpoint", lambda run: run.update(seed=5), "its settings differ: seed 5 is not 0"),
    (
        "base/checkpoint",
        lambda run: run["config"].update(checkpoint_dtype="bfloat16"),
        "its settings differ: dtype bfloat16 is not float32",
    ),
    (
        "base/checkpoint",
        lambda run: run["data"].update(digest="0" * 64),
        "it read a build with the digest 000000000000, but the study reads",
    ),
    (
        "chat/checkpoint",
        lambda run: run["data"]["written_from"].update(count=7),
        "its settings differ: data.synthetic_conversations 7 is not 12",
    ),
    (
        "base/checkpoint",
        lambda run: run["initialized_from"].update(weights_sha256="0"),
        "it did not start from what the stage align has now: one of them was trained again",
    ),
    (
        "base/checkpoint",
        lambda run: run.update(format=0),
        "it was trained by a version of visionflan that may have had another outcome",
    ),
    (
        "align/checkpoint",
        lambda run: run["config"]["init"].update(chat_template="mine.jinja"),
        "its chat template is the file mine.jinja, whose content the run does not record",
    ),
    ("base/checkpoint", lambda run: run.pop("seed"), "damaged or of another version of visionflan"),
    (
        "pretrain",
        lambda run: run["data"]["written_from"].update(seed=1),
        "with seed 0: train with --set pretrain.synthetic_conversations=12, which does that",
    ),
    (
        "pretrain",
        lambda run: run["connector"].update(feature_layer=-2),
        "its settings differ: connector.feature_layer -2 is not -1",
    ),
]


@pytest.mark.parametrize(("record", "change", "problem"), CHANGES)
def test_a_stage_that_differs_is_not_adopted_and_neither_is_what_follows(
    record: str,
    change: Callable[[dict[str, Any]], object],
    problem: str,
    copied: Path,
    study_build: Path,
    short_recipe: TrainConfig,
) -> None:
    edit_record(copied / record / "run.json", change)
    problems = sentences(settings(study_build, short_recipe, copied))
    changed = ALL.index(record.partition("/")[0])
    assert problem in problems[ALL[changed]]
    assert [problems[name] for name in ALL[:changed]] == [""] * changed
    for name, before in zip(ALL[changed + 1 :], ALL[changed:], strict=False):
        assert problems[name] == f"it starts from the stage {before}, which is not adopted"


def test_a_study_with_other_settings_adopts_nothing_that_they_decide(
    run: Path, study_build: Path, short_recipe: TrainConfig, tmp_path: Path
) -> None:
    align, base, chat = short_recipe.stages
    other = replace(short_recipe, stages=(align, replace(base, learning_rate=0.5), chat))
    problems = sentences(settings(study_build, other, run))
    assert [problems["pretrain"], problems["align"]] == ["", ""]
    assert problems["base"] == "its settings differ: learning_rate 0.002 is not 0.5"
    problems = sentences(settings(study_build, short_recipe, run, seed=1))
    assert set(problems.values()) == {"its settings differ: seed 0 is not 1"}
    build = BuildDirectory(study_build)
    changed = write_subset(build, tmp_path / "changed", list(build.tasks)[1:])
    problems = sentences(settings(changed.path, short_recipe, run))
    assert all(problems.values())
    digests = f"{build.digest[:12]}, but the study reads {changed.digest[:12]}"
    assert problems["base"] == f"it read a build with the digest {digests}"


@pytest.mark.parametrize(
    ("stage", "weights"),
    [("pretrain", "vision_tower"), ("pretrain", "language_model"), ("base", "checkpoint")],
)
def test_weights_that_have_changed_since_are_not_adopted(
    stage: str, weights: str, copied: Path, study_build: Path, short_recipe: TrainConfig
) -> None:
    with (copied / stage / weights / "model.safetensors").open("ab") as file:
        file.write(b" ")
    problems = sentences(settings(study_build, short_recipe, copied))
    assert problems[stage] == "its weights are not those that it recorded"
    following = ALL[ALL.index(stage) + 1]
    assert problems[following] == f"it starts from the stage {stage}, which is not adopted"


def test_a_stage_counts_only_if_it_is_complete(
    copied: Path, study_build: Path, short_recipe: TrainConfig
) -> None:
    (copied / "base/checkpoint/run.json").unlink()
    problems = sentences(settings(study_build, short_recipe, copied))
    assert problems == {
        "pretrain": "",
        "align": "",
        "base": "it is not finished",
        "chat": "it starts from the stage base, which is not adopted",
    }


@pytest.mark.parametrize("config", [None, "{}", '{"stages": []}', '{"stages": [1], "name": "a"}'])
def test_what_is_no_run_is_refused_in_one_sentence(
    config: str | None, study_build: Path, short_recipe: TrainConfig, tmp_path: Path
) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    chosen = settings(study_build, short_recipe, tmp_path)
    with pytest.raises(
        AnalysisError, match=r"is not a run: it has no|config.json is damaged or of"
    ):
        run_study(chosen, tmp_path / "out", Store(tmp_path / "store"), Workers(), print)
    assert not (tmp_path / "out").exists()


def test_a_run_that_is_gone_or_trained_again_is_named_and_can_be_replaced(
    copied: Path, study_build: Path, short_recipe: TrainConfig, tmp_path: Path
) -> None:
    chosen, store = settings(study_build, short_recipe, copied), Store(tmp_path / "store")
    store.open()
    adopt_stages(match_runs(plan(chosen)), plan(chosen), store, tmp_path / "out", print)
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
    adopt_stages(match_runs(plan(there)), plan(there), store, tmp_path / "out", print)
    store.check_outputs(plan(there).steps)


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
