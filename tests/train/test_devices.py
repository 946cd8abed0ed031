"""Devices: copies to a GPU are asynchronous only from pinned memory, and MPS gets no float64."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from visionflan.errors import TrainingError
from visionflan.model.generate import dtype_for, resolve_device
from visionflan.train import task_losses, torchrun
from visionflan.train.batch_sampler import MicroBatch
from visionflan.train.collator import BatchTensors
from visionflan.train.config import RuntimeConfig, TrainConfig
from visionflan.train.config_io import override
from visionflan.train.distributed import DistributedContext
from visionflan.train.run import train
from visionflan.train.stage import StageRunner

NO_MPS = pytest.mark.skipif(torch.backends.mps.is_available(), reason="there is MPS")


class WithoutFloat64(TorchDispatchMode):
    """Refuses to make a tensor of float64, as MPS does."""

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            assert getattr(leaf, "dtype", None) != torch.float64, func
        return out


@NO_MPS
def test_missing_mps_is_reported_in_a_sentence(config: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="this PyTorch has no MPS: use `cpu` or `auto`"):
        resolve_device("mps")
    with pytest.raises(TrainingError, match="this PyTorch has no MPS"):
        train(override(config, "runtime.device=mps"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_mps_computes_in_float32_and_in_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    device = resolve_device("mps")
    assert (device.type, dtype_for(device)) == ("mps", "float32")
    assert task_losses.sum_dtype(device) == torch.float32
    assert task_losses.sum_dtype(torch.device("cpu")) == torch.float64
    with pytest.raises(TrainingError, match="several processes cannot run on MPS: set it to 1"):
        torchrun.check_devices(RuntimeConfig(device="mps", num_processes=2))


def test_training_makes_no_tensor_of_float64_where_losses_are_summed_in_float32(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_losses, "sum_dtype", lambda device: torch.float32)
    stage = replace(config.stages[0], epochs=None, steps=2)
    without_float64: Any = WithoutFloat64
    with without_float64():
        train(replace(config, stages=(stage,)), tmp_path)
    assert (tmp_path / "base/checkpoint/run.json").is_file()


class Recorder:
    """Stands for a tensor, and records how it is copied."""

    def __init__(self, *, pinned: bool = False) -> None:
        self.pinned, self.copies = pinned, list[bool]()

    def is_pinned(self) -> bool:
        return self.pinned

    def pin_memory(self) -> "Recorder":
        return Recorder(pinned=True)

    def to(self, device: torch.device, *, non_blocking: bool) -> "Recorder":
        self.copies.append(non_blocking)
        return self


def recorded_batch() -> BatchTensors:
    tensors: list[Any] = [Recorder() for _ in range(6)]
    untyped: Any = BatchTensors
    batch: BatchTensors = untyped(*tensors[:5], {"pixel_values": tensors[5]})
    return batch


def recorders(batch: BatchTensors) -> list[Recorder]:
    names = [name for name in batch.__dataclass_fields__ if name != "image_inputs"]
    tensors: list[Any] = [*(getattr(batch, name) for name in names), *batch.image_inputs.values()]
    return tensors


def test_a_copy_is_asynchronous_only_from_pinned_memory() -> None:
    for batch, pinned in ((recorded_batch(), False), (recorded_batch().pin_memory(), True)):
        batch.to(torch.device("meta"))
        assert [tensor.copies for tensor in recorders(batch)] == [[pinned]] * 6


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
def test_batches_are_pinned_for_a_gpu_alone(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    distributed = DistributedContext(0, 1, torch.device(device))
    runner = StageRunner(config, config.stages[0], tmp_path, distributed)
    collate = runner.collator(dataset := runner.tokenize(), runner.images(dataset))
    monkeypatch.setattr(collate, "collate", lambda micro_batch: recorded_batch())
    batch = collate(MicroBatch(np.array([0]), 1))
    assert {tensor.pinned for tensor in recorders(batch)} == {device == "cuda"}
