"""Runs of `visionflan train tiny` with two steps a stage, and studies that may adopt them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from visionflan.analysis.finished_runs import match_runs
from visionflan.analysis.plan import StudyPlan, StudySettings, plan_study
from visionflan.analysis.studies import load
from visionflan.cli.main import main
from visionflan.train.config import TrainConfig

SETTINGS = (
    "pretrain.hidden_size=32",
    "pretrain.num_layers=2",
    "pretrain.vocab_size=600",
    "pretrain.vision_steps=2",
    "pretrain.language_steps=2",
    "pretrain.batch_size=8",
    *(f"stages.{stage}.steps=2" for stage in ("align", "base", "chat")),
    *(f"stages.{stage}.data.max_dropped_fraction=0.9" for stage in ("align", "base", "chat")),
    "stages.chat.data.synthetic_conversations=12",
)
# A study compares arms by rows, so that a run it can use has batches of rows too.
BATCHES = ("stages.align.batch_size=32", "stages.base.batch_size=32")
STAGES = ["pretrain", "align", "base", "chat"]
# Values that the small build has enough rows for.
SMALL = {"modules": ["trained=both"], "groups": ["rows=60", "tasks=all,only classification"]}
RECORDS = ("pretrain", "align/checkpoint", "base/checkpoint", "chat/checkpoint")


def train_tiny(build: Path, out: Path) -> None:
    """Train a run on a build."""
    settings = [
        part for text in (*SETTINGS, *BATCHES, "runtime.num_threads=1") for part in ("--set", text)
    ]
    assert main(["train", "tiny", "--build", str(build), "--out", str(out), *settings]) == 0


def copy_run(run: Path, out: Path) -> Path:
    """Return a copy of a run without its larger files, apart from the weights."""
    shutil.copytree(run, out, ignore=shutil.ignore_patterns("conversations", "tensorboard"))
    return out


def edit_record(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a JSON file of a run."""
    content = json.loads(file.read_bytes())
    change(content)
    file.write_text(json.dumps(content))


def study_settings(
    build: Path, recipe: TrainConfig, *runs: Path, name: str = "stages", seed: int = 0
) -> StudySettings:
    """Return the settings of a study of few arms that may adopt runs."""
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


def study_plan(chosen: StudySettings) -> StudyPlan:
    """Return the plan of a study."""
    return plan_study(load(chosen.name), chosen)


def sentences(chosen: StudySettings) -> dict[str, str]:
    """Return why each stage of the runs is not adopted, empty if it is."""
    return {stage.name: stage.problem for stage in match_runs(study_plan(chosen))}
