"""Open the initial model of a stage once: in the main process, which sends the others its form."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from visionflan.model.base import VisionLanguageModel
from visionflan.train.checkpoint import InitialModel
from visionflan.train.distributed import DistributedContext

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedConfig


class ModelStructure(NamedTuple):
    """All of an initial model but its weights."""

    family: type[VisionLanguageModel]
    config: "PreTrainedConfig"
    generation_config: "GenerationConfig"
    processor: Any
    source: dict[str, str]


def open_on_all(
    open_model: Callable[[], InitialModel], distributed: DistributedContext
) -> InitialModel:
    """Open a model in the main process; in the others, return it with weights on the meta device.

    All processes must call this.
    """
    if distributed.world_size == 1:
        return open_model()
    initial = open_model() if distributed.is_main_process else None
    structure = distributed.from_main_process(initial and structure_of(initial))
    return initial or without_weights(structure)


def structure_of(initial: InitialModel) -> ModelStructure:
    """Return all of a model but its weights."""
    vlm, model = initial.vlm, initial.vlm.model
    assert model.generation_config is not None
    return ModelStructure(
        type(vlm), model.config, model.generation_config, vlm.processor, initial.source
    )


def without_weights(structure: ModelStructure) -> InitialModel:
    """Return a model whose weights are on the meta device, where they take no memory."""
    from transformers import AutoModelForImageTextToText

    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(structure.config, dtype=torch.float32)
    model.generation_config = structure.generation_config
    model.eval()
    return InitialModel(structure.family(model, structure.processor), structure.source)
