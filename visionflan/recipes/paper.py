"""The paper's runs: LLaVA-1.5's parts, aligned, tuned on Vision-Flan, then on LLaVA-Instruct.

The values are those of paper section 4; what it leaves open is taken from LLaVA-1.5's own scripts
(cosine, 3 % warm-up, no weight decay, 2048 tokens, images padded to a square). Set the directories
of CLIP-ViT-L/14-336 and Vicuna v1.5 with `--set init.vision_tower=...` and
`--set init.language_model=...`, the 558,000 captions with `--set stages.align.data.build=...`,
LLaVA-Instruct with `--set stages.chat.data.build=...`, and Vision-Flan with `--build`.
"""

from dataclasses import replace

from visionflan.train.config import DataConfig, InitConfig, RuntimeConfig, StageConfig, TrainConfig

ALIGN = StageConfig(
    name="align",
    trainable=("connector",),
    learning_rate=1e-3,
    epochs=1,
    batch_size=256,
    chat_template="caption",
)
BASE = StageConfig(name="base", learning_rate=2e-5, epochs=1, batch_size=128)
CHAT = StageConfig(
    name="chat", learning_rate=1e-5, steps=128, batch_size=64, data=DataConfig(max_instances=1000)
)


def base_13b() -> TrainConfig:
    """Return the recipe of Vision-Flan Base 13B: align the connector, then train on the build."""
    return TrainConfig(
        name="base_13b",
        init=InitConfig(chat_template="vicuna"),
        stages=(ALIGN, BASE),
        checkpoint_dtype="bfloat16",
        runtime=RuntimeConfig(
            device="cuda", micro_batch_tokens=16384, gradient_checkpointing=True, num_workers=4
        ),
    )


def chat_13b() -> TrainConfig:
    """Return the recipe of Vision-Flan Chat 13B: Base, then 128 steps of 64 conversations."""
    base = base_13b()
    return replace(base, name="chat_13b", stages=(*base.stages, CHAT))


def base_7b() -> TrainConfig:
    """Return the same recipe as `base_13b` for a language model of 7 billion parameters."""
    return replace(base_13b(), name="base_7b")


def chat_7b() -> TrainConfig:
    """Return the same recipe as `chat_13b` for a language model of 7 billion parameters."""
    return replace(chat_13b(), name="chat_7b")
