"""The model of a run without content, from the configurations of its parts."""

from typing import TYPE_CHECKING, Any

import torch

from visionflan.errors import TrainingError
from visionflan.model.base import VisionLanguageModel
from visionflan.model.families import family_of, load_family
from visionflan.model.pretrained import load_config
from visionflan.train.config import InitConfig, TrainConfig
from visionflan.train.plan.published_sizes import PUBLISHED_SIZES, published_configs

if TYPE_CHECKING:
    from transformers import PreTrainedConfig


def fake_model(config: TrainConfig) -> VisionLanguageModel:
    """Return the model that a run starts from; its weights are made in the current mode."""
    from transformers import AutoModelForImageTextToText
    from transformers.initialization import no_init_weights

    family, model_config = initial_config(config)
    checkpoint = config.init.checkpoint
    processor = None if checkpoint is None else family.load_processor(checkpoint)
    with no_init_weights():
        model = AutoModelForImageTextToText.from_config(model_config, dtype=torch.float32)
    return family(model, processor)


def initial_config(config: TrainConfig) -> "tuple[type[VisionLanguageModel], PreTrainedConfig]":
    """Return the family and the configuration of the model that a run starts from."""
    init = config.init
    if config.pretrain is not None:
        raise TrainingError(
            f"the recipe {config.name} pretrains its own tiny model, which needs no plan"
        )
    if init.checkpoint is not None:
        return family_of(init.checkpoint), load_config(init.checkpoint)
    family: Any = load_family(init.family)
    vision_config, text_config = part_configs(config.name, init)
    return family, family.config_of_parts(vision_config, text_config, init.connector)


def part_configs(name: str, init: InitConfig) -> "tuple[PreTrainedConfig, PreTrainedConfig]":
    """Return the configurations of the parts; where none are set, those that the recipe is for."""
    if init.vision_tower is None and init.language_model is None and name in PUBLISHED_SIZES:
        return published_configs(name)
    if init.vision_tower is None or init.language_model is None:
        raise TrainingError(
            "there is no model to plan for: set init.vision_tower and init.language_model, or "
            "init.checkpoint"
        )
    vision_config = load_config(init.vision_tower)
    return getattr(vision_config, "vision_config", vision_config), load_config(init.language_model)
