"""Whether a part computes the same function of its weights and inputs in two checkpoints."""

from collections.abc import Mapping
from typing import Any

from visionflan.analysis.weights.stored_model import StoredModel
from visionflan.errors import TrainingError
from visionflan.model.base import ModelPart
from visionflan.model.feature_model import FeatureModel

# Settings of a part that say how it was saved, not what it computes.
NOT_THE_FUNCTION = frozenset(
    {"_name_or_path", "architectures", "dtype", "transformers_version", "use_cache"}
)


def check_same_function(part: ModelPart, model: StoredModel, donor: StoredModel) -> None:
    """Raise TrainingError unless a part differs in its weights only."""
    here, there = (function_settings(part, stored.structure) for stored in (model, donor))
    for name in sorted(here.keys() | there.keys()):
        if here.get(name) != there.get(name):
            label = part.replace("_", " ")
            raise TrainingError(
                f"the {label} of {donor.directory} has {name} {there.get(name)}, but that of "
                f"{model.directory} has {here.get(name)}: name checkpoints whose {label} differs "
                "in weights only"
            )


def function_settings(part: ModelPart, vlm: FeatureModel) -> Mapping[str, object]:
    """Return what a part's function depends on beside its weights."""
    if part == "language_model":
        return settings_of(vlm.language_model)
    settings: dict[str, object] = {"features": list(vlm.feature_settings)}
    if part == "connector":
        layers = {name: layer for name, layer in vlm.connector.named_modules() if name}
        return settings | {name: str(layer) for name, layer in layers.items()}
    image_processor = vlm.processor.image_processor.to_dict()
    return (
        settings
        | settings_of(vlm.vision_tower)
        | {f"image processor's {name}": value for name, value in image_processor.items()}
    )


def settings_of(module: Any) -> dict[str, object]:
    """Return the configuration of a module of `transformers`, without how it was saved."""
    config = module.config.to_dict()
    return {name: value for name, value in config.items() if name not in NOT_THE_FUNCTION}
