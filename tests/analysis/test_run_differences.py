"""Which stages of a run a study does not adopt, and what it says of each."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.tiny_runs import STAGES, edit_record, sentences, study_settings
from visionflan.builder.subset import write_subset
from visionflan.storage.directory import BuildDirectory
from visionflan.train.config import TrainConfig


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
    problems = sentences(study_settings(study_build, short_recipe, copied))
    changed = STAGES.index(record.partition("/")[0])
    assert problem in problems[STAGES[changed]]
    assert [problems[name] for name in STAGES[:changed]] == [""] * changed
    for name, before in zip(STAGES[changed + 1 :], STAGES[changed:], strict=False):
        assert problems[name] == f"it starts from the stage {before}, which is not adopted"


def test_a_study_with_other_settings_adopts_nothing_that_they_decide(
    finished_run: Path, study_build: Path, short_recipe: TrainConfig, tmp_path: Path
) -> None:
    align, base, chat = short_recipe.stages
    other = replace(short_recipe, stages=(align, replace(base, learning_rate=0.5), chat))
    problems = sentences(study_settings(study_build, other, finished_run))
    assert [problems["pretrain"], problems["align"]] == ["", ""]
    assert problems["base"] == "its settings differ: learning_rate 0.002 is not 0.5"
    problems = sentences(study_settings(study_build, short_recipe, finished_run, seed=1))
    assert set(problems.values()) == {"its settings differ: seed 0 is not 1"}
    build = BuildDirectory(study_build)
    changed = write_subset(build, tmp_path / "changed", list(build.tasks)[1:])
    problems = sentences(study_settings(changed.path, short_recipe, finished_run))
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
    problems = sentences(study_settings(study_build, short_recipe, copied))
    assert problems[stage] == "its weights are not those that it recorded"
    following = STAGES[STAGES.index(stage) + 1]
    assert problems[following] == f"it starts from the stage {stage}, which is not adopted"


def test_a_stage_counts_only_if_it_is_complete(
    copied: Path, study_build: Path, short_recipe: TrainConfig
) -> None:
    (copied / "base/checkpoint/run.json").unlink()
    problems = sentences(study_settings(study_build, short_recipe, copied))
    assert problems == {
        "pretrain": "",
        "align": "",
        "base": "it is not finished",
        "chat": "it starts from the stage base, which is not adopted",
    }
