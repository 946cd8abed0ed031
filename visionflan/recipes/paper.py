"""The paper's runs: LLaVA-1.5's parts, aligned, tuned on Vision-Flan, then on LLaVA's words.

The values are those of paper section 4; what it leaves open is taken from LLaVA-1.5's own scripts
(cosine, 3 % warm-up, no weight decay, 2048 tokens, images padded to a square). Give the folders of
CLIP-ViT-L/14-336 and Vicuna v1.5 by `--set start.tower=... --set start.language_model=...`, the
558,000 captions by `--set stages.align.data.build=...`, LLaVA-Instruct by
`--set stages.chat.data.build=...`, and Vision-Flan by `--build`.
"""

from dataclasses import replace

from visionflan.train.config import DataConfig, InitConfig, RuntimeConfig, StageConfig, TrainConfig

ALIGN = StageConfig(
    name="align", trains=("connector",), learning_rate=1e-3, epochs=1, batch_size=256, pool_steps=50
)
BASE = StageConfig(name="base", learning_rate=2e-5, epochs=1, batch_size=128, pool_steps=50)
CHAT = StageConfig(
    name="chat", learning_rate=1e-5, steps=128, batch_size=64, data=DataConfig(limit=1000)
)


def base_13b() -> TrainConfig:
    """Align the connector of a 13-billion model, then train Vision-Flan Base."""
    return TrainConfig(
        name="base_13b",
        start=InitConfig(template="vicuna"),
        stages=(ALIGN, BASE),
        save_precision="bfloat16",
        machine=RuntimeConfig(
            device="cuda", micro_tokens=16384, gradient_checkpointing=True, readers=4
        ),
    )


def chat_13b() -> TrainConfig:
    """Go on from Vision-Flan Base with 1,000 instances of LLaVA: 128 steps of 64."""
    base = base_13b()
    return replace(base, name="chat_13b", stages=(*base.stages, CHAT))


def base_7b() -> TrainConfig:
    """Do the same as `base_13b` with a model of 7 billion."""
    return replace(base_13b(), name="base_7b")


def chat_7b() -> TrainConfig:
    """Do the same as `chat_13b` with a model of 7 billion."""
    return replace(chat_13b(), name="chat_7b")
