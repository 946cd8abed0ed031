"""Prepare what a stage is validated on: draw, tokenize and load held-out instances."""

import shutil
from dataclasses import replace
from pathlib import Path

from visionflan.catalog import match_tasks
from visionflan.errors import TrainingError, UnknownNameError
from visionflan.storage.directory import BuildDirectory
from visionflan.train.config import DataConfig, StageConfig, TrainConfig
from visionflan.train.data_record import data_summary, write_rows
from visionflan.train.mixture_config import MixtureConfig
from visionflan.train.stage_inputs import StageInputs
from visionflan.train.tokenized_dataset import TokenizedDataset, tokenize_stage
from visionflan.train.training_model import TrainingModel
from visionflan.train.validation import Validation

DIRECTORY = "validation"
# So large that the rates of all tasks are equal.
EQUAL_RATES = 1e6


def validation_of(inputs: StageInputs, model: TrainingModel) -> Validation | None:
    """Return the validation of a stage with its data, or None if it is not validated."""
    config = inputs.stage.validation
    path = validation_build(inputs.config, inputs.stage)
    if config is None or path is None:
        return None
    build = BuildDirectory(path)
    dataset = tokenize_held_out(inputs, build)
    return Validation(
        config=config,
        runtime=inputs.config.runtime,
        directory=inputs.directory,
        dataset=dataset,
        collate=inputs.collator(dataset, inputs.images(dataset, build)),
        model=model,
        distributed=inputs.distributed,
        data=data_summary(build, dataset),
    )


def tokenize_held_out(inputs: StageInputs, build: BuildDirectory) -> TokenizedDataset:
    """Tokenize the instances in the main process, and open them on all; list them in a file."""
    stage, directory = validation_stage(inputs.stage), inputs.directory / DIRECTORY
    sources = (build, stage, inputs.chat_tokenizer, directory / "tokenized")
    if inputs.distributed.is_main_process:
        rows = tokenize_stage(*sources, seed=inputs.config.seed)
        shutil.copy(directory / "tokenized" / "ledger.jsonl", directory)
        write_rows(directory / "rows.jsonl", rows)
    inputs.distributed.barrier()
    dataset = tokenize_stage(*sources, seed=inputs.config.seed)
    inputs.check_positions(dataset)
    return dataset


def validation_stage(stage: StageConfig) -> StageConfig:
    """Return a stage whose data is what another one is validated on."""
    config = stage.validation
    assert config is not None
    limit = config.max_instances
    data = DataConfig(
        tasks=config.tasks,
        split=config.split,
        mixture=None if limit is None else MixtureConfig(rows=limit, temperature=EQUAL_RATES),
        max_dropped_fraction=1.0,
    )
    return replace(stage, name=f"{stage.name} validation", data=data, validation=None)


def validation_build(config: TrainConfig, stage: StageConfig) -> Path | None:
    """Return the build directory that a stage is validated on; None if none is set."""
    own = None if stage.validation is None else stage.validation.build
    return own or stage.data.build or config.build


def check_validation(config: TrainConfig, stage: StageConfig) -> None:
    """Raise an error unless there are instances that a stage can be validated on."""
    validation, path = stage.validation, validation_build(config, stage)
    if validation is None or path is None:
        return
    build = BuildDirectory(path)
    try:
        tasks = match_tasks(validation.tasks, sorted(build.tasks)) if validation.tasks else None
    except UnknownNameError as error:
        raise UnknownNameError(f"stages.{stage.name}.validation.tasks: {error}") from error
    if not len(build.instances(validation.split, tasks)):
        chosen = f" of {', '.join(validation.tasks)}" if validation.tasks else ""
        raise TrainingError(
            f"stage {stage.name} cannot be validated: no instance{chosen} in {path} is "
            f"{validation.split}; build it with --hold-out-images, or name another build in "
            f"stages.{stage.name}.validation.build"
        )
