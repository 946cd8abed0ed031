"""Tiny checkpoints of each model family, from the library's own configuration classes."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.helpers.family_templates import CHATML, GEMMA3, IDEFICS3, LLAVA_NEXT
from tests.helpers.tiny_tokenizers import byte_level_tokenizer, gemma_tokenizer, metaspace_tokenizer

TEXT: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-5,
}
VISION: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 16,
    "patch_size": 4,
}
PINPOINTS = [[16, 32], [32, 16], [32, 32]]
SIDE = {"height": 16, "width": 16}
IDEFICS_TOKENS = (
    "<fake_token_around_image>",
    "<image>",
    "<global-img>",
    "<end_of_utterance>",
    "<|im_start|>",
    *(f"<row_{row}_col_{column}>" for row in range(1, 5) for column in range(1, 5)),
)


@dataclass(frozen=True)
class TinyFamily:
    """How a tiny model of a family is made.

    Attributes:
        config: the name of the configuration class, of which the model's follows
        settings: of the configuration, beside those of its parts
        text: the configuration of the language model, as far as it differs
        vision: that of the vision tower
        tokenizer: returns the tokenizer without special tokens
        special: the special tokens
        named: the names that the tokenizer has for some of them
        image: the image token
        end: the token that ends an answer
        template: the chat template
        image_processor: module and class, and the settings of the image processor
    """

    config: str
    image_processor: str
    processing: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    text: dict[str, Any] = field(default_factory=dict)
    vision: dict[str, Any] = field(default_factory=dict)
    tokenizer: Callable[[], Any] = byte_level_tokenizer
    special: tuple[str, ...] = ("<|im_start|>", "<|im_end|>")
    named: dict[str, str] = field(default_factory=dict)
    image: str = "<image>"
    end: str = "<|im_end|>"
    template: str = CHATML


QWEN_PROCESSING: dict[str, Any] = {
    "patch_size": 4,
    "temporal_patch_size": 2,
    "merge_size": 2,
    "size": {"shortest_edge": 8 * 8, "longest_edge": 32 * 32},
}
QWEN: dict[str, Any] = {
    "image_processor": "qwen2_vl.image_processing_pil_qwen2_vl:Qwen2VLImageProcessorPil",
    "processing": QWEN_PROCESSING,
    "special": (
        "<|im_start|>",
        "<|im_end|>",
        "<|vision_start|>",
        "<|vision_end|>",
        "<|image_pad|>",
        "<|video_pad|>",
    ),
    "image": "<|image_pad|>",
    "template": CHATML.replace("IMAGE", "'<|vision_start|><|image_pad|><|vision_end|>'"),
}
MROPE = {
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
}

IDEFICS = TinyFamily(
    "Idefics3Config",
    "idefics3.image_processing_pil_idefics3:Idefics3ImageProcessorPil",
    {"size": {"longest_edge": 32}, "max_image_size": {"longest_edge": 16}},
    settings={"scale_factor": 2},
    text={"model_type": "llama"},
    special=IDEFICS_TOKENS,
    end="<end_of_utterance>",
    template=IDEFICS3,
)

FAMILIES = {
    "llava_next": TinyFamily(
        "LlavaNextConfig",
        "llava_next.image_processing_pil_llava_next:LlavaNextImageProcessorPil",
        {"size": {"shortest_edge": 16}, "crop_size": SIDE, "image_grid_pinpoints": PINPOINTS},
        settings={"image_grid_pinpoints": PINPOINTS, "vision_feature_layer": -2},
        text={"model_type": "mistral"},
        vision={"model_type": "clip_vision_model"},
        tokenizer=metaspace_tokenizer,
        special=(),
        end="</s>",
        template=LLAVA_NEXT,
    ),
    "llava_onevision": TinyFamily(
        "LlavaOnevisionConfig",
        "llava_onevision.image_processing_pil_llava_onevision:LlavaOnevisionImageProcessorPil",
        {"size": SIDE, "image_grid_pinpoints": PINPOINTS},
        settings={
            "image_grid_pinpoints": PINPOINTS,
            "vision_aspect_ratio": "anyres_max_2",
            "vision_feature_layer": -1,
            "vision_feature_select_strategy": "full",
        },
        text={"model_type": "qwen2"},
        vision={"model_type": "siglip_vision_model"},
        template=CHATML.replace("IMAGE", "'<image>'"),
    ),
    "internvl": TinyFamily(
        "InternVLConfig",
        "got_ocr2.image_processing_pil_got_ocr2:GotOcr2ImageProcessorPil",
        {"size": SIDE, "crop_to_patches": False, "min_patches": 1, "max_patches": 4},
        settings={"image_seq_length": 4, "downsample_ratio": 0.5},
        text={"model_type": "qwen2"},
        vision={"image_size": [16, 16], "patch_size": [4, 4]},
        special=("<|im_start|>", "<|im_end|>", "<img>", "</img>", "<IMG_CONTEXT>"),
        named={
            "start_image_token": "<img>",
            "end_image_token": "</img>",
            "context_image_token": "<IMG_CONTEXT>",
        },
        image="<IMG_CONTEXT>",
        template=CHATML.replace("IMAGE", "'<IMG_CONTEXT>\\n'"),
    ),
    "qwen2_vl": TinyFamily(
        "Qwen2VLConfig",
        text=MROPE,
        vision={"depth": 2, "embed_dim": 32, "hidden_size": 64, "num_heads": 2, "mlp_ratio": 2},
        **QWEN,
    ),
    "qwen2_5_vl": TinyFamily(
        "Qwen2_5_VLConfig",
        text=MROPE,
        vision={
            "depth": 2,
            "hidden_size": 32,
            "num_heads": 2,
            "out_hidden_size": 64,
            "window_size": 16,
            "fullatt_block_indexes": [1],
        },
        **QWEN,
    ),
    "qwen3_vl": TinyFamily(
        "Qwen3VLConfig",
        text={**MROPE, "head_dim": 16},
        vision={
            "depth": 2,
            "hidden_size": 32,
            "num_heads": 2,
            "out_hidden_size": 64,
            "num_position_embeddings": 16,
            "deepstack_visual_indexes": [0],
        },
        **QWEN,
    ),
    "idefics3": IDEFICS,
    "smolvlm": replace(
        IDEFICS,
        config="SmolVLMConfig",
        image_processor="smolvlm.image_processing_pil_smolvlm:SmolVLMImageProcessorPil",
    ),
    "gemma3": TinyFamily(
        "Gemma3Config",
        "gemma3.image_processing_pil_gemma3:Gemma3ImageProcessorPil",
        {"size": SIDE, "image_seq_length": 4},
        settings={"mm_tokens_per_image": 4},
        text={"head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 32},
        vision={"model_type": "siglip_vision_model"},
        tokenizer=gemma_tokenizer,
        special=("<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>"),
        named={
            "boi_token": "<start_of_image>",
            "eoi_token": "<end_of_image>",
            "image_token": "<image_soft_token>",
        },
        image="<image_soft_token>",
        end="<end_of_turn>",
        template=GEMMA3,
    ),
}


def save_tiny(directory: Path, name: str, *, seed: int = 0) -> Path:
    """Save a checkpoint with random weights, as it would be published."""
    import torch
    import transformers

    family = FAMILIES[name]
    tokenizer = save_tokenizer(directory, family)
    config_class = getattr(transformers, family.config)
    vision = {**VISION, **family.vision}
    ids = tokenizer.convert_tokens_to_ids
    text = {
        **TEXT,
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        **family.text,
    }
    settings = {**family.settings, **token_settings(family, ids)}
    config = config_class(text_config=text, vision_config=vision, **settings)
    torch.manual_seed(seed)
    model_class = getattr(transformers, family.config.replace("Config", "ForConditionalGeneration"))
    model = model_class(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.mul_(3)
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, ids(family.end)]
    model.save_pretrained(directory)
    module, _, image_processor = family.image_processor.partition(":")
    processor = getattr(import_module(f"transformers.models.{module}"), image_processor)
    processor(**family.processing).save_pretrained(directory)
    (directory / "chat_template.jinja").write_text(family.template)
    return directory


def save_tokenizer(directory: Path, family: TinyFamily) -> Any:
    """Save the tokenizer of a family with its special tokens; return it."""
    from transformers import AutoTokenizer

    tokenizer = family.tokenizer()
    tokenizer.add_tokens([*family.special, family.image], special_tokens=True)
    if tokenizer.pad_token is None:
        tokenizer.add_special_tokens({"pad_token": "<pad>"})
    tokenizer.save_pretrained(directory)
    named = AutoTokenizer.from_pretrained(directory, extra_special_tokens=family.named)
    named.save_pretrained(directory)
    return named


def token_settings(family: TinyFamily, ids: Callable[[str], int]) -> dict[str, int]:
    """Return the settings of a configuration that are ids of tokens."""
    settings = {"image_token_id": ids(family.image)}
    if family.config.startswith("Llava"):
        settings = {"image_token_index": ids(family.image)}
    if family.config.startswith("Qwen"):
        settings |= {
            "video_token_id": ids("<|video_pad|>"),
            "vision_start_token_id": ids("<|vision_start|>"),
            "vision_end_token_id": ids("<|vision_end|>"),
        }
    if family.config == "Gemma3Config":
        settings = {
            "image_token_index": ids(family.image),
            "boi_token_index": ids("<start_of_image>"),
            "eoi_token_index": ids("<end_of_image>"),
        }
    return settings
