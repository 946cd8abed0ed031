"""The paper's runs on one GPU of 24, 48 or 80 GB.

On 24 and 48 GB the language model is tuned by an adapter, with the values of LLaVA-1.5's own script
(`scripts/v1_5/finetune_lora.sh`: rank 128, alpha 256, a learning rate of 2e-4, of 2e-5 for the
connector), and its trainer's dropout of 0.05. The chat stage, which has none there, keeps the same
ratio of ten to the rate of the paper. On 80 GB all weights are tuned, stored in bfloat16.

The recipes `..._qlora` train the same adapter on weights of 4 bits, quantized as in the QLoRA paper
(NormalFloat, scales in 8 bits). The memory that this leaves is for 13B, or for conversations of all
4,096 positions of Vicuna 7B. The alignment, which quantizes nothing, then needs the most.

Each stage needs at most 85 % of the memory by `visionflan train --plan`, which leaves the rest to
the CUDA context, libraries and fragmentation. No GPU has confirmed that.
"""

from dataclasses import replace

from visionflan.recipes.paper import ALIGN, BASE, CHAT, base_7b, base_13b
from visionflan.train.adapter_config import AdapterConfig
from visionflan.train.config import StageConfig, TrainConfig

LORA = AdapterConfig(rank=128, alpha=256, dropout=0.05)
LORA_BASE = replace(BASE, adapter=LORA, learning_rate=2e-4, learning_rates=("connector:2e-5",))
LORA_CHAT = replace(CHAT, adapter=LORA, learning_rate=1e-4, learning_rates=("connector:1e-5",))
QLORA = replace(LORA, quantization="nf4", double_quantization=True)
QLORA_BASE, QLORA_CHAT = (replace(stage, adapter=QLORA) for stage in (LORA_BASE, LORA_CHAT))
LONG_BASE, LONG_CHAT = (replace(stage, max_seq_len=4096) for stage in (QLORA_BASE, QLORA_CHAT))
# In bfloat16 the average of squares must follow faster than by the paper's 0.999.
FULL_BASE, FULL_CHAT = (
    replace(stage, optimizer="adamw_bf16", betas=(0.9, 0.95)) for stage in (BASE, CHAT)
)


def on_one_gpu(name: str, stages: tuple[StageConfig, ...], micro_batch_tokens: int) -> TrainConfig:
    """Return the paper's recipe with other stages after the alignment."""
    recipe = base_13b() if "_13b_" in name else base_7b()
    runtime = replace(recipe.runtime, micro_batch_tokens=micro_batch_tokens)
    return replace(recipe, name=name, stages=(ALIGN, *stages), runtime=runtime)


def base_7b_24gb() -> TrainConfig:
    """Return the recipe of Base 7B for one GPU of 24 GB: an adapter, short micro-batches."""
    return on_one_gpu("base_7b_24gb", (LORA_BASE,), 2048)


def chat_7b_24gb() -> TrainConfig:
    """Return the recipe of Chat 7B for one GPU of 24 GB: an adapter, short micro-batches."""
    return on_one_gpu("chat_7b_24gb", (LORA_BASE, LORA_CHAT), 2048)


def base_7b_48gb() -> TrainConfig:
    """Return the recipe of Base 7B for one GPU of 48 GB: an adapter."""
    return on_one_gpu("base_7b_48gb", (LORA_BASE,), 16384)


def chat_7b_48gb() -> TrainConfig:
    """Return the recipe of Chat 7B for one GPU of 48 GB: an adapter."""
    return on_one_gpu("chat_7b_48gb", (LORA_BASE, LORA_CHAT), 16384)


def base_7b_80gb() -> TrainConfig:
    """Return the recipe of Base 7B for one GPU of 80 GB: all weights, in bfloat16."""
    return on_one_gpu("base_7b_80gb", (FULL_BASE,), 16384)


def chat_7b_80gb() -> TrainConfig:
    """Return the recipe of Chat 7B for one GPU of 80 GB: all weights, in bfloat16."""
    return on_one_gpu("chat_7b_80gb", (FULL_BASE, FULL_CHAT), 16384)


def base_7b_24gb_qlora() -> TrainConfig:
    """Return the recipe of Base 7B for one GPU of 24 GB: QLoRA, conversations of 4,096 tokens."""
    return on_one_gpu("base_7b_24gb_qlora", (LONG_BASE,), 8192)


def chat_7b_24gb_qlora() -> TrainConfig:
    """Return the recipe of Chat 7B for one GPU of 24 GB: QLoRA, conversations of 4,096 tokens."""
    return on_one_gpu("chat_7b_24gb_qlora", (LONG_BASE, LONG_CHAT), 8192)


def base_13b_48gb_qlora() -> TrainConfig:
    """Return the recipe of Base 13B for one GPU of 48 GB: QLoRA."""
    return on_one_gpu("base_13b_48gb_qlora", (QLORA_BASE,), 16384)


def chat_13b_48gb_qlora() -> TrainConfig:
    """Return the recipe of Chat 13B for one GPU of 48 GB: QLoRA."""
    return on_one_gpu("chat_13b_48gb_qlora", (QLORA_BASE, QLORA_CHAT), 16384)
