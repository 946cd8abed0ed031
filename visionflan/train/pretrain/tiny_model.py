"""Make the two parts of a tiny model, and save them as ordinary folders."""

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from visionflan.atomic_write import write_json
from visionflan.model.families import load_family
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance
from visionflan.synthesize.conversations import write_conversations
from visionflan.train.config import TrainConfig
from visionflan.train.config_io import to_json
from visionflan.train.image_loader import ImageLoader
from visionflan.train.pretrain.language_model import new_language_model, pretrain_language_model
from visionflan.train.pretrain.tokenizer import train_tokenizer
from visionflan.train.pretrain.vision_tower import TowerTraining, new_tower
from visionflan.train.threads import fastest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

ABOUT = (
    "A tiny vision tower and a tiny language model are made from nothing, on the build's training "
    "instances alone. The tower learns to tell, from a picture, its task and the words of the "
    "question, which words the answer holds, and is frozen from then on: it stands in for CLIP, "
    "but has seen the labels of the very tasks that follow. The language model learns to answer "
    "with the known facts written out in place of the picture, in the tasks and in the "
    "conversations of stage 2, as Vicuna can talk before it is given eyes."
)


def pretrain_parts(
    config: TrainConfig, source: BuildDirectory, out: Path, say: Callable[[str], None]
) -> None:
    """Save `tower` and `language_model` in `pretrain`, which appears only when both are whole."""
    assert config.pretrain is not None
    folder, settings = out / "pretrain", config.pretrain
    if (folder / "run.json").is_file():
        say(f"pretrain: done before, in {folder}")
        return
    began = time.monotonic()
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    torch.manual_seed(config.seed)
    talks = conversations(config, source, out)
    instances = [each for each in source.instances("train") if len(each.images) == 1]
    tokenizer = train_tokenizer([*instances, *talks], settings.vocab_size)
    make_tower(config, source, instances, tokenizer, unfinished)
    say(f"tower: {settings.vision_steps} steps in {time.monotonic() - began:.0f} s")
    half, metrics = time.monotonic(), unfinished / "metrics.jsonl"
    model = new_language_model(tokenizer, settings)
    pretrain_language_model(model, tokenizer, [*instances, *talks], settings, metrics)
    model.save_pretrained(unfinished / "language_model")
    tokenizer.save_pretrained(unfinished / "language_model")
    say(f"language model: {settings.language_steps} steps in {time.monotonic() - half:.0f} s")
    told = {
        "about": ABOUT,
        "settings": to_json(settings),
        "data": {"digest": source.digest, "instances": len(instances)},
        "steps": settings.vision_steps + settings.language_steps,
        "seconds": time.monotonic() - began,
    }
    write_json(unfinished / "run.json", told)
    unfinished.replace(folder)


def make_tower(
    config: TrainConfig,
    source: BuildDirectory,
    instances: Sequence[Instance],
    tokenizer: "PreTrainedTokenizerFast",
    folder: Path,
) -> None:
    """Pretrain the tower on images prepared as the joined model will have them."""
    assert config.pretrain is not None
    tower = new_tower(config.pretrain, folder / "tower")
    family = load_family(config.init.family)
    processor = family.build_processor(folder / "tower", tower, tokenizer, config.init.connector)
    pixels = ImageLoader(source, processor, keep=True).pixels
    training = TowerTraining(tower, instances, pixels, config.pretrain)
    torch.set_num_threads(config.runtime.num_threads or fastest(training.probe()))
    training.run(folder / "metrics.jsonl")
    tower.save_pretrained(folder / "tower")


def conversations(config: TrainConfig, source: BuildDirectory, out: Path) -> list[Instance]:
    """Give the conversations that a later stage reads: a language model can talk before it sees."""
    counts = [
        stage.data.synthetic_conversations
        for stage in config.stages
        if stage.data.synthetic_conversations
    ]
    if not counts:
        return []
    written = write_conversations(source, out / "conversations", counts[0], config.seed)
    return list(written.instances("train"))
