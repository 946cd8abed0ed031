"""Check what a run needs before anything is loaded, pretrained or trained."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from visionflan.errors import BuildError, TrainingError, UnknownNameError
from visionflan.model.chat_templates import load_template
from visionflan.model.checkpoint_path import CONFIG, check_checkpoint, how_to_download, read_config
from visionflan.model.families import family_of, load_family
from visionflan.model.feature_model import FeatureModel
from visionflan.storage.directory import BuildDirectory
from visionflan.train.adapter import check_adapter
from visionflan.train.apply_adapter import check_adapter_directory
from visionflan.train.config import InitConfig, StageConfig, TrainConfig
from visionflan.train.loggers import check_loggers
from visionflan.train.low_memory_optimizer import check_optimizer
from visionflan.train.mixture import task_rates
from visionflan.train.quantization import check_quantization, check_quantization_library
from visionflan.train.selection import available_instances, count_by_task
from visionflan.train.validation_data import check_validation

# The weights that `transformers` reads, in one file or in several.
WEIGHT_FILES = ("*.safetensors", "*.bin")


def check_settings(config: TrainConfig) -> None:
    """Raise as `check_choices` does, or if the library for quantized weights is missing."""
    check_choices(config)
    for stage in config.stages:
        check_quantization_library(stage)


def check_choices(config: TrainConfig, device: torch.device | None = None) -> None:
    """Raise if a template or the family is unknown, or settings of a stage cannot work.

    They work on `device`, by default that of the settings on this machine.
    """
    for name in (config.init.chat_template, *(stage.chat_template for stage in config.stages)):
        if name:
            load_template(name)
    load_family(config.init.family)
    for stage in config.stages:
        check_mixture(stage)
        check_optimizer(stage, config.runtime, device)
        check_adapter(stage)
        check_quantization(stage, config.runtime)


def check_mixture(stage: StageConfig) -> None:
    """Raise TrainingError if a stage has a mixture that would change nothing, or two budgets."""
    mixture, data = stage.data.mixture, f"stages.{stage.name}.data"
    if mixture is None:
        return
    if stage.data.max_instances is not None:
        raise TrainingError(
            f"stage {stage.name} has both a mixture and `max_instances`: set "
            f"{data}.max_instances=none and the budget in {data}.mixture.rows"
        )
    limits = mixture.rows, mixture.target_tokens, mixture.max_per_task
    if limits == (None, None, None) and 0 not in mixture.weight_by_pattern().values():
        raise TrainingError(
            f"the mixture of stage {stage.name} has no budget, so every row would be used whatever "
            f"the rates: set {data}.mixture.rows, target_tokens or max_per_task"
        )


def stage_task_counts(config: TrainConfig, stage: StageConfig) -> dict[str, int] | None:
    """Return how many rows of each task a stage may use; None if its data does not exist yet."""
    path = stage.data.build or config.build
    if path is None or stage.data.synthetic_conversations is not None:
        return None
    return count_by_task(BuildDirectory(path), stage.data)


def check_inputs(config: TrainConfig, stages: Sequence[StageConfig]) -> None:
    """Raise TrainingError unless the model and the data of the stages to be trained are there.

    Weights are not looked for, because a run that is resumed may not need those any more.
    """
    check_settings(config)
    check_loggers(config.runtime.report_to)
    check_initial_model(config)
    check_image_cache(config, stages)
    for stage in stages:
        check_data(config, stage)
    if config.pretrain is not None:
        config.pretrain.check_sizes()
        if config.build is None:
            raise TrainingError("pretraining needs a build directory: use --build")


def check_planned(config: TrainConfig, stages: Sequence[StageConfig]) -> None:
    """Raise for what `check_inputs` will refuse on any machine, as far as it is known already.

    The model and the data may not be there yet where none is named.
    """
    is_auto = config.runtime.device == "auto"
    check_choices(config, torch.device("cuda" if is_auto else config.runtime.device))
    init = config.init
    if config.pretrain or init.checkpoint or init.vision_tower or init.language_model:
        check_initial_model(config)
    check_image_cache(config, stages)
    for stage in stages:
        if stage.data.build or config.build:
            check_data(config, stage)


def check_weights(init: InitConfig) -> None:
    """Raise TrainingError if a directory that a run starts from has no weights."""
    names = ("checkpoint", "vision_tower", "language_model")
    directories = {f"init.{name}": getattr(init, name) for name in names}
    missing = [
        f"{setting} is {path}, which has no weights ({' or '.join(WEIGHT_FILES)})"
        for setting, path in directories.items()
        if path is not None and not any(next(path.glob(form), None) for form in WEIGHT_FILES)
    ]
    if missing:
        raise TrainingError(f"{'; '.join(missing)}: download them again")


def check_initial_model(config: TrainConfig) -> None:
    """Raise TrainingError unless the parts or the checkpoint that a run starts from are there."""
    init = config.init
    if config.pretrain is not None:
        names = ("checkpoint", "adapter", "vision_tower", "language_model")
        if unused := [f"init.{name}" for name in names if getattr(init, name) is not None]:
            raise TrainingError(
                f"a run that pretrains its own parts would not use {' and '.join(unused)}: leave "
                "that out, or set pretrain=none"
            )
        return
    if init.checkpoint is not None:
        check_checkpoint(init.checkpoint)
    elif init.vision_tower is None or init.language_model is None:
        raise TrainingError(
            "there is no model to start from: set init.vision_tower and init.language_model, or "
            "init.checkpoint"
        )
    if init.adapter is not None:
        check_adapter_directory(init.adapter)
    check_full_weights(init)
    if missing := missing_parts(init):
        raise TrainingError("; ".join(missing))


def check_image_cache(config: TrainConfig, stages: Sequence[StageConfig]) -> None:
    """Raise TrainingError if a stage cannot use what is stored of its images."""
    init, image_cache = config.init, config.runtime.image_cache
    if image_cache == "none":
        return
    family = load_family(init.family) if init.checkpoint is None else family_of(init.checkpoint)
    if not issubclass(family, FeatureModel):
        raise TrainingError(
            f"images of a {family.__name__} model have no fixed size and are not cached: set "
            "runtime.image_cache to none"
        )
    for stage in stages:
        if image_cache == "features" and "vision_tower" in stage.trainable:
            raise TrainingError(
                f"stage {stage.name} trains the vision tower, whose features cannot be "
                "cached: set runtime.image_cache to pixels or none"
            )


def check_full_weights(init: InitConfig) -> None:
    """Raise TrainingError if the weights that a run starts from are quantized."""
    for directory in (init.checkpoint, init.vision_tower, init.language_model):
        config = {} if directory is None else read_config(directory)
        quantization = config.get("quantization_config")
        if isinstance(quantization, dict):
            method = quantization.get("quant_method", "an unknown method")
            raise TrainingError(
                f"the weights in {directory} are quantized ({method}), and training needs the full "
                "ones: name the model that they were made of"
            )


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
        return "; ".join(filter(None, ("which is not a directory", how_to_download(path))))
    return "" if (path / CONFIG).is_file() else f"which has no {CONFIG}"


def check_data(config: TrainConfig, stage: StageConfig) -> None:
    """Raise an error unless a stage names a build that is complete, and rows that it has."""
    path = stage.data.build or config.build
    if path is None:
        raise TrainingError(
            f"stage {stage.name} has no data: use --build, or set stages.{stage.name}.data.build"
        )
    with naming_stage(stage):
        build = BuildDirectory(path)
        check_rows(build, stage)
    check_validation(config, stage)


@contextmanager
def naming_stage(stage: StageConfig) -> Iterator[None]:
    """Raise an error about the data of a stage again with its name."""
    try:
        yield
    except (BuildError, TrainingError, UnknownNameError) as error:
        raise type(error)(f"stage {stage.name}: {error}") from error


def check_rows(build: BuildDirectory, stage: StageConfig) -> None:
    """Raise an error if a stage names tasks, a split or a list of rows that it cannot train on."""
    data = stage.data
    if data.synthetic_conversations is None:
        instances = available_instances(build, data)
        if data.mixture is not None:
            task_rates(data.mixture, Counter(instances.column("task")))
    elif data.row_list is not None:
        raise TrainingError(
            "generated conversations are in no list of rows: set "
            f"stages.{stage.name}.data.row_list=none"
        )
