"""Make the two parts of a tiny model, and save them as ordinary folders."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import torch

from visionflan.build.directory import BuildDirectory
from visionflan.build.durable import write_json
from visionflan.model.assemble import Joint, Sight, join_processor
from visionflan.train.config import Pretrain
from visionflan.train.pictures import Pictures
from visionflan.train.pretrain.language import new_language_model, pretrain_language_model
from visionflan.train.pretrain.tokenizer import train_tokenizer
from visionflan.train.pretrain.tower import new_tower, pretrain_tower
from visionflan.train.settings import to_json

ABOUT = (
    "A tiny vision tower and a tiny language model are made from nothing, on the build's training "
    "instances alone. The tower learns to tell, from a picture, its task and the words of the "
    "question, which words the answer holds, and is frozen from then on: it stands in for CLIP, "
    "but has seen the labels of the very tasks that follow. The language model learns to answer "
    "with the known facts written out in place of the picture."
)


def pretrain_parts(
    source: BuildDirectory,
    folder: Path,
    settings: Pretrain,
    joint: Joint,
    seed: int,
    say: Callable[[str], None],
) -> None:
    """Save `tower` and `language_model` in the folder, which appears only when both are whole."""
    if (folder / "run.json").is_file():
        say(f"pretrain: done before, in {folder}")
        return
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    began, metrics = time.monotonic(), unfinished / "metrics.jsonl"
    torch.manual_seed(seed)
    instances = [each for each in source.instances("train") if len(each.images) == 1]
    tokenizer = train_tokenizer(instances, settings.vocabulary)
    tower = new_tower(settings, unfinished / "tower")
    processor = join_processor(unfinished / "tower", tokenizer, Sight.of(tower, joint), joint)
    pictures = Pictures(source, processor, keep=True)
    pretrain_tower(tower, instances, pictures.pixels, settings, metrics)
    tower.save_pretrained(unfinished / "tower")
    say(f"tower: {settings.tower_steps} steps in {time.monotonic() - began:.0f} s")
    half = time.monotonic()
    model = new_language_model(tokenizer, settings)
    pretrain_language_model(model, tokenizer, instances, settings, metrics)
    model.save_pretrained(unfinished / "language_model")
    tokenizer.save_pretrained(unfinished / "language_model")
    say(f"language model: {settings.language_steps} steps in {time.monotonic() - half:.0f} s")
    told = {
        "about": ABOUT,
        "settings": to_json(settings),
        "data": {"digest": source.digest, "instances": len(instances)},
        "steps": settings.tower_steps + settings.language_steps,
        "seconds": time.monotonic() - began,
    }
    write_json(unfinished / "run.json", told)
    os.replace(unfinished, folder)  # noqa: PTH105
