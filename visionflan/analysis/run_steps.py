"""Rebuild the steps of a training run from what it has recorded.

A run is a chain: its pretraining, then its stages, each from the one before. A stage whose record
does not tell all that decides its weights has no step, and a sentence says why.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.analysis.steps.build_input import Build
from visionflan.analysis.steps.conversations import ConversationsStep
from visionflan.analysis.steps.pretrain import PretrainStep
from visionflan.analysis.steps.train import ModelStep, TrainStep
from visionflan.errors import AnalysisError, TrainingError
from visionflan.model.base import ConnectorConfig
from visionflan.model.chat_templates import BY_NAME
from visionflan.model.checkpoint_path import CHECKPOINT, CONFIG, read_config
from visionflan.model.fingerprint import weights_digest
from visionflan.train.config import OUTCOME_FORMAT, InitConfig, StageConfig, TrainConfig
from visionflan.train.config_io import from_json
from visionflan.train.pretrain_config import PretrainConfig

PRETRAIN, RECORD = "pretrain", "run.json"
# What reading the JSON of another version, or a damaged file, may raise.
DAMAGED = (AttributeError, KeyError, TypeError, ValueError, TrainingError)
Rebuild = Callable[[Mapping[str, Any]], "PretrainStep | TrainStep"]


class UnknownStepError(AnalysisError):
    """The record of a stage does not tell all that decides its weights."""


class RunStep(NamedTuple):
    """A stage of a run, or its pretraining.

    Attributes:
        name: of the stage, or `pretrain`.
        record: the file that is written last, from the directory of the run.
        step: what it did; None if that is not known.
        problem: why it is not known; empty if it is.
    """

    name: str
    record: Path
    step: PretrainStep | TrainStep | None
    problem: str = ""


class RunChain:
    """The steps of a run.

    Attributes:
        run: its directory.
        builds: those that steps may have read, by their digests.
    """

    def __init__(self, run: Path, builds: Mapping[str, Build]) -> None:
        self.run, self.builds = run, builds
        self.config = read_run_config(run)
        self.steps: dict[str, RunStep] = {}

    def rebuild(self) -> Iterator[RunStep]:
        """Yield the steps in order."""
        if self.config.pretrain is not None:
            yield self.rebuild_step(PRETRAIN, Path(PRETRAIN) / RECORD, self.pretraining)
        for stage in self.config.stages:
            file = Path(stage.name) / CHECKPOINT / RECORD
            yield self.rebuild_step(stage.name, file, partial(self.training, stage.name))

    def rebuild_step(self, name: str, file: Path, rebuild: Rebuild) -> RunStep:
        """Return one step, or why it is not known."""
        self.steps[name] = RunStep(name, file, None)
        try:
            self.steps[name] = RunStep(name, file, rebuild(self.read_record(file)))
        except UnknownStepError as error:
            return RunStep(name, file, None, str(error))
        except DAMAGED as error:
            problem = f"{self.run / file} is damaged or of another version of visionflan ({error})"
            return RunStep(name, file, None, problem)
        return self.steps[name]

    def read_record(self, file: Path) -> dict[str, Any]:
        """Return the record of a step that is finished, by a version with the same outcome."""
        if not (self.run / file).is_file():
            raise UnknownStepError("it is not finished")
        record: dict[str, Any] = json.loads((self.run / file).read_bytes())
        if record.get("format") != OUTCOME_FORMAT:
            raise UnknownStepError(
                "it was trained by a version of visionflan that may have had another outcome"
            )
        return record

    def pretraining(self, record: Mapping[str, Any]) -> PretrainStep:
        """Return the step that pretrained both parts."""
        settings = from_json(PretrainConfig, record["settings"])
        draw = record["data"]["written_from"]
        if settings.synthetic_conversations is None:
            if draw.get("seed", 0):
                raise UnknownStepError(
                    f"its conversations were drawn with seed {draw['seed']}, but those of a study "
                    "with seed 0: train with --set pretrain.synthetic_conversations="
                    f"{draw['count']}, which does that"
                )
            settings = replace(settings, synthetic_conversations=draw.get("count", 0))
        recipe = replace(
            self.config,
            pretrain=settings,
            init=InitConfig(
                connector=from_json(ConnectorConfig, record["connector"]), family=record["family"]
            ),
        )
        build = self.build(record["data"]["digest"])
        return PretrainStep(recipe=recipe, build=build, seed=record["seed"])

    def training(self, name: str, record: Mapping[str, Any]) -> TrainStep:
        """Return the step that trained a stage."""
        config = from_json(TrainConfig, record["config"])
        stage = config.stage(name)
        if config.init.chat_template and config.init.chat_template not in BY_NAME:
            raise UnknownStepError(
                f"its chat template is the file {config.init.chat_template}, whose content the run "
                "does not record"
            )
        if stage.data.row_list is not None:
            raise UnknownStepError(
                f"its rows are those of the list {stage.data.row_list}, which may have changed"
            )
        return TrainStep(
            stage=without_build(stage),
            build=self.data(stage, record["data"]),
            model=self.initial_model(name, config, record["initialized_from"]),
            init=config.init,
            seed=record["seed"],
            dtype=config.checkpoint_dtype,
        )

    def data(self, stage: StageConfig, data: Mapping[str, Any]) -> Build:
        """Return the build that a stage read."""
        if stage.data.synthetic_conversations is None:
            return self.build(data["digest"])
        draw = data["written_from"]
        source = self.build(draw["build"])
        return ConversationsStep(source=source, count=draw["count"], seed=draw["seed"])

    def build(self, digest: str) -> Build:
        """Return the build with a digest."""
        if digest not in self.builds:
            known = ", ".join(build[:12] for build in self.builds)
            raise UnknownStepError(
                f"it read a build with the digest {digest[:12]}, but the study reads {known}"
            )
        return self.builds[digest]

    def initial_model(
        self, name: str, config: TrainConfig, source: Mapping[str, str]
    ) -> ModelStep | PretrainStep | None:
        """Return the step that a stage started from, if its weights are still those."""
        names = [stage.name for stage in config.stages]
        before = names[: names.index(name)] or ([PRETRAIN] if config.pretrain else [])
        if not before:
            check_parts(config.init, source)
            return None
        previous = self.steps.get(before[-1])
        if previous is None or previous.step is None:
            raise UnknownStepError(f"it starts from the stage {before[-1]}, which is not adopted")
        record = json.loads((self.run / previous.record).read_bytes())
        if record["weights_sha256"] != source["weights_sha256"]:
            raise UnknownStepError(
                f"it did not start from what the stage {before[-1]} has now: one of them was "
                "trained again"
            )
        return previous.step


def check_parts(init: InitConfig, source: Mapping[str, str]) -> None:
    """Raise UnknownStepError unless the weights that a run started from are still there."""
    parts = (init.vision_tower, init.language_model)
    paths = [path for path in parts if path] if init.checkpoint is None else [init.checkpoint]
    if " ".join(map(weights_digest, paths)) != source["weights_sha256"]:
        raise UnknownStepError(
            f"the weights that it started from are not those in {' and '.join(map(str, paths))}"
        )


def read_run_config(run: Path) -> TrainConfig:
    """Return the configuration of a run; raise AnalysisError if a directory is none."""
    config = read_config(run)
    if "stages" not in config:
        raise AnalysisError(
            f"{run} is not a run: it has no {CONFIG} with stages; name a directory that "
            "`visionflan train --out` has written"
        )
    try:
        return from_json(TrainConfig, config)
    except DAMAGED as error:
        raise AnalysisError(
            f"{run / CONFIG} is damaged or of another version of visionflan ({error}): adopt a run "
            "of this version"
        ) from error


def without_build(stage: StageConfig) -> StageConfig:
    """Return a stage as a step has it, which names its build and its conversations itself."""
    return replace(stage, data=replace(stage.data, build=None, synthetic_conversations=None))
