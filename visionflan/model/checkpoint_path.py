"""Find the checkpoint that a path names, or say which ones are there."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from visionflan.errors import TrainingError

CONFIG = "config.json"
CHECKPOINT = "checkpoint"  # the directory of a stage that has its checkpoint

# A model on the Hugging Face hub: its owner, and its own name.
HUB_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")

# The types of checkpoints that only LLaVA's own code opens (`llava/model/language_model/`).
ORIGINAL_TYPES = ("llava_llama", "llava_mistral")


def find_checkpoint(path: Path) -> Path:
    """Return the checkpoint that a path names: itself, that of a stage, or a run's last one."""
    if is_checkpoint(path):
        return path
    if inner := stage_checkpoints(path):
        return inner[-1]
    raise not_a_checkpoint(path)


def check_checkpoint(path: Path) -> None:
    """Raise TrainingError unless a directory is a checkpoint itself."""
    if not is_checkpoint(path):
        raise not_a_checkpoint(path)


def is_checkpoint(path: Path) -> bool:
    """Return whether a directory has the configuration of a model; a run has another one."""
    return isinstance(read_config(path).get("model_type"), str)


def check_is_new(out: Path) -> None:
    """Raise TrainingError if the path of a new checkpoint exists."""
    if out.exists():
        raise TrainingError(f"{out} exists already: name a new directory, or delete it")


def is_original_llava(config: Mapping[str, object]) -> bool:
    """Return whether a configuration is that of a checkpoint of LLaVA's own code.

    Its early versions have the same `model_type` as those of `transformers`, with other settings.
    """
    model_type = config.get("model_type")
    has_own_settings = any(name.startswith("mm_") for name in config)
    return model_type in ORIGINAL_TYPES or (model_type == "llava" and has_own_settings)


def stage_checkpoints(path: Path) -> list[Path]:
    """Return the checkpoint of a stage, or those of a run in the order of its stages."""
    stages = read_config(path).get("stages")
    names = [stage["name"] for stage in stages] if isinstance(stages, list) else []
    by_stage = {entry.parent.name: entry for entry in sorted(path.glob(f"*/{CHECKPOINT}"))}
    ordered = [*(by_stage[name] for name in names if name in by_stage), path / CHECKPOINT]
    if not names:
        ordered = [*by_stage.values(), *ordered]
    return [checkpoint for checkpoint in ordered if is_checkpoint(checkpoint)]


def read_config(path: Path) -> dict[str, object]:
    """Return the content of `config.json`; empty if there is none, or it is damaged."""
    try:
        config = json.loads((path / CONFIG).read_bytes())
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def how_to_download(path: Path) -> str:
    """Return what to do about a path that is the name of a model on the hub; "" if it is none."""
    if not HUB_NAME.fullmatch(str(path)) or path.parent.exists():
        return ""
    return (
        f"if it is a model on the Hugging Face hub, run `hf download {path} --local-dir DIR`, and "
        "name DIR instead"
    )


def not_a_checkpoint(path: Path) -> TrainingError:
    """Return an error that says what a path is, and which checkpoints are there."""
    if not path.exists():
        return TrainingError(
            f"{path} is not a checkpoint: it does not exist; "
            + (how_to_download(path) or f"name a directory, such as RUN/base/{CHECKPOINT}")
        )
    if inner := stage_checkpoints(path):
        names = " or ".join(map(str, inner))
        return TrainingError(f"{path} is not a checkpoint, but has one: name {names}")
    if "stages" in read_config(path):
        return TrainingError(
            f"{path} is a run without a finished stage: train it to the end with the same command"
        )
    problem = "does not name a `model_type`" if (path / CONFIG).is_file() else "is missing"
    return TrainingError(f"{path} is not a checkpoint: {CONFIG} {problem}")
