"""What a run is made of: where it starts, its stages, and how the machine does the work."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from visionflan.errors import TrainingError
from visionflan.model.llava import ConnectorConfig
from visionflan.storage.instance import Split

Part = Literal["tower", "connector", "language_model"]
Schedule = Literal["cosine", "linear", "constant"]
Precision = Literal["float32", "bfloat16"]
Cache = Literal["nothing", "pixels", "features"]
Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True, kw_only=True)
class InitConfig:
    """Where a run starts: a vision tower and a language model, or a ready LLaVA checkpoint.

    Where a checkpoint is told together with a tower or a language model, it must have been made
    with that tower, and with that language model's tokenizer and template. `template` is the name
    of one of ours or a Jinja file; empty keeps the one that comes with the weights, or takes
    `vicuna` where there is none.
    """

    tower: Path | None = None
    language_model: Path | None = None
    checkpoint: Path | None = None
    template: str = ""
    joint: ConnectorConfig = field(default_factory=ConnectorConfig)


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """How a tiny tower and language model are made from nothing, out of the run's build.

    Both have this width and so many layers; images are `image_size` pixels a side, in patches of
    `patch_size`. A step of the tower takes `batch_size` pictures, one of the language model
    `batch_tokens`; conversations longer than `max_length` tokens are left out here.
    """

    image_size: int = 32
    patch_size: int = 8
    width: int = 128
    layers: int = 4
    vocabulary: int = 2500
    batch_size: int = 64
    batch_tokens: int = 2200
    tower_steps: int = 700
    tower_rate: float = 2e-3
    language_steps: int = 400
    language_rate: float = 2e-3
    max_length: int = 256


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which instances a stage reads.

    `build` is a build directory, by default the one given to the run; `tasks` are names as
    `dataset/task`, in which `*` matches anything, by default all; `limit` keeps that many, chosen
    by the hash of the run's seed and the instance's id. Training is refused where more than the
    share `left_out` proves unusable.
    """

    build: Path | None = None
    tasks: tuple[str, ...] = ()
    split: Split = "train"
    limit: int | None = None
    conversations: int | None = None
    left_out: float = 0.01


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """One training phase: what is trained, on what, how long and how fast.

    A step takes `batch_size` instances over all processes, or as many of like length as fit in
    `batch_tokens` with their padding. The instances of `pool_steps` steps are drawn at random,
    sorted by length and dealt to those steps: 1 keeps every step a random draw, more pads less.
    `warm_up` is a share of the steps.
    """

    name: str
    learning_rate: float
    data: DataConfig = field(default_factory=DataConfig)
    trains: tuple[Part, ...] = ("connector", "language_model")
    epochs: float | None = None
    steps: int | None = None
    batch_size: int | None = None
    batch_tokens: int | None = None
    pool_steps: int = 16
    max_length: int = 2048
    schedule: Schedule = "cosine"
    warm_up: float = 0.03
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    clip: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a stage whose length or batch is not told, or told twice."""
        if (self.epochs is None) == (self.steps is None):
            raise TrainingError(f"stage {self.name}: tell either `epochs` or `steps`.")
        if (self.batch_size is None) == (self.batch_tokens is None):
            raise TrainingError(f"stage {self.name}: tell either `batch_size` or `batch_tokens`.")
        for name in ("epochs", "steps", "batch_size", "batch_tokens", "pool_steps", "clip"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise TrainingError(f"stage {self.name}: `{name}` is {value}, and must be above 0.")
        if not self.trains:
            raise TrainingError(f"stage {self.name} trains nothing: name a part in `trains`.")


@dataclass(frozen=True, kw_only=True)
class RuntimeConfig:
    """How the work is done; a run may be continued with other values.

    `micro_tokens` bounds the padded tokens of one forward pass of one process. `cache` keeps in
    memory what becomes of each image: its pixels, or the features of a tower that is not trained.
    `threads` is chosen by a short probe when 0. So many `readers` prepare images ahead; 0 does it
    in between. Every `log_steps` a line is written, and with it a state to continue from when the
    last is `save_seconds` old.
    """

    device: Device = "auto"
    threads: int = 0
    readers: int = 0
    micro_tokens: int = 16384
    gradient_checkpointing: bool = False
    cache: Cache = "nothing"
    log_steps: int = 10
    save_seconds: float = 300.0


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A complete run. `build` serves the stages that name no build directory of their own.

    With `pretrain` the run makes the tower and the language model that it starts from.
    """

    name: str
    stages: tuple[StageConfig, ...]
    start: InitConfig = field(default_factory=InitConfig)
    pretrain: PretrainConfig | None = None
    build: Path | None = None
    seed: int = 0
    save_precision: Precision = "float32"
    machine: RuntimeConfig = field(default_factory=RuntimeConfig)

    def __post_init__(self) -> None:
        """Refuse a run without stages, or with two of one name."""
        names = [stage.name for stage in self.stages]
        if not names or len(set(names)) < len(names):
            raise TrainingError(
                f"recipe {self.name} has the stages {', '.join(names) or 'none'}: "
                "there must be at least one, each with a name of its own."
            )

    def stage(self, name: str) -> StageConfig:
        """Give the stage of this name."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        known = ", ".join(stage.name for stage in self.stages)
        raise TrainingError(f"recipe {self.name} has no stage {name!r}: it has {known}.")
