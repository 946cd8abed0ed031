"""The configuration of a run: the initial model, the stages, and the runtime."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from visionflan.errors import TrainingError
from visionflan.model.base import ConnectorConfig, ModelPart
from visionflan.model.families import DEFAULT_FAMILY
from visionflan.storage.instance import Split
from visionflan.train.adapter_config import ADAPTER_RANGES, AdapterConfig
from visionflan.train.mixture_config import MixtureConfig
from visionflan.train.number_ranges import (
    BELOW_ONE,
    FRACTION,
    NOT_NEGATIVE,
    POSITIVE,
    NumberRange,
    check_ranges,
)
from visionflan.train.pretrain_config import PretrainConfig
from visionflan.train.validation_config import VALIDATION_RANGES, ValidationConfig
from visionflan.train.weight_patterns import numbers_by_pattern

LrSchedule = Literal["cosine", "linear", "constant"]
Precision = Literal["float32", "bfloat16"]
OptimizerName = Literal["adamw", "adamw_8bit", "adamw_bf16"]
ImageCache = Literal["none", "pixels", "features"]
LoggerName = Literal["tensorboard", "wandb"]
Device = Literal["auto", "cpu", "cuda", "mps"]
ComputePrecision = Literal["auto", "float32", "bfloat16"]

# Raised when equal settings, data and seeds come to give another outcome: what was made before then
# is not taken for what would be made now.
OUTCOME_FORMAT = 1
# What a stage with an adapter may train.
ADAPTED = {"connector", "language_model"}
MAX_THREADS = 256
# No stage repeats its rows more often; a typing error would be counted for hours.
MAX_EPOCHS = 10_000
STAGE_RANGES = {
    **dict.fromkeys(("steps", "batch_size", "batch_tokens", "bucket_steps"), POSITIVE),
    "epochs": NumberRange(0, MAX_EPOCHS, is_low_open=True),
    "max_seq_len": POSITIVE,
    "max_grad_norm": POSITIVE,
    "learning_rate": NOT_NEGATIVE,
    "weight_decay": NOT_NEGATIVE,
    "warmup_fraction": FRACTION,
    "betas": BELOW_ONE,
}
DATA_RANGES = {
    **dict.fromkeys(("max_instances", "synthetic_conversations"), NumberRange(1)),
    "max_dropped_fraction": FRACTION,
}


@dataclass(frozen=True, kw_only=True)
class InitConfig:
    """The model a run starts from: a vision tower and a language model, or a checkpoint.

    If `checkpoint` is set together with `vision_tower` or `language_model`, the checkpoint must
    have that tower's weights, or that language model's tokenizer and chat template.
    """

    vision_tower: Path | None = None
    language_model: Path | None = None
    checkpoint: Path | None = None
    # An adapter of the model, in the form of `peft`, that is merged into it first.
    adapter: Path | None = None
    # One of the built-in templates or a Jinja file. Empty: the one stored with the weights, or
    # `vicuna` if there is none.
    chat_template: str = ""
    connector: ConnectorConfig = field(default_factory=ConnectorConfig)
    # The model family that joins a vision tower and a language model; a checkpoint has its own.
    family: str = DEFAULT_FAMILY


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """The instances that a stage trains on."""

    build: Path | None = None  # build directory; None: that of the run
    tasks: tuple[str, ...] = ()  # patterns such as `coco`, `coco/*`, `*/vqa`; empty: all tasks
    # Patterns of who wrote the instances: `human`, `rule`, or a model, as in `qwen2.5-vl-*`; empty:
    # anyone.
    authors: tuple[str, ...] = ()
    split: Split = "train"
    # A list of row ids, as `visionflan select` writes: only these instances.
    row_list: Path | None = None
    # Maximum number of instances: those with the lowest hash of the seed and the instance's id.
    max_instances: int | None = None
    # How much of each task; None: all rows, or `max_instances` of them.
    mixture: MixtureConfig | None = None
    # Number of conversations generated from the build, to train on instead of its instances.
    synthetic_conversations: int | None = None
    # The stage fails if more than this share of its instances cannot be used for training.
    max_dropped_fraction: float = 0.01


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """One training stage: the parts to train, the data, the duration and the optimizer."""

    name: str
    learning_rate: float
    data: DataConfig = field(default_factory=DataConfig)
    trainable: tuple[ModelPart, ...] = ("connector", "language_model")
    # Patterns of weights that are not trained, such as `*.embed_tokens.*`, though their part is.
    frozen: tuple[str, ...] = ()
    # Low-rank matrices to train instead of the language model's own weights.
    adapter: AdapterConfig | None = None
    epochs: float | None = None  # set exactly one of `epochs` and `steps`
    steps: int | None = None
    batch_size: int | None = None  # instances per step, summed over all processes
    batch_tokens: int | None = None  # instead of `batch_size`: padded tokens per step
    # Length-grouped batching: the number of steps whose instances are drawn at random, sorted by
    # length and split into steps. 1 makes every step a random draw; a larger number pads less.
    bucket_steps: int = 16
    max_seq_len: int = 2048  # tokens, each image counted with all its tokens
    # A template for this stage only: `caption`, as LLaVA aligns its connector, another built-in
    # one, or a Jinja file. Empty: that of the run, with which checkpoints are saved.
    chat_template: str = ""
    # `PATTERN:RATE` for other learning rates, as in `connector:2e-5` for a part or
    # `language_model.layers.0.*:1e-6`; of those that match a weight, the last one counts.
    learning_rates: tuple[str, ...] = ()
    lr_schedule: LrSchedule = "cosine"
    warmup_fraction: float = 0.03  # of the steps
    # AdamW with both averages of a gradient in float32; or in 8 bits (needs torchao); or, as the
    # trained weights themselves, in bfloat16, to which weights are rounded at random (torchao).
    optimizer: OptimizerName = "adamw"
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    max_grad_norm: float = 1.0
    # The loss on held-out instances while the stage trains; None: not computed.
    validation: ValidationConfig | None = None

    def __post_init__(self) -> None:
        """Raise TrainingError for a number that is out of range, and for settings that conflict."""
        if (self.epochs is None) == (self.steps is None):
            raise TrainingError(f"stage {self.name}: set exactly one of `epochs` and `steps`")
        if (self.batch_size is None) == (self.batch_tokens is None):
            raise TrainingError(
                f"stage {self.name}: set exactly one of `batch_size` and `batch_tokens`"
            )
        self.check_numbers()
        if not self.trainable:
            raise TrainingError(
                f"stage {self.name} trains nothing: name at least one part in `trainable`"
            )
        if self.adapter is not None and not {"language_model"} <= set(self.trainable) <= ADAPTED:
            raise TrainingError(
                f"stage {self.name} has an adapter, with which it can train the language model and "
                f"the connector, but `trainable` is {', '.join(self.trainable)}"
            )

    def check_numbers(self) -> None:
        """Raise TrainingError for a number that is out of range, also of a group of settings."""
        prefix = f"stages.{self.name}."
        check_ranges(self, prefix, STAGE_RANGES)
        check_ranges(self.data, f"{prefix}data.", DATA_RANGES)
        if self.data.mixture is not None:
            self.data.mixture.check(f"{prefix}data.mixture")
        if self.adapter is not None:
            check_ranges(self.adapter, f"{prefix}adapter.", ADAPTER_RANGES)
        if self.validation is not None:
            check_ranges(self.validation, f"{prefix}validation.", VALIDATION_RANGES)
        self.rate_by_pattern()

    def rate_by_pattern(self) -> dict[str, float]:
        """Return the learning rate of each pattern. Raises TrainingError for one that is none."""
        setting = f"stages.{self.name}.learning_rates"
        return numbers_by_pattern(setting, self.learning_rates, "rate", "connector:2e-5")


@dataclass(frozen=True, kw_only=True)
class RuntimeConfig:
    """Device, memory and logging; a run may be resumed with other values."""

    device: Device = "auto"
    num_processes: int = 1  # that train together, each on a GPU of its own; 2 or more: torchrun
    # The processes that share one copy of the model, each with a shard of it, as the GPUs of one
    # machine where there are several machines (HSDP); 0: all processes.
    shard_size: int = 0
    # In which the model computes; auto: bfloat16 on a GPU. Trained weights are stored in float32,
    # the others in this precision where the checkpoint has no higher one.
    precision: ComputePrecision = "auto"
    num_threads: int = 0  # of each process; 0: the fastest number, found by a short probe
    num_workers: int = 0  # threads that prepare images in advance; 0: prepare between steps
    micro_batch_tokens: int = 16384  # padded tokens of one forward pass of one process
    gradient_checkpointing: bool = False
    # Keep in memory the resized pixels of each image, or the features of a frozen vision tower.
    image_cache: ImageCache = "none"
    # Where features are kept for other runs; None: in the run, which removes them at its end.
    feature_cache_dir: Path | None = None
    log_every_steps: int = 10
    # Where metrics go beside `metrics.jsonl`; empty: nowhere. `wandb` is Weights & Biases.
    report_to: tuple[LoggerName, ...] = ("tensorboard",)
    # A state to resume from is saved at a log step if the last one is at least this old, or older
    # where copying it takes more than 2 % of the time; 0: at every log step.
    checkpoint_every_seconds: float = 300.0

    def __post_init__(self) -> None:
        """Raise TrainingError for a number that is too low."""
        counts = "num_processes", "micro_batch_tokens", "log_every_steps"
        others = "shard_size", "num_threads", "checkpoint_every_seconds"
        ranges = dict.fromkeys(counts, NumberRange(1)) | dict.fromkeys(others, NOT_NEGATIVE)
        check_ranges(self, "runtime.", {**ranges, "num_workers": NumberRange(0, MAX_THREADS)})


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The configuration of a complete run."""

    name: str
    stages: tuple[StageConfig, ...]
    init: InitConfig = field(default_factory=InitConfig)
    # If set, the run pretrains the vision tower and the language model that it starts from.
    pretrain: PretrainConfig | None = None
    build: Path | None = None  # build directory of the stages that do not set one
    seed: int = 0
    checkpoint_dtype: Precision = "float32"
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)

    def __post_init__(self) -> None:
        """Raise TrainingError unless there is a stage and the names of the stages are unique."""
        names = [stage.name for stage in self.stages]
        if not names or len(set(names)) < len(names):
            raise TrainingError(
                f"recipe {self.name} has the stages {', '.join(names) or 'none'}: "
                "there must be at least one, and their names must be unique"
            )

    def stage(self, name: str) -> StageConfig:
        """Return the stage of this name."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        known = ", ".join(stage.name for stage in self.stages)
        raise TrainingError(f"recipe {self.name} has no stage {name!r}; its stages are {known}")
