"""Two checkpoints, and models whose parts are exchanged in memory."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from tests.helpers.tiny_requests import CONVERSATIONS, IMAGES
from visionflan.model.base import ModelPart, VisionLanguageModel
from visionflan.model.families.llava import Llava
from visionflan.model.feature_model import FeatureModel
from visionflan.storage.trained_images import (
    TrainedImages,
    write_trained_images,
)
from visionflan.train.checkpoint import write_model
from visionflan.train.training_model import TrainingModel

PARTS: tuple[ModelPart, ...] = ("vision_tower", "connector", "language_model")
PROMPT = CONVERSATIONS[0]


class Models(NamedTuple):
    """Two checkpoints with the same structure, and the directory of their parts."""

    first: Path
    second: Path
    parts: Path


def save_checkpoint(directory: Path, vlm: Llava, dtype: str = "float32") -> Path:
    """Save a checkpoint that was trained on one image of a build, both named as the directory."""
    write_model(directory, vlm, TrainingModel(vlm, ()).state_dict(), dtype)
    images = {directory.name.encode().hex().ljust(64, "0"): 1}
    write_trained_images(directory, TrainedImages(images, {directory.name: "build"}))
    return directory


def vary(vlm: Llava, seed: int) -> Llava:
    """Change all weights, as training would."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in vlm.model.parameters():
            weight.add_(0.3 * torch.randn(weight.shape, generator=generator))
    return vlm


def logits(vlm: VisionLanguageModel) -> Tensor:
    """Return the logits of a prompt with an image, from the model of `transformers` itself."""
    tokenizer = vlm.make_chat_tokenizer(vlm.processor)
    token_ids = tokenizer.expand_images(tokenizer.encode_prompts([PROMPT])[0]).token_ids
    pixels = vlm.processor.image_processor(IMAGES[0], return_tensors="pt")
    model: Any = vlm.model
    with torch.no_grad():
        result: Tensor = model(input_ids=torch.tensor([token_ids]), **pixels).logits
    return result


def mix_part(
    vlm: FeatureModel,
    other: FeatureModel,
    part: ModelPart,
    mix: Callable[[Tensor, Tensor], Tensor],
) -> FeatureModel:
    """Change a part in memory."""
    modules = zip(vlm.part_modules(part), other.part_modules(part), strict=True)
    for module, donor in modules:
        weights, others = module.state_dict(), donor.state_dict()
        module.load_state_dict({name: mix(weights[name], others[name]) for name in weights})
    return vlm


def second_of(_: Tensor, second: Tensor) -> Tensor:
    """Return the second of two weights."""
    return second


def save_plain(directory: Path, models: Models, **settings: Any) -> Path:
    """Save another language model with the tokenizer of the first."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    source, untyped = models.parts / "language_model", cast("Any", AutoModelForCausalLM)
    config = AutoConfig.from_pretrained(source, **settings)
    torch.manual_seed(5)
    model = untyped.from_config(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(4)
    model.save_pretrained(directory)
    AutoTokenizer.from_pretrained(source).save_pretrained(directory)
    return directory
