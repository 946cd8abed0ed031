"""Run a recipe: its stages one after the other, each from the checkpoint of the previous one."""

import gc
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging

from visionflan.atomic_write import sole_user, write_json
from visionflan.errors import TrainingError, VisionflanError
from visionflan.model.checkpoint_path import CONFIG, read_config
from visionflan.plural import counted
from visionflan.storage.directory import BuildDirectory
from visionflan.train.checkpoint import is_complete
from visionflan.train.config import StageConfig, TrainConfig
from visionflan.train.config_io import from_json, to_json
from visionflan.train.distributed import DistributedContext, init_distributed
from visionflan.train.plan.capacity import check_gpu_memory
from visionflan.train.plan.weight_names import check_weight_names
from visionflan.train.preflight import check_inputs, check_weights
from visionflan.train.stage import StageRunner
from visionflan.train.torchrun import needs_torchrun, run_torchrun
from visionflan.train.trainer import ignore_line

Log = Callable[[str], None]

# Settings that may differ when a run is resumed: stages are compared one by one.
MAY_CHANGE = {"runtime", "name", "stages"}
# What `quickstart`, `train --demo` and torchrun write to the directory of a run before its stages.
MAY_COME_FIRST = {"releases", "build", "torchrun"}


def train(
    config: TrainConfig,
    out: Path,
    *,
    only: str | None = None,
    log: Log | None = None,
    is_locked: bool = False,
) -> Path:
    """Train the stages that are not done yet, or just one; return the last one's checkpoint.

    If training is interrupted, the same call resumes it. With `runtime.num_processes`, torchrun is
    started, unless it has started this process. `is_locked` is set where another process, which
    waits for this one, has the lock of the directory.
    """
    logging.disable_progress_bar()
    stages = config.stages if only is None else (config.stage(only),)
    check_run_directory(out)
    check_inputs(config, stages)
    unfinished = [stage for stage in stages if not is_complete(out / stage.name / "checkpoint")]
    if config.stages[0] in unfinished:
        check_weights(config.init)
    check_weight_names(config, unfinished)
    with nullcontext() if is_locked else sole_run(out):
        if needs_torchrun(config.runtime):
            run_torchrun(config, out, only, log or ignore_line)
        else:
            check_gpu_memory(config, unfinished)
            train_stages(with_pretrained_parts(config, out), out, stages, log)
    return out / stages[-1].name / "checkpoint"


@contextmanager
def sole_run(out: Path) -> Iterator[None]:
    """Lock the directory of a run. Raises TrainingError if another process trains in it.

    Of the processes that torchrun has started, the main one has the lock; the others wait for it.
    """
    if os.environ.get("RANK", "0") != "0":
        yield
        return
    with ExitStack() as stack:
        try:
            stack.enter_context(sole_user(out))
        except BlockingIOError:
            raise TrainingError(
                f"another process is training in {out}: wait for it to end, or choose another --out"
            ) from None
        yield


def train_stages(
    config: TrainConfig, out: Path, stages: Sequence[StageConfig], log: Log | None
) -> None:
    """Train stages in this process, which may be one of several."""
    with init_distributed(config.runtime.device) as distributed:
        if log is None or not distributed.is_main_process:
            log = ignore_line
        bind_config(config, out, distributed)
        pretrain(config, out, distributed, log)
        for stage in stages:
            run_stage(StageRunner(config, stage, out, distributed, log), log)
            free_memory()


def with_pretrained_parts(config: TrainConfig, out: Path) -> TrainConfig:
    """Return the configuration with the parts that the run pretrains itself, if it does."""
    if config.pretrain is None:
        return config
    directory = out.resolve() / "pretrain"
    init = replace(
        config.init,
        vision_tower=directory / "vision_tower",
        language_model=directory / "language_model",
    )
    return replace(config, init=init)


def pretrain(config: TrainConfig, out: Path, distributed: DistributedContext, log: Log) -> None:
    """Pretrain the vision tower and the language model in the main process, if configured."""
    if config.pretrain is not None and distributed.is_main_process:
        from visionflan.train.pretrain.tiny_model import pretrain_parts

        assert config.build is not None
        try:
            pretrain_parts(config, BuildDirectory(config.build), out, log)
        except KeyboardInterrupt:
            log("pretraining has no state to resume from: it will start again at its first step")
            raise
    distributed.barrier()


def free_memory() -> None:
    """Free the model of a stage, whose parts refer to each other, before the next one is opened."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def run_stage(runner: StageRunner, log: Log) -> None:
    """Train one stage, unless its checkpoint is complete."""
    name, checkpoint = runner.stage.name, runner.directory / "checkpoint"
    if is_complete(checkpoint):
        runner.remove_temporary_files()
        log(f"{name}: already done, in {checkpoint}")
        return
    run = runner.run()
    runner.remove_temporary_files()
    counts = f"{counted(run['steps'], 'step')} on {counted(run['data']['instances'], 'instance')}"
    log(f"{name}: {counts} in {run['elapsed_seconds']:.0f} s, in {checkpoint}")
    if reason := run.get("validation", {}).get("stopped_early"):
        log(f"{name}: {reason}")


def bind_config(config: TrainConfig, out: Path, distributed: DistributedContext) -> None:
    """Write the configuration to config.json. Raises if a started stage had another one."""
    file, current = out / CONFIG, to_json(config)
    if file.is_file():
        previous = with_defaults(json.loads(file.read_bytes()))
        started = [stage for stage in previous["stages"] if has_started(out / stage["name"])]
        if started and (changed := first_difference(previous, current, started)):
            raise TrainingError(
                f"{out} was started with a different {changed}: use the same settings or a new "
                "--out"
            )
    distributed.barrier()
    if distributed.is_main_process:
        write_json(file, current)
    distributed.barrier()
    if not file.is_file():
        raise TrainingError(
            f"{out} does not have the {CONFIG} that the main process has written: with several "
            "machines, --out must be a directory that all of them share"
        )


def check_run_directory(out: Path) -> None:
    """Raise TrainingError if a directory is in a build, or has files that are not of a run."""
    if build := next((path for path in out.resolve().parents if is_build(path)), None):
        raise TrainingError(f"{out} is inside the build {build}: choose a directory outside of it")
    if not out.exists() or "stages" in read_config(out):
        return
    if not out.is_dir():
        raise TrainingError(f"{out} is a file: choose a new directory with --out")
    foreign = sorted(
        entry.name for entry in out.iterdir() if entry.name.partition(".")[0] not in MAY_COME_FIRST
    )
    if foreign:
        raise TrainingError(
            f"{out} is not a run and has other files, such as {foreign[0]}: choose a new directory "
            "with --out"
        )


def is_build(directory: Path) -> bool:
    """Return whether a directory is a build."""
    return (directory / "manifest.json").is_file() and (directory / "instances").is_dir()


def has_started(directory: Path) -> bool:
    """Return whether a stage has taken steps."""
    return any((directory / name).exists() for name in ("metrics.jsonl", "checkpoint"))


def first_difference(
    previous: dict[str, Any], current: dict[str, Any], started: list[dict[str, Any]]
) -> str:
    """Return the first setting of the started stages that differs, or an empty string."""
    for name, value in current.items():
        if name not in MAY_CHANGE and (path := differing_path(previous.get(name), value, name)):
            return path
    stages = {stage["name"]: stage for stage in current["stages"]}
    for before in started:
        now = stages.get(before["name"])
        if now is None:
            return f"list of stages (`{before['name']}` is missing)"
        if path := differing_path(before, now, f"stages.{before['name']}"):
            return path
    return ""


def differing_path(previous: Any, current: Any, path: str) -> str:
    """Return the path to the first setting that differs in two groups; "" if none does."""
    if not (isinstance(previous, dict) and isinstance(current, dict)):
        return "" if previous == current else path
    names = dict.fromkeys((*previous, *current))
    paths = (differing_path(previous.get(n), current.get(n), f"{path}.{n}") for n in names)
    return next(filter(None, paths), "")


def with_defaults(config: dict[str, Any]) -> dict[str, Any]:
    """Return a stored configuration with the defaults of settings that came after it."""
    try:
        complete: dict[str, Any] = to_json(from_json(TrainConfig, config))
    except (KeyError, TypeError, VisionflanError):  # of a version that had others
        return config
    return complete
