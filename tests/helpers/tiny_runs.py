"""A run of `visionflan train tiny` with two steps a stage, as the recipe of the studies' tests."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from visionflan.cli.main import main

SETTINGS = (
    "pretrain.hidden_size=32",
    "pretrain.num_layers=2",
    "pretrain.vocab_size=600",
    "pretrain.vision_steps=2",
    "pretrain.language_steps=2",
    "pretrain.batch_size=8",
    *(f"stages.{stage}.steps=2" for stage in ("align", "base", "chat")),
    *(f"stages.{stage}.data.max_dropped_fraction=0.9" for stage in ("align", "base", "chat")),
    "stages.chat.data.synthetic_conversations=12",
)
# A study compares arms by rows, so that a run it can use has batches of rows too.
BATCHES = ("stages.align.batch_size=32", "stages.base.batch_size=32")
RECORDS = ("pretrain", "align/checkpoint", "base/checkpoint", "chat/checkpoint")


def train_tiny(build: Path, out: Path) -> None:
    """Train a run on a build."""
    settings = [
        part for text in (*SETTINGS, *BATCHES, "runtime.num_threads=1") for part in ("--set", text)
    ]
    assert main(["train", "tiny", "--build", str(build), "--out", str(out), *settings]) == 0


def copy_run(run: Path, out: Path) -> Path:
    """Return a copy of a run without its larger files, apart from the weights."""
    shutil.copytree(run, out, ignore=shutil.ignore_patterns("conversations", "tensorboard"))
    return out


def edit_record(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a JSON file of a run."""
    content = json.loads(file.read_bytes())
    change(content)
    file.write_text(json.dumps(content))
