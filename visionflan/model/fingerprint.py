"""Know a model again: by its files, and by what a later stage must find unchanged."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import LlavaForConditionalGeneration, LlavaProcessor


class ModelFingerprint(NamedTuple):
    """What must stay the same from stage to stage: the tower, the tokenizer, the template."""

    vision_tower: str
    tokenizer: str
    chat_template: str


def fingerprint_model(
    model: "LlavaForConditionalGeneration",
    processor: "LlavaProcessor",
    tower: "Mapping[str, Tensor] | None" = None,
) -> ModelFingerprint:
    """Tell the identity of a model that is open; its tower may be given as gathered weights."""
    weights = model.model.vision_tower.state_dict() if tower is None else tower
    core = json.loads(processor.tokenizer.backend_tokenizer.to_str())
    core.pop("padding"), core.pop("truncation")
    return ModelFingerprint(
        vision_tower=tensors_digest(weights),
        tokenizer=hashlib.sha256(json.dumps(core, sort_keys=True).encode()).hexdigest(),
        chat_template=hashlib.sha256(str(processor.chat_template).encode()).hexdigest(),
    )


def tensors_digest(weights: "Mapping[str, Tensor]") -> str:
    """Hash weights by name, as half precision would keep them: saved so, they are still known."""
    import torch

    digest = hashlib.sha256()
    for name in sorted(weights):
        kept = weights[name].detach().to("cpu", torch.bfloat16).contiguous()
        digest.update(f"{name} {tuple(kept.shape)}\n".encode())
        digest.update(kept.view(torch.uint8).numpy().tobytes() if kept.numel() else b"")
    return digest.hexdigest()


def weights_digest(checkpoint: Path) -> str:
    """Hash the files of a checkpoint that hold weights, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(checkpoint.glob("*.safetensors")):
        digest.update(path.name.encode())
        with path.open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()
