"""The settings of a checkpoint in the form of LLaVA's own code.

The classes in `llava/model/language_model/` of haotian-liu/LLaVA define the types, the functions
`initialize_vision_modules` in `llava/model/llava_arch.py` and `process_images` in
`llava/mm_utils.py` the settings that begin with `mm_` and `image_aspect_ratio`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visionflan.errors import TrainingError
from visionflan.model.base import ConnectorConfig
from visionflan.model.checkpoint_path import is_original_llava, not_a_checkpoint, read_config

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

# The architecture of the joined model, by the `model_type` of its language model.
ARCHITECTURES = {"llama": "LlavaLlamaForCausalLM", "mistral": "LlavaMistralForCausalLM"}
# For settings that change how the model computes: the default of LLaVA, and the values known here.
KNOWN_VALUES: dict[str, tuple[object, tuple[object, ...]]] = {
    "mm_projector_type": ("linear", ("mlp2x_gelu",)),
    "mm_vision_select_feature": ("patch", ("patch", "cls_patch")),
    "mm_use_im_start_end": (False, (False,)),
    "image_aspect_ratio": ("square", ("pad", "square")),
}
OF_JOINED_MODEL = {
    "_name_or_path",
    "architectures",
    "dtype",
    "model_type",
    "quantization_config",
    "torch_dtype",
    "transformers_version",
}


def read_settings(source: Path) -> dict[str, Any]:
    """Return the settings of a checkpoint. Raises TrainingError if it cannot be imported."""
    settings: dict[str, Any] = read_config(source)
    if not source.exists():
        raise not_a_checkpoint(source)
    if not is_original_llava(settings):
        raise TrainingError(
            f"{source} is not in the form of LLaVA's own code: its config.json must have the "
            "`model_type` llava_llama, llava_mistral or llava, and settings such as mm_vision_tower"
        )
    if (source / "adapter_config.json").is_file():
        raise TrainingError(
            f"{source} has the weights of LoRA alone: merge them with those of the language model "
            "first, by scripts/merge_lora_weights.py of LLaVA"
        )
    for name, (default, known) in KNOWN_VALUES.items():
        if (value := settings.get(name, default)) not in known:
            raise TrainingError(
                f"{source} cannot be imported: its config.json has {name} {value!r}, and known is "
                f"{' or '.join(map(repr, known))}"
            )
    return settings


def connector_config(settings: Mapping[str, Any]) -> ConnectorConfig:
    """Return how the connector uses the features of the vision tower."""
    patches = settings.get("mm_vision_select_feature", "patch") == "patch"
    return ConnectorConfig(
        feature_layer=int(settings.get("mm_vision_select_layer", -2)),
        feature_select="patches" if patches else "all",
        pad_to_square=settings.get("image_aspect_ratio") == "pad",
    )


def language_model_type(source: Path, settings: Mapping[str, Any]) -> str:
    """Return the `model_type` of the language model."""
    named = settings.get("architectures") or []
    by_name = {architecture: kind for kind, architecture in ARCHITECTURES.items()}
    if any(name not in by_name for name in named):
        raise TrainingError(
            f"{source} cannot be imported: its architecture is {named[0]}, and known is "
            f"{' or '.join(by_name)}"
        )
    if named:
        return by_name[named[0]]
    return "mistral" if settings["model_type"] == "llava_mistral" else "llama"


def language_model_config(source: Path, settings: Mapping[str, Any]) -> "PreTrainedConfig":
    """Return the configuration of the language model alone."""
    from transformers import AutoConfig

    kind = language_model_type(source, settings)
    known = AutoConfig.for_model(kind).to_dict().keys() - OF_JOINED_MODEL
    own = {name: value for name, value in settings.items() if name in known}
    config: PreTrainedConfig = AutoConfig.for_model(kind, **{**rope_settings(settings), **own})
    return config


def rope_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of rotary embeddings, which had other names before `transformers` 5."""
    scaling = dict(settings.get("rope_scaling") or {})
    kind = scaling.pop("type", "default")
    theta = settings.get("rope_theta", 10000.0)
    return {"rope_parameters": {"rope_theta": theta, "rope_type": kind, **scaling}}


def old_rope_settings(rope: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of rotary embeddings as versions of `transformers` before 5 name them."""
    scaling = {name: rope[name] for name in rope if name not in ("rope_theta", "rope_type")}
    kind = rope.get("rope_type", "default")
    return {
        "rope_theta": rope.get("rope_theta", 10000.0),
        "rope_scaling": None if kind == "default" else {"type": kind, **scaling},
    }
