"""Measure a training step without doing it: its operations, and the memory of a GPU.

The product's own model, loss, sharding and optimizer run on fake tensors, which have sizes and no
content, in a process group that does not communicate. On a processor these stand for those of a
GPU, whose computation is in bfloat16.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import torch
from torch import distributed as dist
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.utils.flop_counter import (
    FlopCounterMode,
    sdpa_backward_flop_count,
    sdpa_flop_count,
)

from visionflan.train.config import StageConfig, TrainConfig
from visionflan.train.optimizer import build_optimizer
from visionflan.train.plan.fake_linear_4bit import FakeLinear4bit
from visionflan.train.plan.fake_model import fake_model
from visionflan.train.plan.known_values import KnownValues
from visionflan.train.plan.measured_row import Row, measured_batch, measured_row
from visionflan.train.plan.memory_tracker import MemoryTracker
from visionflan.train.precision import frozen_dtype
from visionflan.train.prepare_model import enable_gradient_checkpointing, prepare_model
from visionflan.train.quantization import is_quantized, replace_layers
from visionflan.train.sharding import cast_frozen_weights, shard_layers, tie_weights
from visionflan.train.training_model import TrainingModel

GPU = torch.device("cuda")
# The attention of a processor: PyTorch counts the operations of that of a GPU alone.
CPU_ATTENTION = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
CPU_ATTENTION_BACKWARD = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


class ModelSize(NamedTuple):
    """The weights of a model, and those that a stage trains."""

    weights: int
    trainable: int


def count_weights(config: TrainConfig, stage: StageConfig) -> ModelSize:
    """Return the numbers of weights."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        weights = list(training_model(config, without_quantization(stage)).parameters())
    trainable = sum(weight.numel() for weight in weights if weight.requires_grad)
    return ModelSize(sum(weight.numel() for weight in weights), trainable)


def flops_of_a_row(config: TrainConfig, stage: StageConfig) -> tuple[float, Row]:
    """Return the operations of a row, forward, backward and recomputed, and the row."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = training_model(config, without_quantization(stage))
        row = measured_row(model.vlm, stage)
        counter = flop_counter()
        with KnownValues(), counter, torch.autocast("cpu", torch.bfloat16):
            batch = measured_batch(model.vlm, row, 1)
            model(batch).sum().backward()
    return float(counter.get_total_flops()), row


def flop_counter() -> FlopCounterMode:
    """Return a counter of the operations of matrices and of attention.

    Where attention is causal, the operations of the part that is masked are counted, too.
    """
    formulas = {
        CPU_ATTENTION: lambda *shapes, **_: sdpa_flop_count(*shapes[:3]),
        CPU_ATTENTION_BACKWARD: lambda *shapes, **_: sdpa_backward_flop_count(*shapes[:4]),
    }
    return FlopCounterMode(display=False, custom_mapping=formulas)


def peak_memory(config: TrainConfig, stage: StageConfig, num_gpus: int) -> int:
    """Return the largest number of bytes that a GPU has allocated in a step."""
    tracker = MemoryTracker()
    with fake_mesh(num_gpus) as mesh, FakeTensorMode(allow_non_fake_inputs=True):
        with nullcontext() if mesh is None else torch.device("meta"):
            model = training_model(config, stage)
        if mesh is not None:
            shard_layers(model, mesh, torch.bfloat16)
            model.to_empty(device="cpu")
            tie_weights(model)
        for tensor in (*model.parameters(), *model.buffers()):
            tracker.count(tensor)
        with tracker:
            optimizer = build_optimizer(model, stage)
            row = measured_row(model.vlm, stage)
            num_rows = max(1, config.runtime.micro_batch_tokens // row.tokens)
            fill_states(optimizer)
        with KnownValues(), tracker:
            batch = measured_batch(model.vlm, row, num_rows)
            with torch.autocast("cpu", torch.bfloat16, enabled=mesh is None):
                loss = model(batch).sum()
            loss.backward()
        with tracker:
            optimizer.step()
    return tracker.peak


def fill_states(optimizer: torch.optim.Optimizer) -> None:
    """Fill an optimizer with the states that it has from its second step on."""
    for group in optimizer.param_groups:
        for weight in group["params"]:
            weight.grad = torch.zeros_like(weight)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def training_model(config: TrainConfig, stage: StageConfig) -> TrainingModel:
    """Return the model as a stage trains it."""
    vlm = fake_model(config)
    if is_quantized(stage):
        assert stage.adapter is not None
        replace_layers(vlm, partial(FakeLinear4bit, stage.adapter))
    model = prepare_model(vlm, stage)
    cast_frozen_weights(model, frozen_dtype(config, stage, GPU))
    if config.runtime.gradient_checkpointing:
        enable_gradient_checkpointing(vlm)
    return model


def without_quantization(stage: StageConfig) -> StageConfig:
    """Return a stage whose weights are numbers of their own, as they are in a checkpoint."""
    if stage.adapter is None:
        return stage
    return replace(stage, adapter=replace(stage.adapter, quantization=None))


@contextmanager
def fake_mesh(num_gpus: int) -> Iterator[DeviceMesh | None]:
    """Yield the mesh of so many processes that do not communicate; None for one process."""
    if num_gpus == 1:
        yield None
        return
    from torch.testing._internal.distributed.fake_pg import FakeStore

    dist.init_process_group("fake", rank=0, world_size=num_gpus, store=FakeStore())
    try:
        yield init_device_mesh("cpu", (num_gpus,))
    finally:
        dist.destroy_process_group()
