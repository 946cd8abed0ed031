"""Train one stage from the outcome of another step."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, ClassVar

from visionflan.analysis.step import Step, StepContext
from visionflan.analysis.steps.build_input import Build, build_parents, build_path
from visionflan.analysis.steps.pretrain import PretrainStep
from visionflan.model.chat_templates import BY_NAME
from visionflan.storage.row_list import read_row_list
from visionflan.train.config import InitConfig, Precision, RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.config_io import to_json
from visionflan.train.run import train

# Of a part: its weights, and what says how they are used, such as its tokenizer.
PART_FILES = frozenset({".safetensors", ".json", ".jinja", ".model", ".txt"})


class ModelStep(Step):
    """A step whose outcome is a checkpoint."""

    @abstractmethod
    def checkpoint(self, output: Path) -> Path:
        """Return the directory of the checkpoint in the step's output."""


@dataclass(frozen=True, kw_only=True)
class TrainStep(ModelStep):
    """Train a stage.

    Attributes:
        stage: the stage; its build is `build`.
        build: the build that it reads.
        model: the step that it starts from; None starts from what `init` names.
        init: the parts, the chat template and the connector of a new model.
    """

    kind: ClassVar[str] = "train"
    stage: StageConfig
    build: Build
    model: ModelStep | PretrainStep | None
    init: InitConfig
    seed: int
    dtype: Precision = "float32"

    @property
    def label(self) -> str:
        """What it does."""
        return f"train {self.stage.name}, seed {self.seed}"

    @property
    def parents(self) -> tuple[Step, ...]:
        """The model, and the build if a step writes it."""
        model = () if self.model is None else (self.model,)
        return (*model, *build_parents(self.build))

    def settings(self) -> dict[str, Any]:
        """Return what decides the weights."""
        validation = self.stage.validation
        stage = replace(
            self.stage,
            validation=validation if validation and validation.decides_weights else None,
            data=replace(
                self.stage.data, build=None, row_list=row_list_content(self.stage.data.row_list)
            ),
            chat_template=template_content(self.stage.chat_template),
        )
        settings = {
            "stage": to_json(stage),
            "build": self.build.content,
            "seed": self.seed,
            "dtype": self.dtype,
        }
        return settings if isinstance(self.model, ModelStep) else settings | self.new_model()

    def new_model(self) -> dict[str, Any]:
        """Return what decides the weights of a new model, before training."""
        init = self.init
        parts = {
            name: part_content(path)
            for name in ("vision_tower", "language_model", "checkpoint")
            if self.model is None and (path := getattr(init, name)) is not None
        }
        return {
            "parts": parts,
            "chat_template": template_content(init.chat_template),
            "connector": to_json(init.connector),
            "family": init.family,
        }

    def num_devices(self, runtime: RuntimeConfig) -> int:
        """Return one for each process that trains."""
        return runtime.num_processes

    def run(self, context: StepContext) -> None:
        """Train the stage in a run of its own."""
        config = TrainConfig(
            name=self.stage.name,
            stages=(replace(self.stage, data=replace(self.stage.data, build=None)),),
            init=self.initial_model(context),
            build=build_path(self.build, context),
            seed=self.seed,
            checkpoint_dtype=self.dtype,
            runtime=self.runtime(context.runtime),
        )
        train(config, context.directory, log=context.log)

    def runtime(self, runtime: RuntimeConfig) -> RuntimeConfig:
        """Return the settings of the machine; the features of a trained tower cannot be cached."""
        if "vision_tower" in self.stage.trainable and runtime.image_cache == "features":
            return replace(runtime, image_cache="pixels")
        return runtime

    def initial_model(self, context: StepContext) -> InitConfig:
        """Return the model that the run starts from."""
        if self.model is None:
            return self.init
        output = context.output(self.model)
        if isinstance(self.model, ModelStep):
            return InitConfig(checkpoint=self.model.checkpoint(output))
        return replace(
            self.init,
            vision_tower=output / "pretrain" / "vision_tower",
            language_model=output / "pretrain" / "language_model",
        )

    def checkpoint(self, output: Path) -> Path:
        """Return the checkpoint of the stage."""
        return output / self.stage.name / "checkpoint"


def template_content(name: str) -> str:
    """Return the name of a built-in chat template, or the digest of a file with another."""
    if not name or name in BY_NAME or not Path(name).is_file():
        return name
    return sha256(Path(name).read_bytes()).hexdigest()


def row_list_content(path: Path | None) -> Path | None:
    """Return the digest of a list of rows in the place of its path."""
    return path if path is None else Path(read_row_list(path).digest)


def part_content(path: Path) -> str:
    """Return the digest of the files of a part; of one that is not there yet, its path."""
    if not path.is_dir():
        return str(path)
    digest = sha256()
    for file in sorted(file for file in path.iterdir() if file.suffix in PART_FILES):
        state = file.stat()
        content = remembered_digest(file, state.st_size, state.st_mtime_ns)
        digest.update(f"{file.name} {content}\n".encode())
    return digest.hexdigest()


# Every plan asks again for each step, and a part may have many gigabytes.
@lru_cache(maxsize=1024)
def remembered_digest(file: Path, _size: int, _mtime_ns: int) -> str:
    """Return the digest of a file, which is in a known state."""
    with file.open("rb") as content:
        return file_digest(content, "sha256").hexdigest()
