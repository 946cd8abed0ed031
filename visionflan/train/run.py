"""Carry out a recipe: its stages one after the other, each from the checkpoint of the last."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers.utils import logging

from visionflan.atomic_write import write_json
from visionflan.errors import TrainingError
from visionflan.storage.directory import BuildDirectory
from visionflan.train.checkpoint import is_complete
from visionflan.train.config import TrainConfig
from visionflan.train.config_io import to_json
from visionflan.train.distributed import DistributedContext, init_distributed
from visionflan.train.stage import StageRunner

Say = Callable[[str], None]

# What may differ when a run goes on: how the work is done, and what the run is called.
MAY_CHANGE = {"runtime", "name", "stages"}


def train(
    config: TrainConfig, out: Path, *, only: str | None = None, say: Say | None = None
) -> Path:
    """Train the stages that are not done yet, or one of them; give the last one's checkpoint.

    Running it again goes on where it stopped.
    """
    logging.disable_progress_bar()
    stages = config.stages if only is None else (config.stage(only),)
    config = with_pretrained_parts(config, out)
    with init_distributed(config.runtime.device) as world:
        bind_config(config, out, world)
        make_parts(config, out, world, (say if world.first else None) or no_log)
        for stage in stages:
            run_stage(
                StageRunner(config, stage, out, world), (say if world.first else None) or no_log
            )
    return out / stages[-1].name / "checkpoint"


def with_pretrained_parts(config: TrainConfig, out: Path) -> TrainConfig:
    """Start from the parts that the run makes itself, where it does."""
    if config.pretrain is None:
        return config
    parts = out.resolve() / "pretrain"
    start = replace(
        config.init, vision_tower=parts / "tower", language_model=parts / "language_model"
    )
    return replace(config, init=start)


def make_parts(config: TrainConfig, out: Path, world: DistributedContext, say: Say) -> None:
    """Make the tower and the language model that the run starts from, in the first process."""
    if config.pretrain is not None and world.first:
        from visionflan.train.pretrain.tiny_model import pretrain_parts

        if config.build is None:
            raise TrainingError("the parts are made out of a build: give one with --build.")
        pretrain_parts(config, BuildDirectory(config.build), out, say)
    world.wait()


def no_log(_: str) -> None:
    """Say nothing."""


def run_stage(phase: StageRunner, say: Say) -> None:
    """Train one stage, unless its checkpoint is there."""
    name, checkpoint = phase.stage.name, phase.folder / "checkpoint"
    if is_complete(checkpoint):
        phase.tidy()
        say(f"{name}: done before, in {checkpoint}")
        return
    told = phase.run()
    phase.tidy()
    say(
        f"{name}: {told['steps']} steps over {told['data']['instances']} instances in "
        f"{told['seconds']:.0f} s, in {checkpoint}"
    )


def bind_config(config: TrainConfig, out: Path, world: DistributedContext) -> None:
    """Write the configuration into the run's folder; refuse another for what has begun there."""
    file, told = out / "config.json", to_json(config)
    if file.is_file():
        before = json.loads(file.read_bytes())
        begun = [stage for stage in before["stages"] if has_begun(out / stage["name"])]
        if begun and (changed := difference(before, told, begun)):
            raise TrainingError(
                f"{out} was begun with another {changed}: give the same settings, or another --out."
            )
    world.wait()
    if world.first:
        write_json(file, told)
    world.wait()


def has_begun(folder: Path) -> bool:
    """Say whether a stage has taken steps that count."""
    return any((folder / name).exists() for name in ("metrics.jsonl", "checkpoint"))


def difference(before: dict[str, Any], now: dict[str, Any], begun: list[dict[str, Any]]) -> str:
    """Name the first setting that differs among those that what has begun depends on."""
    for name in now.keys() - MAY_CHANGE:
        if before.get(name) != now[name]:
            return name
    stages = {stage["name"]: stage for stage in now["stages"]}
    for stage in begun:
        ours = stages.get(stage["name"])
        if ours is None:
            return f"list of stages (`{stage['name']}` is missing now)"
        for name, value in stage.items():
            if ours[name] != value:
                return f"stages.{stage['name']}.{name}"
    return ""
