"""The names of weights in the checkpoints of the Hugging Face hub.

`transformers` has renamed the modules of its own classes and reads the published names in every
version; older versions, and servers such as vLLM (`CLIPVisionModel` in its
`model_executor/models/clip.py`), read no others.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Towers whose weights are published in a module of their own; current versions of `transformers`
# leave it out in memory (`CLIPVisionModel` in its `conversion_mapping.py`).
TOWERS_WITH_MODULE = frozenset(
    {
        "altclip_vision_model",
        "chinese_clip_vision_model",
        "clip_vision_model",
        "clipseg_vision_model",
        "metaclip_2_vision_model",
        "mlcd_vision_model",
        "siglip2_vision_model",
        "siglip_vision_model",
        "xclip_vision_model",
    }
)
TOWER_MODULE = "vision_model."
# The published names of weights, by those in memory. `transformers` maps them in each version from
# 4.52 on; the modules in `llava.py` of vLLM have these names.
PUBLISHED_PREFIXES = {
    "model.vision_tower.": "vision_tower.",
    "model.multi_modal_projector.": "multi_modal_projector.",
    "model.language_model.": "language_model.model.",
    "lm_head.": "language_model.lm_head.",
}


def published_tower_name(name: str, tower_type: str) -> str:
    """Return the published name of a vision tower's weight, by its name in the tower's class."""
    if tower_type not in TOWERS_WITH_MODULE:
        return name
    return TOWER_MODULE + name.removeprefix(TOWER_MODULE)


def save_vision_tower(tower: "PreTrainedModel", directory: Path) -> None:
    """Write a vision tower under the published names."""
    tower_type = tower.config.model_type
    weights = tower.state_dict()
    published = {published_tower_name(name, tower_type): weights[name] for name in weights}
    tower.save_pretrained(directory, state_dict=published, save_original_format=False)


def published_name(name: str, tower_type: str) -> str:
    """Return the name of a weight in published checkpoints, by its name in memory.

    `tower_type` is the `model_type` of the vision tower.
    """
    tower = "model.vision_tower."
    if name.startswith(tower):
        name = tower + published_tower_name(name.removeprefix(tower), tower_type)
    for prefix, published in PUBLISHED_PREFIXES.items():
        if name.startswith(prefix):
            return published + name.removeprefix(prefix)
    return name
