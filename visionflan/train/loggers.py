"""Send the metrics of a stage to TensorBoard and Weights & Biases."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Protocol, get_args
from uuid import uuid4

from visionflan.atomic_write import write_json
from visionflan.errors import TrainingError
from visionflan.train.config import LoggerName, TrainConfig
from visionflan.train.config_io import to_json

WANDB_PROJECT = "visionflan"
WANDB_RUN = "wandb.json"
# The extra that installs each package.
EXTRAS: dict[LoggerName, str] = {"tensorboard": "train", "wandb": "wandb"}


class StageLog(NamedTuple):
    """What a logger is opened for: a stage of a run in its directory, after some steps."""

    config: TrainConfig
    directory: Path
    first_step: int


class Logger(Protocol):
    """Takes the scalars of steps."""

    def log(self, step: int, scalars: Mapping[str, float]) -> None:
        """Log scalars by their tags."""

    def close(self) -> None:
        """Write what is left."""


class TensorBoardLogger:
    """Writes event files; those of steps that are repeated after a resumption are hidden."""

    def __init__(self, stage: StageLog) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(
            str(stage.directory / "tensorboard"), purge_step=stage.first_step + 1
        )

    def log(self, step: int, scalars: Mapping[str, float]) -> None:
        """Write scalars."""
        for tag, value in scalars.items():
            self.writer.add_scalar(tag, value, step)

    def close(self) -> None:
        """Close the file."""
        self.writer.close()


class WandbLogger:
    """Logs a stage as one run of Weights & Biases, which a resumed stage continues.

    The variables of the library, such as WANDB_MODE=offline and WANDB_PROJECT, have their effect.
    """

    def __init__(self, stage: StageLog) -> None:
        import wandb

        name = f"{stage.config.name}-{stage.directory.name}"
        try:
            self.run: Any = wandb.init(
                id=wandb_run_id(stage.directory / WANDB_RUN),
                resume="allow",
                project=os.environ.get("WANDB_PROJECT", WANDB_PROJECT),
                name=os.environ.get("WANDB_NAME", name),
                group=os.environ.get("WANDB_RUN_GROUP", stage.directory.parent.resolve().name),
                dir=os.environ.get("WANDB_DIR", str(stage.directory)),
                config={**to_json(stage.config), "stage": stage.directory.name},
            )
        except wandb.Error as error:
            raise TrainingError(
                f"Weights & Biases does not start a run ({error}): log in with `wandb login`, set "
                "WANDB_MODE=offline, or leave wandb out of runtime.report_to"
            ) from error
        # Its own steps may not be repeated, as those after the last saved state are.
        self.run.define_metric("*", step_metric="step")

    def log(self, step: int, scalars: Mapping[str, float]) -> None:
        """Log scalars."""
        self.run.log({"step": step, **scalars})

    def close(self) -> None:
        """Finish the run; one whose training ends by an exception is marked as failed."""
        self.run.finish(exit_code=int(sys.exc_info()[0] is not None))


def wandb_run_id(file: Path) -> str:
    """Return the id of a stage's run, which is stored before the run is started."""
    if not file.is_file():
        write_json(file, {"id": uuid4().hex[:8]})
    return str(json.loads(file.read_bytes())["id"])


LOGGERS: dict[LoggerName, Callable[[StageLog], Logger]] = {
    "tensorboard": TensorBoardLogger,
    "wandb": WandbLogger,
}


class StageLoggers:
    """All loggers of a stage; none of them in a process that is not the main one."""

    def __init__(self, stage: StageLog, *, is_main_process: bool) -> None:
        self.directory, names = stage.directory, stage.config.runtime.report_to
        self.loggers = [LOGGERS[name](stage) for name in names if is_main_process]

    def log(self, step: int, scalars: Mapping[str, float]) -> None:
        """Log scalars by their tags."""
        for logger in self.loggers:
            logger.log(step, scalars)

    def close(self) -> None:
        """Close all of them."""
        for logger in self.loggers:
            logger.close()


def task_scalars(tag: str, tasks: Mapping[str, float]) -> dict[str, float]:
    """Return numbers of tasks by their tags, which begin with the same one."""
    return {f"{tag}/{task}": value for task, value in tasks.items()}


def check_loggers(report_to: Sequence[LoggerName]) -> None:
    """Raise TrainingError for a logger that is unknown or whose package is not installed."""
    for name in report_to:
        if name not in LOGGERS:
            known = ", ".join(get_args(LoggerName))
            raise TrainingError(f"`runtime.report_to` has {name!r}, but can only have {known}")
        # A directory of runs is called `wandb` too, and has no origin.
        if (spec := find_spec(name)) is None or spec.origin is None:
            raise TrainingError(
                f"`runtime.report_to` has {name}, which is not installed: run "
                f"`pip install 'visionflan[{EXTRAS[name]}]'`, or leave it out"
            )
