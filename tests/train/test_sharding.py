"""Several processes load one copy of a model, and each has its shard of it."""

import gc
import json
from dataclasses import replace
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from tests.helpers.rank_processes import run_ranks
from tests.helpers.sharded_loading import load_and_record
from tests.helpers.tiny_checkpoint import save_language_model, save_tower
from visionflan.errors import TrainingError
from visionflan.model.families.llava import Llava
from visionflan.train.config import TrainConfig
from visionflan.train.config_io import from_json, to_json
from visionflan.train.distributed import DistributedContext
from visionflan.train.run import train
from visionflan.train.sharding import make_mesh
from visionflan.train.stage import StageRunner
from visionflan.train.trainer import Trainer


def save_llava(directory: Path, kind: str, width: int) -> Path:
    tower, language_model = directory / "tower", directory / "language_model"
    vlm = Llava.build(
        save_tower(tower),
        save_language_model(language_model, kind, width=width),
        chat_template="vicuna",
    )
    vlm.model.save_pretrained(directory / "checkpoint")
    vlm.processor.save_pretrained(directory / "checkpoint")
    return directory / "checkpoint"


def ranks(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(file.read_bytes()) for file in sorted(directory.glob("rank-*.json"))]


def check_loaded(checkpoint: Path, out: Path) -> None:
    """Compare what the processes loaded with what one loads: weights, and buffers not stored."""
    model: Any = Llava.load(checkpoint).model
    weights = torch.load(out / "weights.pt")
    for name, weight in model.named_parameters():
        assert torch.equal(weights[f"model.{name}"], weight), name
    buffers = dict(model.named_buffers())
    assert buffers
    for file in out.glob("buffers-*.pt"):
        loaded = torch.load(file)
        assert loaded.keys() == {f"model.{name}" for name in buffers}
        assert all(torch.equal(loaded[f"model.{name}"], buffers[name]) for name in buffers)


def test_two_processes_load_with_the_memory_of_one_copy(
    context: ForkServerContext, tmp_path: Path
) -> None:
    checkpoint = save_llava(tmp_path, "llama", 1024)
    run_ranks(context, 2, load_and_record, checkpoint, tmp_path)
    check_loaded(checkpoint, tmp_path)
    main, other = ranks(tmp_path)
    size = sum(file.stat().st_size for file in checkpoint.glob("*.safetensors"))
    # One copy, and the tensor that is being sent with its two parts.
    assert 0.8 * size < main["grown"] < 1.6 * size
    shards = sum(main["sizes"].values()), sum(other["sizes"].values())
    assert max(shards) * 4 < 0.55 * size
    assert main["is_freed"]
    assert other["is_freed"]


def test_a_copy_in_each_group_of_processes(context: ForkServerContext, tmp_path: Path) -> None:
    """Two groups of one process each (HSDP); a head that is tied to embeddings stays tied."""
    checkpoint = save_llava(tmp_path, "qwen2", 32)
    run_ranks(context, 2, load_and_record, checkpoint, tmp_path, 1)
    check_loaded(checkpoint, tmp_path)
    sizes = [rank["sizes"] for rank in ranks(tmp_path)]
    weights = torch.load(tmp_path / "weights.pt")
    assert sizes[0] == sizes[1] == {name: weights[name].numel() for name in sizes[0]}
    assert not any("lm_head" in name for name in sizes[0])


def test_groups_that_do_not_divide_the_processes_are_refused() -> None:
    distributed = DistributedContext(0, 4, torch.device("cpu"))
    with pytest.raises(TrainingError, match="is 3, which does not divide the 4 processes"):
        make_mesh(distributed, 3)


def train_from(file: Path, out: Path) -> None:
    """Train, and record the weights in memory as each stage opens its model."""
    config = from_json(TrainConfig, json.loads(file.read_bytes()))
    build_trainer, counts = StageRunner.build_trainer, list[int]()

    def counting(self: StageRunner) -> Trainer:
        models = [value for value in gc.get_objects() if isinstance(value, PreTrainedModel)]
        counts.append(sum(w.numel() for model in models for w in model.parameters()))
        return build_trainer(self)

    StageRunner.build_trainer = counting  # type: ignore[method-assign]
    train(config, out)
    assert counts == [0] * len(config.stages), counts


@pytest.mark.parametrize(("shard_size", "precision"), [(0, "float32"), (1, "bfloat16")])
def test_a_stage_begins_when_the_model_of_the_last_one_is_gone(
    context: ForkServerContext,
    run_config: TrainConfig,
    tmp_path: Path,
    shard_size: int,
    precision: Any,
) -> None:
    """Run as on two machines of one process each."""
    runtime = replace(run_config.runtime, shard_size=shard_size, precision=precision)
    config = replace(run_config, runtime=runtime, checkpoint_dtype="bfloat16")
    file = tmp_path / "config.json"
    file.write_text(json.dumps(to_json(config)))
    run_ranks(context, 2, train_from, file, tmp_path / "run", local_size=1)
    assert (tmp_path / "run/chat/checkpoint/run.json").is_file()
