"""Prepare a model for a stage: what is trained, and how its weights are stored."""

from typing import Any

from visionflan.model.base import VisionLanguageModel
from visionflan.train.adapter import add_adapter
from visionflan.train.config import StageConfig
from visionflan.train.low_memory_optimizer import round_trained_weights
from visionflan.train.training_model import TrainingModel


def prepare_model(vlm: VisionLanguageModel, stage: StageConfig, seed: int = 0) -> TrainingModel:
    """Return a model as a stage trains it, not on its device and not sharded yet.

    The first weights of an adapter are drawn from `seed`.
    """
    if stage.adapter is not None:
        add_adapter(vlm, stage, seed)
    setting = f"stages.{stage.name}.frozen"
    model = TrainingModel(vlm, stage.trainable, stage.frozen, setting=setting)
    round_trained_weights(model, stage)
    return model


def enable_gradient_checkpointing(vlm: VisionLanguageModel) -> None:
    """Recompute activations in the backward pass; later versions of transformers rename this."""
    model: Any = vlm.model
    enable = getattr(model, "activation_checkpointing_enable", None)
    (enable or model.gradient_checkpointing_enable)({"use_reentrant": False})
    # The library makes the outputs of all embeddings require gradients, which only reentrant
    # recomputation needs; a frozen vision tower would then keep its activations for nothing.
    model.disable_input_require_grads()
