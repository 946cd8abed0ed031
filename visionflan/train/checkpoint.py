"""Open what a stage starts from, see that it is what was told, and save what the stage leaves."""

import json
import platform
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

from visionflan import __version__
from visionflan.atomic_write import fsync_path, write_json
from visionflan.errors import TrainingError
from visionflan.model.base import VisionLanguageModel
from visionflan.model.chat_templates import select_template
from visionflan.model.families import load_family, load_model
from visionflan.model.fingerprint import (
    ModelFingerprint,
    fingerprint_model,
    tensors_digest,
    weights_digest,
)
from visionflan.model.pretrained import load_tokenizer, load_vision_tower
from visionflan.train.config import InitConfig
from visionflan.train.distributed import DistributedContext
from visionflan.train.training_model import TrainingModel

PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "pillow")


class InitialModel(NamedTuple):
    """What a stage starts from: a model, its processor, and where the weights were found."""

    vlm: VisionLanguageModel
    origin: dict[str, str]


def open_start(init: InitConfig, seed: int) -> InitialModel:
    """Open where a run starts: a ready checkpoint, or two parts to be joined."""
    if init.checkpoint is not None:
        vlm = load_model(init.checkpoint, chat_template=init.chat_template)
        check_start_matches(init, vlm)
        return InitialModel(vlm, origin(init.checkpoint))
    if init.vision_tower is None or init.language_model is None:
        raise TrainingError(
            "there is no model to start from: set init.vision_tower and init.language_model, or "
            "init.checkpoint."
        )
    vlm = load_family(init.family).build(
        init.vision_tower,
        init.language_model,
        connector=init.connector,
        chat_template=init.chat_template,
        seed=seed,
    )
    digests = f"{weights_digest(init.vision_tower)} {weights_digest(init.language_model)}"
    return InitialModel(
        vlm, {"path": f"{init.vision_tower} {init.language_model}", "weights": digests}
    )


def origin(checkpoint: Path) -> dict[str, str]:
    """Say where weights come from, and which they are."""
    return {"path": str(checkpoint), "weights": weights_digest(checkpoint)}


def check_start_matches(init: InitConfig, vlm: VisionLanguageModel) -> None:
    """Refuse a checkpoint made with another tower or language model than the ones told."""
    found = fingerprint_model(vlm)
    if init.vision_tower is not None:
        told = tensors_digest(load_vision_tower(init.vision_tower).state_dict())
        if told != found.vision_tower:
            raise TrainingError(f"{init.checkpoint} has another tower than {init.vision_tower}.")
    if init.language_model is None:
        return
    processor = vlm.processor
    tokenizer = load_tokenizer(init.language_model)
    words, ours = tokenizer.get_vocab(), processor.tokenizer.get_vocab()
    if any(ours.get(word) != number for word, number in words.items()):
        raise TrainingError(f"{init.checkpoint} has another tokenizer than {init.language_model}.")
    if str(processor.chat_template) != select_template(tokenizer.chat_template, init.chat_template):
        raise TrainingError(
            f"{init.checkpoint} has another chat template than {init.language_model}: tell the "
            "right one in init.chat_template."
        )


def open_parent(checkpoint: Path, expected: ModelFingerprint) -> InitialModel:
    """Open the checkpoint of the stage before, if it is the one that the stage left."""
    told = read_run(checkpoint)
    found = origin(checkpoint)
    if found["weights"] != told["weights"]:
        raise TrainingError(
            f"the weights in {checkpoint} are not those that its run.json names: restore them, or "
            "delete the folder and train that stage again."
        )
    vlm = load_model(checkpoint)
    for name, ours, theirs in zip(
        ModelFingerprint._fields, expected, fingerprint_model(vlm), strict=True
    ):
        if ours != theirs:
            raise TrainingError(
                f"{checkpoint} has another {name.replace('_', ' ')} than this run started with."
            )
    return InitialModel(vlm, found)


def read_run(checkpoint: Path) -> dict[str, Any]:
    """Read what a checkpoint tells of its run."""
    told: dict[str, Any] = json.loads((checkpoint / "run.json").read_bytes())
    return told


def is_complete(checkpoint: Path) -> bool:
    """Say whether a checkpoint was finished; its run.json is written last."""
    return (checkpoint / "run.json").is_file()


def save_checkpoint(
    folder: Path,
    learner: TrainingModel,
    *,
    precision: str,
    told: dict[str, Any],
    world: DistributedContext,
) -> None:
    """Write a folder that `transformers` opens, and `run.json`; it appears when it is whole."""
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    weights: dict[str, Any] = dict(get_model_state_dict(learner, options=options))
    if world.first:
        temporary = folder.with_name(f".{folder.name}")
        shutil.rmtree(temporary, ignore_errors=True)
        write_folder(temporary, learner.vlm, weights, precision)
        identity = fingerprint_model(learner.vlm, vision_tower_weights(learner, weights))
        write_json(
            temporary / "run.json",
            {
                **told,
                "identity": identity._asdict(),
                "weights": weights_digest(temporary),
                "versions": versions(),
            },
        )
        for path in temporary.iterdir():
            fsync_path(path)
        temporary.rename(folder)
        fsync_path(folder.parent)
    world.wait()


def write_folder(
    folder: Path, vlm: VisionLanguageModel, weights: dict[str, Any], precision: str
) -> None:
    """Write the weights as told, with the configuration and the processor."""
    dtype = getattr(torch, precision)
    model: Any = vlm.model
    model.config.dtype = dtype
    cast = {
        name.removeprefix("model."): value.to(dtype) if value.is_floating_point() else value
        for name, value in weights.items()
    }
    for name in model.all_tied_weights_keys:
        cast.pop(name)
    model.save_pretrained(folder, state_dict=cast)
    vlm.processor.save_pretrained(folder)
    settings = folder / "tokenizer_config.json"
    told = json.loads(settings.read_bytes())
    if told["tokenizer_class"] == "TokenizersBackend":
        # The same class by the name that older versions and servers know.
        write_json(settings, told | {"tokenizer_class": "PreTrainedTokenizerFast"})


def vision_tower_weights(learner: TrainingModel, weights: dict[str, Any]) -> dict[str, Any]:
    """Take the tower's weights out of gathered ones."""
    tower = learner.vlm.vision_tower
    prefix = next(name for name, module in learner.named_modules() if module is tower) + "."
    return {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}


def versions() -> dict[str, str]:
    """Give the versions that a result may depend on."""
    found = {package: version(package) for package in PACKAGES}
    return {"visionflan": __version__, "python": platform.python_version(), **found}
