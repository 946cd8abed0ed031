"""What the stages of a run need: memory, disk and hours, for several numbers of GPUs."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from torch._subclasses.fake_tensor import FakeTensorMode

from visionflan.errors import TrainingError
from visionflan.plural import counted
from visionflan.train.adapter import narrow_layers
from visionflan.train.config import StageConfig, TrainConfig
from visionflan.train.low_memory_optimizer import STATE_BYTES
from visionflan.train.mixture import mixture_shares
from visionflan.train.plan.fake_model import fake_model
from visionflan.train.plan.measure import (
    ModelSize,
    count_weights,
    flops_of_a_row,
    peak_memory,
)
from visionflan.train.plan.measured_row import Row
from visionflan.train.preflight import stage_task_counts
from visionflan.train.quantization import is_quantized

GPU_COUNTS = (1, 4, 8, 16)
GIB, GB = 2**30, 10**9
FLOAT32_BYTES = 4
CHECKPOINT_BYTES = {"float32": 4, "bfloat16": 2}


class GpuPlan(NamedTuple):
    """What a stage needs on some GPUs.

    Attributes:
        peak_bytes: of one GPU
        hours: None if the number of rows is not known
    """

    num_gpus: int
    peak_bytes: int
    hours: float | None


class StagePlan(NamedTuple):
    """What a stage needs.

    Attributes:
        flops: operations of a row
        num_rows: that the stage is trained on; None if its data does not exist yet
        is_sharded: whether several GPUs share the weights
        narrow: the layers of an adapter that cannot use all of its rank, in words; often empty
        host_bytes: of the machine that loads the model, for one copy of it
    """

    stage: str
    size: ModelSize
    row: Row
    flops: float
    num_rows: int | None
    host_bytes: int
    state_bytes: int
    checkpoint_bytes: int
    gpus: tuple[GpuPlan, ...]
    is_sharded: bool = True
    narrow: str = ""


def plan_stages(
    config: TrainConfig, gpu_counts: Sequence[int], flops_per_second: float
) -> Iterator[StagePlan]:
    """Yield what each stage needs, at a rate of operations that each GPU sustains.

    A stage with quantized weights is planned for one GPU, on which alone it can be trained.
    """
    for stage in config.stages:
        size = count_weights(config, stage)
        flops, row = flops_of_a_row(config, stage)
        num_rows = count_rows(config, stage)
        gpus = []
        for num_gpus in (1,) if is_quantized(stage) else gpu_counts:
            seconds = None if num_rows is None else num_rows * flops / (flops_per_second * num_gpus)
            gpus.append(
                GpuPlan(
                    num_gpus,
                    peak_memory(config, stage, num_gpus),
                    None if seconds is None else seconds / 3600,
                )
            )
        yield StagePlan(
            stage.name,
            size,
            row,
            flops,
            num_rows,
            size.weights * FLOAT32_BYTES,
            round(size.trainable * STATE_BYTES[stage.optimizer]),
            size.weights * CHECKPOINT_BYTES[config.checkpoint_dtype],
            tuple(gpus),
            is_sharded=not is_quantized(stage),
            narrow=narrow_text(config, stage),
        )


def narrow_text(config: TrainConfig, stage: StageConfig) -> str:
    """Return which layers cannot use all of the rank of a stage's adapter; empty if all can."""
    if stage.adapter is None:
        return ""
    with FakeTensorMode(allow_non_fake_inputs=True):
        narrow = narrow_layers(fake_model(config), stage)
    layers = ", ".join(f"{name} ({rank:,})" for name, rank in narrow.items())
    return layers and (
        f"adapter.rank is {stage.adapter.rank:,}, above the smaller dimension of {layers}"
    )


def count_rows(config: TrainConfig, stage: StageConfig) -> int | None:
    """Return how many rows a stage is trained on; None if that is not known yet."""
    if stage.steps is not None:
        return None if stage.batch_size is None else stage.steps * stage.batch_size
    counts, data = stage_task_counts(config, stage), stage.data
    if counts is None or stage.epochs is None:
        return None
    if (mixture := data.mixture) is None:
        return round(stage.epochs * min(sum(counts.values()), data.max_instances or 10**18))
    if mixture.target_tokens is not None:
        return None
    shares = mixture_shares(mixture, counts, config.seed)
    return round(stage.epochs * sum(share.rows or 0 for share in shares))


def plan_text(plans: Sequence[StagePlan], flops_per_second: float) -> Iterator[str]:
    """Yield the lines of a plan."""
    for plan in plans:
        rows = "rows not known yet" if plan.num_rows is None else counted(plan.num_rows, "row")
        yield (
            f"{plan.stage}: {weights_text(plan.size)}; {rows}, {plan.flops / 1e12:.1f} TFLOP each "
            f"({counted(plan.row.tokens, 'token')})"
        )
        yield f"  {'GPUs':>5} {'GiB a GPU':>10} {'hours':>8}"
        for gpu in plan.gpus:
            hours = "-" if gpu.hours is None else f"{gpu.hours:.1f}"
            yield f"  {gpu.num_gpus:>5} {gpu.peak_bytes / GIB:>10.1f} {hours:>8}"
        yield (f"  memory of the machine while the model is loaded: {gigabytes(plan.host_bytes)}")
        yield (
            f"  a state to resume from: {gigabytes(plan.state_bytes)}, two while one is written, "
            f"and a copy in memory; the checkpoint: {gigabytes(plan.checkpoint_bytes)}"
        )
        if plan.narrow:
            yield f"  {plan.narrow}"
    yield f"hours at {flops_per_second / 1e12:.0f} TFLOP/s a GPU; memory without fragmentation"


def gigabytes(num_bytes: int) -> str:
    """Return a size in words, with one digit where it is small."""
    return f"{num_bytes / GB:.{0 if num_bytes >= 10 * GB else 1}f} GB"


def weights_text(size: ModelSize) -> str:
    """Return the numbers of weights in words."""
    unit, name = (1e9, "billion") if size.weights >= 1e9 else (1e6, "million")
    digits = 2 if unit == 1e9 else 1
    weights, trainable = (f"{count / unit:.{digits}f}" for count in size)
    return f"weights: {weights} {name}, of which {trainable} are trained"


def check_fits(plans: Sequence[StagePlan], gpu_bytes: float) -> None:
    """Raise TrainingError if a stage fits on no number of GPUs that was planned."""
    for plan in plans:
        least = min(plan.gpus, key=lambda gpu: gpu.peak_bytes)
        if least.peak_bytes > gpu_bytes:
            raise TrainingError(
                f"stage {plan.stage} needs {least.peak_bytes / GIB:.1f} GiB a GPU on "
                f"{counted(least.num_gpus, 'GPU')}, and a GPU has {gpu_bytes / GIB:.1f}: use "
                f"{'more GPUs (runtime.num_processes), ' * plan.is_sharded}"
                "a smaller runtime.micro_batch_tokens, or runtime.gradient_checkpointing=true"
            )
