"""A complete run on a laptop: a model of about two million parameters, made from nothing.

It makes its own tower and language model out of the build, aligns them, tunes them on the build's
tasks (Base), and then on a thousand conversations written by rule (Chat).
"""

from visionflan.model.base import ConnectorConfig
from visionflan.train.config import (
    DataConfig,
    InitConfig,
    PretrainConfig,
    RuntimeConfig,
    StageConfig,
    TrainConfig,
)

# What is too long for a laptop is left out, and told in the ledger of the stage.
LONGEST = 384
SHORT = DataConfig(max_dropped_fraction=0.5)
# Tokens of a step: about 64 of the quickstart's questions, fewer of longer ones.
STEP = 2200

ALIGN = StageConfig(
    name="align",
    data=SHORT,
    max_seq_len=LONGEST,
    trainable=("connector",),
    learning_rate=2e-3,
    steps=100,
    batch_tokens=STEP,
    betas=(0.9, 0.98),
    warmup_fraction=0.05,
)
BASE = StageConfig(
    name="base",
    data=SHORT,
    max_seq_len=LONGEST,
    learning_rate=2e-3,
    steps=550,
    batch_tokens=STEP,
    betas=(0.9, 0.98),
    warmup_fraction=0.05,
)
CHAT = StageConfig(
    name="chat",
    learning_rate=2e-4,
    steps=60,
    batch_size=32,
    betas=(0.9, 0.98),
    data=DataConfig(synthetic_conversations=1000),
    max_seq_len=LONGEST,
)


def tiny() -> TrainConfig:
    """Make, align and tune a tiny model in both stages."""
    return TrainConfig(
        name="tiny",
        pretrain=PretrainConfig(),
        init=InitConfig(chat_template="plain", connector=ConnectorConfig(feature_layer=-1)),
        stages=(ALIGN, BASE, CHAT),
        runtime=RuntimeConfig(device="cpu", image_cache="features", micro_batch_tokens=65536),
    )
