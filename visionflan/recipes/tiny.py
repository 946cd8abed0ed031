"""A complete run on a laptop: a model of about two million parameters, made from nothing.

It makes its own tower and language model out of the build, aligns them, tunes them on the build's
tasks (Base), and then on a thousand conversations written by rule (Chat).
"""

from visionflan.model.llava import ConnectorConfig
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
SHORT = DataConfig(left_out=0.5)
# Tokens of a step: about 64 of the quickstart's questions, fewer of longer ones.
STEP = 2200

ALIGN = StageConfig(
    name="align",
    data=SHORT,
    max_length=LONGEST,
    trains=("connector",),
    learning_rate=2e-3,
    steps=100,
    batch_tokens=STEP,
    betas=(0.9, 0.98),
    warm_up=0.05,
)
BASE = StageConfig(
    name="base",
    data=SHORT,
    max_length=LONGEST,
    learning_rate=2e-3,
    steps=550,
    batch_tokens=STEP,
    betas=(0.9, 0.98),
    warm_up=0.05,
)
CHAT = StageConfig(
    name="chat",
    learning_rate=2e-4,
    steps=60,
    batch_size=32,
    betas=(0.9, 0.98),
    data=DataConfig(conversations=1000),
    max_length=LONGEST,
)


def tiny() -> TrainConfig:
    """Make, align and tune a tiny model in both stages."""
    return TrainConfig(
        name="tiny",
        pretrain=PretrainConfig(),
        start=InitConfig(template="plain", joint=ConnectorConfig(feature_layer=-1)),
        stages=(ALIGN, BASE, CHAT),
        machine=RuntimeConfig(device="cpu", cache="features", micro_tokens=65536),
    )
