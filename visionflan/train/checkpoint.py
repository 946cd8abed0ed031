"""Open what a stage starts from, see that it is what was told, and save what the stage leaves."""

import json
import platform
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

from visionflan import __version__
from visionflan.atomic_write import fsync_path, write_json
from visionflan.errors import TrainingError
from visionflan.model.fingerprint import (
    ModelFingerprint,
    fingerprint_model,
    tensors_digest,
    weights_digest,
)
from visionflan.model.llava import build_llava, open_llava, select_template
from visionflan.model.pretrained import open_tokenizer, open_tower
from visionflan.train.config import InitConfig
from visionflan.train.distributed import DistributedContext
from visionflan.train.training_model import TrainingModel

if TYPE_CHECKING:
    from transformers import LlavaForConditionalGeneration, LlavaProcessor

PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "pillow")


class InitialModel(NamedTuple):
    """What a stage starts from: a model, its processor, and where the weights were found."""

    model: "LlavaForConditionalGeneration"
    processor: "LlavaProcessor"
    origin: dict[str, str]


def open_start(init: InitConfig, seed: int) -> InitialModel:
    """Open where a run starts: a ready checkpoint, or two parts to be joined."""
    if init.checkpoint is not None:
        model, processor = open_llava(init.checkpoint, template_name=init.chat_template)
        check_start_matches(init, model, processor)
        return InitialModel(model, processor, origin(init.checkpoint))
    if init.vision_tower is None or init.language_model is None:
        raise TrainingError(
            "there is no model to start from: set init.vision_tower and init.language_model, or "
            "init.checkpoint."
        )
    model, processor = build_llava(
        init.vision_tower,
        init.language_model,
        joint=init.connector,
        template_name=init.chat_template,
        seed=seed,
    )
    digests = f"{weights_digest(init.vision_tower)} {weights_digest(init.language_model)}"
    return InitialModel(
        model, processor, {"path": f"{init.vision_tower} {init.language_model}", "weights": digests}
    )


def origin(checkpoint: Path) -> dict[str, str]:
    """Say where weights come from, and which they are."""
    return {"path": str(checkpoint), "weights": weights_digest(checkpoint)}


def check_start_matches(
    init: InitConfig, model: "LlavaForConditionalGeneration", processor: "LlavaProcessor"
) -> None:
    """Refuse a checkpoint made with another tower or language model than the ones told."""
    found = fingerprint_model(model, processor)
    if init.vision_tower is not None:
        told = tensors_digest(open_tower(init.vision_tower).state_dict())
        if told != found.vision_tower:
            raise TrainingError(f"{init.checkpoint} has another tower than {init.vision_tower}.")
    if init.language_model is None:
        return
    tokenizer = open_tokenizer(init.language_model)
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
    model, processor = open_llava(checkpoint)
    for name, ours, theirs in zip(
        ModelFingerprint._fields, expected, fingerprint_model(model, processor), strict=True
    ):
        if ours != theirs:
            raise TrainingError(
                f"{checkpoint} has another {name.replace('_', ' ')} than this run started with."
            )
    return InitialModel(model, processor, found)


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
    processor: "LlavaProcessor",
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
        write_folder(temporary, learner, processor, weights, precision)
        identity = fingerprint_model(learner.model, processor, vision_tower_weights(weights))
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
    folder: Path,
    learner: TrainingModel,
    processor: "LlavaProcessor",
    weights: dict[str, Any],
    precision: str,
) -> None:
    """Write the weights as told, with the configuration and the processor."""
    dtype = getattr(torch, precision)
    model = learner.model
    model.config.dtype = dtype
    cast = {
        name.removeprefix("model."): value.to(dtype) if value.is_floating_point() else value
        for name, value in weights.items()
    }
    if model.config.tie_word_embeddings:
        cast.pop("lm_head.weight")
    model.save_pretrained(folder, state_dict=cast)
    processor.save_pretrained(folder)
    settings = folder / "tokenizer_config.json"
    told = json.loads(settings.read_bytes())
    if told["tokenizer_class"] == "TokenizersBackend":
        # The same class by the name that older versions and servers know.
        write_json(settings, told | {"tokenizer_class": "PreTrainedTokenizerFast"})


def vision_tower_weights(weights: dict[str, Any]) -> dict[str, Any]:
    """Take the tower's weights out of gathered ones."""
    prefix = "model.model.vision_tower."
    return {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}


def versions() -> dict[str, str]:
    """Give the versions that a result may depend on."""
    found = {package: version(package) for package in PACKAGES}
    return {"visionflan": __version__, "python": platform.python_version(), **found}
