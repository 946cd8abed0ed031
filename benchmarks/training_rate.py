"""How fast a stage trains with batches of like length, beside batches drawn at random.

The same rows, model and seed in every arm; arms take turns within one run, each for one whole pass.
The rows are the specimens of several datasets, whose prompts and answers differ in length; the
model is small and its weights are drawn, which no time depends on. Run:
python benchmarks/training_rate.py [--pictures 60] [--rounds 3] [--batch 32] [--json]
"""

import argparse
import json
import statistics
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch

from visionflan import catalog
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.storage.directory import BuildDirectory
from visionflan.train.config import InitConfig, RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.distributed import DistributedContext
from visionflan.train.stage import StageRunner

TASKS = ("caltech101/*", "coco/*", "concadia/*", "funsd/*", "geometry3k/*", "iconqa/*", "vqa_rad/*")
SIZES: dict[str, Any] = {"hidden_size": 128, "intermediate_size": 344, "num_attention_heads": 4}


class Arm(NamedTuple):
    """A way to batch: the settings of the stage, and the padded tokens of one forward pass."""

    stage: dict[str, Any]
    micro_batch_tokens: int = 10**9


def arms(batch: int) -> dict[str, Arm]:
    """Name the ways to batch."""
    tokens = batch * 100
    budget = {"bucket_steps": 50, "batch_size": None, "batch_tokens": tokens}
    return {
        "at random": Arm({"bucket_steps": 1}),
        "at random, in four passes": Arm({"bucket_steps": 1}, tokens // 4),
        "like length, 16 steps": Arm({"bucket_steps": 16}),
        "like length, 50 steps": Arm({"bucket_steps": 50}),
        "token budget, 50 steps": Arm(budget),
    }


def write_build(folder: Path, pictures: int) -> Path:
    """Build from specimens, all of them to be trained on."""
    for name in sorted({task.partition("/")[0] for task in TASKS}):
        catalog.load(name).write_specimen(folder / "releases" / name, pictures)
    build(folder / "releases", folder / "build", BuildSettings(tasks=TASKS, hold_out_images=0))
    return folder / "build"


def write_parts(folder: Path, texts: Iterable[str], sizes: dict[str, Any] = SIZES) -> InitConfig:
    """Save a small tower and language model, and a tokenizer that knows the texts."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from tokenizers.trainers import BpeTrainer
    from transformers import (
        CLIPVisionConfig,
        CLIPVisionModel,
        LlamaConfig,
        LlamaForCausalLM,
        PreTrainedTokenizerFast,
    )
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.train_from_iterator(
        texts,
        BpeTrainer(
            vocab_size=1000,
            special_tokens=["<s>", "</s>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    words = PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>", eos_token="</s>")
    words.save_pretrained(folder / "words")
    language = LlamaConfig(
        vocab_size=len(words), num_hidden_layers=4, bos_token_id=0, eos_token_id=1, **sizes
    )
    LlamaForCausalLM(language).save_pretrained(folder / "words")
    seen = CLIPVisionConfig(image_size=32, patch_size=8, num_hidden_layers=4, **sizes)
    CLIPVisionModel(seen).save_pretrained(folder / "tower")
    CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    ).save_pretrained(folder / "tower")
    return InitConfig(
        vision_tower=folder / "tower", language_model=folder / "words", chat_template="plain"
    )


def measure(config: TrainConfig, folder: Path) -> dict[str, float]:
    """Train one pass; the time of the processor counts, which a busy machine disturbs less."""
    loop = StageRunner(
        config, config.stages[0], folder, DistributedContext(0, 1, torch.device("cpu"))
    ).loop()
    began = time.process_time()
    loop.run()
    spent = time.process_time() - began
    line = json.loads((folder / "base/metrics.jsonl").read_text())
    return {
        "samples_per_second": line["samples_per_second"],
        "samples_per_cpu_second": len(loop.rows) / spent,
        "padding": line["padding"],
        "steps": float(loop.plan.steps),
    }


def compare(folder: Path, pictures: int, rounds: int, batch: int) -> dict[str, Any]:
    """Give the medians of each arm, and their ratio to batches drawn at random."""
    made = write_build(folder, pictures)
    instances = BuildDirectory(made).instances("train")
    texts = (turn.text for instance in instances for turn in instance.turns)
    config = TrainConfig(
        name="rate",
        build=made,
        init=write_parts(folder, texts),
        runtime=RuntimeConfig(
            device="cpu", num_threads=1, log_every_steps=10**9, image_cache="features"
        ),
        stages=(StageConfig(name="base", learning_rate=1e-4, epochs=1, batch_size=batch),),
    )
    found: dict[str, list[dict[str, float]]] = {name: [] for name in arms(batch)}
    for number in range(rounds):
        for name, arm in arms(batch).items():
            changed = replace(
                config,
                stages=(replace(config.stages[0], **arm.stage),),
                runtime=replace(config.runtime, micro_batch_tokens=arm.micro_batch_tokens),
            )
            found[name].append(measure(changed, folder / f"{number}-{name}"))
    medians = {
        name: {key: statistics.median(line[key] for line in lines) for key in lines[0]}
        for name, lines in found.items()
    }
    base = medians["at random"]["samples_per_cpu_second"]
    for line in medians.values():
        line["ratio"] = line["samples_per_cpu_second"] / base
    return {"instances": len(instances), "batch": batch, "arms": medians}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="visionflan-rate-") as folder:
        result = compare(Path(folder), given.pictures, given.rounds, given.batch)
    if given.json:
        print(json.dumps(result, indent=1))
        return
    print(f"{result['instances']} instances, steps of about {given.batch}, one thread")
    for name, line in result["arms"].items():
        print(
            f"{name:<27}{line['samples_per_second']:8.1f} samples/s"
            f"{line['samples_per_cpu_second']:8.1f} per CPU second{line['padding']:8.1%} padding"
            f"{line['steps']:6.0f} steps{line['ratio']:7.2f} x"
        )


if __name__ == "__main__":
    main()
