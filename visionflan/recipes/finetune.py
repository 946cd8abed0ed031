"""Tune a vision-language model that exists: on the build, then on conversations.

It starts from `init.checkpoint`, keeps that model's chat template, and aligns nothing, because its
connector is trained already. The values of both stages are the paper's.
"""

from visionflan.recipes.paper import BASE, CHAT
from visionflan.train.config import RuntimeConfig, TrainConfig


def finetune() -> TrainConfig:
    """Return the recipe that tunes a checkpoint in both stages."""
    return TrainConfig(
        name="finetune",
        stages=(BASE, CHAT),
        checkpoint_dtype="bfloat16",
        runtime=RuntimeConfig(micro_batch_tokens=16384, gradient_checkpointing=True, num_workers=4),
    )
