"""Training speed with length-grouped batches, compared with random batches.

All variants have the same rows, model and seed, and take turns, one epoch each. The rows are the
specimens of several datasets, whose prompts and answers differ in length; the model is small, with
random weights. Run:
python benchmarks/training_rate.py [--images 60] [--rounds 3] [--batch 32] [--json]
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


class Variant(NamedTuple):
    """A way to batch: settings of the stage, and the padded tokens of one forward pass."""

    stage: dict[str, Any]
    micro_batch_tokens: int = 10**9


def variants(batch: int) -> dict[str, Variant]:
    """Return the ways to batch by name."""
    tokens = batch * 100
    budget = {"bucket_steps": 50, "batch_size": None, "batch_tokens": tokens}
    return {
        "random": Variant({"bucket_steps": 1}),
        "random, four micro-batches": Variant({"bucket_steps": 1}, tokens // 4),
        "length-grouped, 16 steps": Variant({"bucket_steps": 16}),
        "length-grouped, 50 steps": Variant({"bucket_steps": 50}),
        "token budget, 50 steps": Variant(budget),
    }


def write_build(directory: Path, images: int, hold_out: float = 0.0) -> Path:
    """Build from specimens, with a fraction of the images held out."""
    for name in sorted({task.partition("/")[0] for task in TASKS}):
        catalog.load(name).write_specimen(directory / "releases" / name, images)
    settings = BuildSettings(tasks=TASKS, hold_out_images=hold_out)
    build(directory / "releases", directory / "build", settings)
    return directory / "build"


def write_parts(directory: Path, texts: Iterable[str], sizes: dict[str, Any] = SIZES) -> InitConfig:
    """Save a small vision tower and language model, and a tokenizer trained on the texts."""
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
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>", eos_token="</s>")
    tokenizer.save_pretrained(directory / "language_model")
    language_config = LlamaConfig(
        vocab_size=len(tokenizer), num_hidden_layers=4, bos_token_id=0, eos_token_id=1, **sizes
    )
    LlamaForCausalLM(language_config).save_pretrained(directory / "language_model")
    vision_config = CLIPVisionConfig(image_size=32, patch_size=8, num_hidden_layers=4, **sizes)
    CLIPVisionModel(vision_config).save_pretrained(directory / "tower")
    CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    ).save_pretrained(directory / "tower")
    return InitConfig(
        vision_tower=directory / "tower",
        language_model=directory / "language_model",
        chat_template="plain",
    )


def measure(config: TrainConfig, directory: Path) -> dict[str, float]:
    """Train one epoch and return its speed, also per CPU second, which other load affects less."""
    distributed = DistributedContext(0, 1, torch.device("cpu"))
    trainer = StageRunner(config, config.stages[0], directory, distributed).build_trainer()
    start = time.process_time()
    trainer.run()
    cpu_seconds = time.process_time() - start
    line = json.loads((directory / "base/metrics.jsonl").read_text())
    return {
        "samples_per_second": line["samples_per_second"],
        "samples_per_cpu_second": len(trainer.dataset) / cpu_seconds,
        "padding_fraction": line["padding_fraction"],
        "steps": float(trainer.sampler.steps),
    }


def compare(directory: Path, images: int, rounds: int, batch: int) -> dict[str, Any]:
    """Return the medians of each variant, and their ratio to random batches."""
    build_path = write_build(directory, images)
    instances = BuildDirectory(build_path).instances("train")
    texts = (turn.text for instance in instances for turn in instance.turns)
    config = TrainConfig(
        name="rate",
        build=build_path,
        init=write_parts(directory, texts),
        runtime=RuntimeConfig(
            device="cpu", num_threads=1, log_every_steps=10**9, image_cache="features"
        ),
        stages=(StageConfig(name="base", learning_rate=1e-4, epochs=1, batch_size=batch),),
    )
    results: dict[str, list[dict[str, float]]] = {name: [] for name in variants(batch)}
    for number in range(rounds):
        for name, variant in variants(batch).items():
            changed = replace(
                config,
                stages=(replace(config.stages[0], **variant.stage),),
                runtime=replace(config.runtime, micro_batch_tokens=variant.micro_batch_tokens),
            )
            results[name].append(measure(changed, directory / f"{number}-{name}"))
    medians = {
        name: {key: statistics.median(line[key] for line in lines) for key in lines[0]}
        for name, lines in results.items()
    }
    base = medians["random"]["samples_per_cpu_second"]
    for line in medians.values():
        line["ratio"] = line["samples_per_cpu_second"] / base
    return {"instances": len(instances), "batch": batch, "variants": medians}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with TemporaryDirectory(prefix="visionflan-rate-") as directory:
        result = compare(Path(directory), args.images, args.rounds, args.batch)
    if args.json:
        print(json.dumps(result, indent=1))
        return
    print(f"{result['instances']} instances, steps of about {args.batch} instances, one thread")
    for name, line in result["variants"].items():
        print(
            f"{name:<27}{line['samples_per_second']:8.1f} samples/s"
            f"{line['samples_per_cpu_second']:8.1f} per CPU second"
            f"{line['padding_fraction']:8.1%} padding{line['steps']:6.0f} steps"
            f"{line['ratio']:7.2f} x"
        )


if __name__ == "__main__":
    main()
