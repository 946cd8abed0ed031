"""Check what a run needs before anything is loaded, pretrained or trained."""

from collections.abc import Sequence
from pathlib import Path

from visionflan.errors import TrainingError
from visionflan.model.chat_templates import load_template
from visionflan.model.checkpoint_path import CONFIG, check_checkpoint
from visionflan.model.families import load_family
from visionflan.storage.directory import BuildDirectory
from visionflan.train.config import InitConfig, StageConfig, TrainConfig


def check_names(config: TrainConfig) -> None:
    """Raise if the chat template or the model family of a run is unknown."""
    if config.init.chat_template:
        load_template(config.init.chat_template)
    load_family(config.init.family)


def check_inputs(config: TrainConfig, stages: Sequence[StageConfig]) -> None:
    """Raise TrainingError unless the model and the data of the stages to be trained are there."""
    check_names(config)
    check_initial_model(config)
    for stage in stages:
        check_data(config, stage)
    if config.pretrain is not None and config.build is None:
        raise TrainingError("pretraining needs a build directory: use --build")


def check_initial_model(config: TrainConfig) -> None:
    """Raise TrainingError unless the parts or the checkpoint that a run starts from are there."""
    init = config.init
    if config.pretrain is not None:
        if init.checkpoint is not None:
            raise TrainingError(
                "a run that pretrains its own parts cannot start from a checkpoint: leave out "
                "init.checkpoint, or set pretrain=none"
            )
        return
    if init.checkpoint is not None:
        check_checkpoint(init.checkpoint)
    elif init.vision_tower is None or init.language_model is None:
        raise TrainingError(
            "there is no model to start from: set init.vision_tower and init.language_model, or "
            "init.checkpoint"
        )
    if missing := missing_parts(init):
        raise TrainingError("; ".join(missing))


def missing_parts(init: InitConfig) -> list[str]:
    """Return what is wrong with the directories of the parts, all of it."""
    parts = {"init.vision_tower": init.vision_tower, "init.language_model": init.language_model}
    return [
        f"{setting} is {path}, {problem}"
        for setting, path in parts.items()
        if path is not None and (problem := part_problem(path))
    ]


def part_problem(path: Path) -> str:
    """Return why a directory cannot be a part of a model; "" if it can."""
    if not path.is_dir():
        return "which is not a directory"
    return "" if (path / CONFIG).is_file() else f"which has no {CONFIG}"


def check_data(config: TrainConfig, stage: StageConfig) -> None:
    """Raise an error unless a stage names a build that is complete."""
    path = stage.data.build or config.build
    if path is None:
        raise TrainingError(
            f"stage {stage.name} has no data: use --build, or set stages.{stage.name}.data.build"
        )
    BuildDirectory(path)
