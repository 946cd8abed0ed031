"""Fingerprints of a model: of its parts, and of its weight files."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from visionflan.model.base import VisionLanguageModel
from visionflan.model.tower_names import TOWER_MODULE

if TYPE_CHECKING:
    from torch import Tensor


class ModelFingerprint(NamedTuple):
    """SHA-256 digests of what must stay the same from one training stage to the next."""

    vision_tower: str
    tokenizer: str
    chat_template: str


def fingerprint_model(
    vlm: VisionLanguageModel, vision_tower: "Mapping[str, Tensor] | None" = None
) -> ModelFingerprint:
    """Return the fingerprint of a model in memory.

    `vision_tower` has the weights of its tower if they were gathered from several processes.
    """
    weights = tower_weights(vlm) if vision_tower is None else vision_tower
    tokenizer = json.loads(vlm.processor.tokenizer.backend_tokenizer.to_str())
    tokenizer.pop("padding"), tokenizer.pop("truncation")
    return ModelFingerprint(
        vision_tower=tensors_digest(weights),
        tokenizer=hashlib.sha256(json.dumps(tokenizer, sort_keys=True).encode()).hexdigest(),
        chat_template=hashlib.sha256(str(vlm.processor.chat_template).encode()).hexdigest(),
    )


def tower_weights(
    vlm: VisionLanguageModel, weights: "Mapping[str, Tensor] | None" = None
) -> "dict[str, Tensor]":
    """Return the weights of the vision tower by their names in it.

    `weights` has those of the model by name; by default they are taken from memory.
    """
    prefix = f"{vlm.part_names.vision_tower[0]}."
    weights = vlm.model.state_dict() if weights is None else weights
    return {
        name.removeprefix(prefix): weight
        for name, weight in weights.items()
        if name.startswith(prefix) and vlm.part_of(name) == "vision_tower"
    }


def tensors_digest(weights: "Mapping[str, Tensor]") -> str:
    """Return the SHA-256 digest of tensors by name, in bfloat16.

    So it stays the same where a checkpoint is saved in half precision, and in versions of
    `transformers` that differ in the module around a vision tower.
    """
    import torch

    digest = hashlib.sha256()
    for name in sorted(weights):
        tensor = weights[name].detach().to("cpu", torch.bfloat16).contiguous()
        digest.update(f"{name.removeprefix(TOWER_MODULE)} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
    return digest.hexdigest()


def weights_digest(checkpoint: Path) -> str:
    """Return the SHA-256 digest of the weight files of a checkpoint, in the order of names."""
    return files_digest(sorted(checkpoint.glob("*.safetensors")))


def files_digest(paths: Iterable[Path]) -> str:
    """Return the SHA-256 digest of files and their names, in this order."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
