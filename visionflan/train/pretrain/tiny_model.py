"""Pretrain both parts of a tiny model, and save them in the format of `transformers`."""

import json
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from visionflan.atomic_write import write_json
from visionflan.builder.conversations import write_conversations
from visionflan.errors import TrainingError
from visionflan.model.families import load_family
from visionflan.model.fingerprint import weights_digest
from visionflan.model.tower_names import save_vision_tower
from visionflan.plural import counted
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance
from visionflan.storage.trained_images import images_of_build, write_trained_images
from visionflan.train.checkpoint import write_compatible_tokenizer_config
from visionflan.train.config import OUTCOME_FORMAT, TrainConfig
from visionflan.train.config_io import to_json
from visionflan.train.pixel_loader import PixelLoader
from visionflan.train.pretrain import PARTS
from visionflan.train.pretrain.language_model import new_language_model, pretrain_language_model
from visionflan.train.pretrain.tokenizer import train_tokenizer
from visionflan.train.pretrain.vision_tower import VisionTowerTraining, new_vision_tower
from visionflan.train.threads import fastest_num_threads

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

DESCRIPTION = (
    "A tiny vision tower and a tiny language model are pretrained from scratch, on the build's "
    "training instances only. The vision tower learns to predict the words of an answer from the "
    "image, its task and the words of the question, and is then frozen. It stands in for CLIP but, "
    "unlike CLIP, it has seen the labels of the tasks that follow. The language model learns to "
    "answer with the known facts written out in place of the image, on the tasks{conversations}."
)
CONVERSATIONS = (
    " and on generated conversations, just as Vicuna can hold a conversation before it is given "
    "images"
)


def pretrain_parts(
    config: TrainConfig, build: BuildDirectory, out: Path, log: Callable[[str], None]
) -> None:
    """Save `vision_tower` and `language_model` in `pretrain/`, which appears when both are done."""
    assert config.pretrain is not None
    directory, settings = out / "pretrain", config.pretrain
    if (directory / "run.json").is_file():
        check_pretraining(directory, config, build)
        log(f"pretrain: already done, in {directory}")
        return
    start = time.monotonic()
    unfinished = directory.with_name(f"{directory.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    torch.manual_seed(config.seed)
    conversations = synthetic_conversations(config, build, out, unfinished)
    instances = [instance for instance in build.instances("train") if len(instance.images) == 1]
    tokenizer = train_tokenizer([*instances, *conversations], settings.vocab_size)
    pretrain_vision_tower(config, build, instances, tokenizer, unfinished)
    middle = time.monotonic()
    log(f"vision tower: {counted(settings.vision_steps, 'step')} in {middle - start:.0f} s")
    model = new_language_model(tokenizer, settings)
    texts, metrics = [*instances, *conversations], unfinished / "metrics.jsonl"
    images = images_of_build(build, {image for text in texts for image in text.images})
    pretrain_language_model(model, tokenizer, texts, settings, metrics, seed=config.seed)
    model.save_pretrained(unfinished / "language_model")
    tokenizer.save_pretrained(unfinished / "language_model")
    write_compatible_tokenizer_config(unfinished / "language_model", tokenizer.model_input_names)
    for part in PARTS:
        write_trained_images(unfinished / part, images)
    steps = counted(settings.language_steps, "step")
    log(f"language model: {steps} in {time.monotonic() - middle:.0f} s")
    run = {
        "description": DESCRIPTION.format(conversations=CONVERSATIONS if conversations else ""),
        **pretrain_settings(config),
        "data": {
            "digest": build.digest,
            "instances": len(instances),
            "conversations": len(conversations),
            "written_from": conversations_draw(config),
        },
        "weights_sha256": " ".join(weights_digest(unfinished / part) for part in PARTS),
        "steps": settings.vision_steps + settings.language_steps,
        "elapsed_seconds": time.monotonic() - start,
        "num_threads": torch.get_num_threads(),
    }
    write_json(unfinished / "run.json", run)
    unfinished.replace(directory)


def pretrain_settings(config: TrainConfig) -> dict[str, Any]:
    """Return what decides the outcome of pretraining beside its data, as JSON values."""
    return {
        "format": OUTCOME_FORMAT,
        "settings": to_json(config.pretrain),
        "connector": to_json(config.init.connector),
        "family": config.init.family,
        "seed": config.seed,
    }


def check_pretraining(directory: Path, config: TrainConfig, build: BuildDirectory) -> None:
    """Raise TrainingError if parts were pretrained with other settings, or on another build."""
    record = json.loads((directory / "run.json").read_bytes())
    expected = {**pretrain_settings(config), "build": build.digest}
    previous = {**record, "build": record["data"]["digest"]}
    if changed := [name for name, value in expected.items() if previous.get(name) != value]:
        raise TrainingError(
            f"{directory} was pretrained with a different {changed[0]}: use the same settings or a "
            "new --out"
        )


def pretrain_vision_tower(
    config: TrainConfig,
    build: BuildDirectory,
    instances: Sequence[Instance],
    tokenizer: "PreTrainedTokenizerFast",
    directory: Path,
) -> None:
    """Pretrain the vision tower on images that are processed as for the joined model."""
    assert config.pretrain is not None
    path, connector = directory / "vision_tower", config.init.connector
    tower = new_vision_tower(config.pretrain, path)
    family = load_family(config.init.family)
    processor = family.build_processor(path, tower, tokenizer, connector)
    load_pixels = PixelLoader(build, processor, cache_pixels=True).pixel_values
    training = VisionTowerTraining(tower, instances, load_pixels, config.pretrain, config.seed)
    num_threads = config.runtime.num_threads or fastest_num_threads(training.probe())
    torch.set_num_threads(num_threads)
    training.run(directory / "metrics.jsonl")
    save_vision_tower(tower, path)


def synthetic_conversations(
    config: TrainConfig, build: BuildDirectory, out: Path, unfinished: Path
) -> list[Instance]:
    """Return the training conversations: as many as are set, or those that a later stage uses.

    Those that are set are the same for every seed, so that all seeds have one vocabulary.
    """
    assert config.pretrain is not None
    is_own = config.pretrain.synthetic_conversations is not None
    directory = (unfinished if is_own else out) / "conversations"
    draw = conversations_draw(config)
    return list(write_conversations(build, directory, **draw).instances("train")) if draw else []


def conversations_draw(config: TrainConfig) -> dict[str, int]:
    """Return the number and the seed of the conversations of pretraining; empty if it has none."""
    assert config.pretrain is not None
    count, seed = config.pretrain.synthetic_conversations, 0
    if count is None:
        counts = [stage.data.synthetic_conversations for stage in config.stages]
        count, seed = next(filter(None, counts), 0), config.seed
    return {"count": count, "seed": seed} if count else {}
