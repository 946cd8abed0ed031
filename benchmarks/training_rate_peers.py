"""Training speed beside the trainers that others use, and held-out loss after as many samples.

All train the same model from the same weights on the same rows, in steps of 32 rows, with AdamW and
the same schedule, in one thread, one after the other in each round. Ours runs with the pool of the
recipes (16 steps), with a smaller one, with random steps, as they are and in about four parts of
rows of like length, and with stored image features. The trainer of
`transformers` gets rows that are tokenized already, grouped by length within a step as in LLaVA's
`LengthGroupedSampler` (llava/train/llava_trainer.py), in four parts a step, and computes all
logits. TRL's `SFTTrainer` gets prompts and completions with their images, and has a loss on the
completions. Rows of one turn only, so that all have the same targets. Run:
pip install trl accelerate && python benchmarks/training_rate_peers.py [--rounds 3] [--json]
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Sampler
from training_rate import write_build, write_parts

from visionflan.model.base import VisionLanguageModel
from visionflan.model.chat_rendering import messages
from visionflan.storage.directory import BuildDirectory
from visionflan.train.batch_sampler import MicroBatch
from visionflan.train.collator import Collator
from visionflan.train.config import DataConfig, RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.distributed import DistributedContext
from visionflan.train.stage import StageRunner
from visionflan.train.tokenized_dataset import TokenizedDataset
from visionflan.train.training_model import TrainingModel

BATCH, ACCUMULATION = 32, 4
# Of a part of a step of ours; a step of 32 rows then has about four.
PART_TOKENS = 800
DISTRIBUTED = DistributedContext(0, 1, torch.device("cpu"))
ARGUMENTS: dict[str, Any] = {
    "lr_scheduler_type": "cosine",
    "warmup_steps": 0.03,
    "weight_decay": 0.0,
    "adam_beta2": 0.999,
    "max_grad_norm": 1.0,
    "optim": "adamw_torch_fused",
    "per_device_train_batch_size": BATCH // ACCUMULATION,
    "gradient_accumulation_steps": ACCUMULATION,
    "save_strategy": "no",
    "logging_strategy": "no",
    "report_to": [],
    "use_cpu": True,
    "disable_tqdm": True,
    "remove_unused_columns": False,
}

# By default TRL truncates rows, computes activations again, and computes in bfloat16.
TRL_ARGUMENTS: dict[str, Any] = {
    "max_length": None,
    "gradient_checkpointing": False,
    "bf16": False,
}


@dataclass(frozen=True)
class Setting:
    """The run that all trainers repeat, and where ours keeps its files."""

    config: TrainConfig
    directory: Path

    def runner(self, name: str, config: TrainConfig | None = None) -> StageRunner:
        """Return a stage with a fresh model in a directory of its own."""
        config = config or self.config
        return StageRunner(config, config.stages[0], self.directory / name, DISTRIBUTED)

    @cached_property
    def held_out(self) -> TokenizedDataset:
        """The rows that no trainer sees."""
        (stage,) = self.config.stages
        stage = replace(stage, data=replace(stage.data, split="held_out"))
        return self.runner("held_out", replace(self.config, stages=(stage,))).tokenize()

    def held_out_loss(self, vlm: VisionLanguageModel) -> float:
        """Return the mean loss of the target tokens of all held-out rows."""
        runner, dataset = self.runner("held_out"), self.held_out
        model = TrainingModel(vlm, runner.stage.trainable)
        model.eval()
        collate = Collator(dataset, runner.chat_tokenizer, runner.images(dataset))
        rows = np.arange(len(dataset))
        with torch.no_grad():
            losses = [
                model(collate(MicroBatch(part, int(dataset.lengths[part].max()))))
                for part in np.array_split(rows, max(1, len(rows) // BATCH))
            ]
        return float(torch.cat(losses).mean())


def train_ours(
    setting: Setting, number: int, bucket_steps: int = 16, **runtime: Any
) -> tuple[float, float]:
    """Train with this project's trainer; return its CPU seconds and the held-out loss."""
    stage = replace(setting.config.stages[0], bucket_steps=bucket_steps)
    changed = replace(setting.config.runtime, **runtime)
    config = replace(setting.config, stages=(stage,), runtime=changed)
    name = "-".join(map(str, (number, bucket_steps, *runtime.values())))
    trainer = setting.runner(name, config).build_trainer()
    start = time.process_time()
    trainer.run()
    return time.process_time() - start, setting.held_out_loss(trainer.model.vlm)


class LengthGroupedSampler(Sampler[int]):
    """Yields the rows of steps that are drawn at random, sorted by length within each step."""

    def __init__(self, lengths: np.ndarray[Any, Any], seed: int) -> None:
        self.lengths, self.generator = lengths, np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        order = self.generator.permutation(len(self.lengths))
        for begin in range(0, len(order), BATCH):
            step = order[begin : begin + BATCH]
            yield from step[np.argsort(-self.lengths[step], kind="stable")].tolist()


def train_with_transformers(setting: Setting, number: int) -> tuple[float, float]:
    """Train with the trainer of `transformers` on tokenized rows."""
    from transformers import Trainer, TrainingArguments

    runner = setting.runner(f"{number}-transformers")
    dataset = runner.tokenize()
    collate = Collator(dataset, runner.chat_tokenizer, runner.images(dataset))

    def with_labels(indices: list[int]) -> dict[str, Any]:
        rows = np.array(indices)
        batch = collate(MicroBatch(rows, int(dataset.lengths[rows].max())))
        labels_bl = torch.full_like(batch.token_ids_bl, -100)
        labels_bl.view(-1)[batch.target_positions_a] = batch.targets_a
        padded_bl = np.arange(batch.token_ids_bl.shape[1]) < dataset.lengths[rows][:, None]
        return {
            "input_ids": batch.token_ids_bl,
            "attention_mask": torch.from_numpy(padded_bl).long(),
            "labels": labels_bl,
            **batch.image_inputs,
        }

    class GroupedTrainer(Trainer):
        """The trainer with LLaVA's sampler."""

        def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
            return LengthGroupedSampler(dataset.lengths, number)

    trainer = GroupedTrainer(
        model=trained_model(runner),
        args=TrainingArguments(**arguments(setting, runner)),
        train_dataset=list(range(len(dataset))),
        data_collator=with_labels,
    )
    return timed(trainer, setting, runner)


def train_with_trl(setting: Setting, number: int) -> tuple[float, float]:
    """Train with TRL's trainer on prompts and completions."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    runner = setting.runner(f"{number}-trl")
    rows = []
    for instance in runner.build.instances("train"):
        *prompt, completion = messages(instance.turns)
        images = [Image.open(BytesIO(runner.build.image(name))) for name in instance.images]
        rows.append({"prompt": prompt, "completion": [completion], "images": images})
    trainer = SFTTrainer(
        model=trained_model(runner),
        args=SFTConfig(**arguments(setting, runner), **TRL_ARGUMENTS),
        train_dataset=Dataset.from_list(rows),
        processing_class=runner.initial_model.vlm.processor,
    )
    return timed(trainer, setting, runner)


def trained_model(runner: StageRunner) -> Any:
    """Return the model of a stage, of which the stage's parts are trained."""
    model = TrainingModel(runner.initial_model.vlm, runner.stage.trainable)
    return model.vlm.model


def arguments(setting: Setting, runner: StageRunner) -> dict[str, Any]:
    """Return the arguments of a trainer of `transformers`."""
    (stage,) = setting.config.stages
    assert stage.epochs is not None
    return {
        **ARGUMENTS,
        "output_dir": str(runner.directory),
        "num_train_epochs": stage.epochs,
        "learning_rate": stage.learning_rate,
    }


def timed(trainer: Any, setting: Setting, runner: StageRunner) -> tuple[float, float]:
    """Train; return the CPU seconds and the held-out loss."""
    start = time.process_time()
    trainer.train()
    seconds = time.process_time() - start
    return seconds, setting.held_out_loss(runner.initial_model.vlm)


VARIANTS: dict[str, Callable[[Setting, int], tuple[float, float]]] = {
    "visionflan": train_ours,
    "visionflan, stored features": partial(train_ours, image_cache="features"),
    "visionflan, 4 steps a pool": partial(train_ours, bucket_steps=4),
    "visionflan, random steps": partial(train_ours, bucket_steps=1),
    "visionflan, random, in parts": partial(
        train_ours, bucket_steps=1, micro_batch_tokens=PART_TOKENS
    ),
    "transformers, LLaVA's sampler": train_with_transformers,
    "TRL": train_with_trl,
}


def compare(setting: Setting, rounds: int, num_rows: int) -> dict[str, dict[str, float]]:
    """Return the medians of each trainer, and our speed as a multiple of its speed."""
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in VARIANTS}
    for number in range(rounds):
        for name, train in VARIANTS.items():
            results[name].append(train(setting, number))
    rates = {name: [num_rows / seconds for seconds, _ in runs] for name, runs in results.items()}
    ours = rates["visionflan"]
    return {
        name: {
            "samples_per_cpu_second": statistics.median(rates[name]),
            "ours_is_faster": statistics.median(
                own / other for own, other in zip(ours, rates[name], strict=True)
            ),
            "held_out_loss": statistics.median(loss for _, loss in runs),
        }
        for name, runs in results.items()
    }


def make_setting(directory: Path, images: int, epochs: int) -> Setting:
    """Build from specimens, and return the run that all trainers repeat."""
    build = write_build(directory, images, hold_out=0.2)
    instances = BuildDirectory(build).instances("train")
    stage = StageConfig(
        name="base", learning_rate=1e-3, epochs=epochs, batch_size=BATCH, data=DataConfig()
    )
    texts = (turn.text for instance in instances for turn in instance.turns)
    config = TrainConfig(
        name="rate",
        build=build,
        init=write_parts(directory, texts),
        runtime=RuntimeConfig(device="cpu", num_threads=1, log_every_steps=10**9, report_to=()),
        stages=(stage,),
    )
    return Setting(config, directory)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    with TemporaryDirectory(prefix="visionflan-rate-") as directory:
        setting = make_setting(Path(directory), args.images, args.epochs)
        num_rows = args.epochs * len(setting.runner("rows").tokenize())
        result = compare(setting, args.rounds, num_rows)
    if args.json:
        print(json.dumps(result, indent=1))
        return
    for name, line in result.items():
        print(
            f"{name:<32}{line['samples_per_cpu_second']:8.1f} samples a CPU second"
            f"{line['held_out_loss']:8.3f} held-out loss"
            f"   visionflan is {line['ours_is_faster']:.2f} times as fast"
        )


if __name__ == "__main__":
    main()
