"""The sizes of the parts that the recipes of the paper are for, by their published `config.json`.

openai/clip-vit-large-patch14-336; lmsys/vicuna-7b-v1.5 and lmsys/vicuna-13b-v1.5, which have the
sizes of Llama 2.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

CLIP_LARGE_336: dict[str, Any] = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
}
VICUNA_7B: dict[str, Any] = {
    "vocab_size": 32000,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 4096,
}
VICUNA_13B = VICUNA_7B | {
    "hidden_size": 5120,
    "intermediate_size": 13824,
    "num_hidden_layers": 40,
    "num_attention_heads": 40,
}
SIZES = {"7b": VICUNA_7B, "13b": VICUNA_13B}
# `base_7b_24gb` has the language model of `base_7b`.
PUBLISHED_SIZES = {
    f"{kind}_{size}{memory}": SIZES[size]
    for kind in ("base", "chat")
    for size, memory in (
        ("7b", ""),
        ("7b", "_24gb"),
        ("7b", "_48gb"),
        ("7b", "_80gb"),
        ("7b", "_24gb_qlora"),
        ("13b", ""),
        ("13b", "_48gb_qlora"),
    )
}


def published_configs(recipe: str) -> "tuple[PreTrainedConfig, PreTrainedConfig]":
    """Return the configurations of the vision tower and the language model of a recipe."""
    from transformers import CLIPVisionConfig, LlamaConfig

    return CLIPVisionConfig(**CLIP_LARGE_336), LlamaConfig(**PUBLISHED_SIZES[recipe])
