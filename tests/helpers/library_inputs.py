"""The inputs of a model as the library's own processor makes them, as a witness for ours.

Some processor classes refuse to be made without torchvision. Their texts and numbers are taken from
their own methods, of an object that was never initialized.
"""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
import transformers
from PIL import Image

from tests.helpers.tiny_families import FAMILIES, TinyFamily

LOADABLE = ("gemma3", "idefics3", "llava_next")
PROCESSORS = {
    "llava_onevision": "LlavaOnevisionProcessor",
    "internvl": "InternVLProcessor",
    "qwen2_vl": "Qwen2VLProcessor",
    "qwen2_5_vl": "Qwen2_5_VLProcessor",
    "qwen3_vl": "Qwen3VLProcessor",
    "smolvlm": "SmolVLMProcessor",
}


def library_inputs(
    name: str, checkpoint: Path, messages: list[dict[str, Any]], **options: bool
) -> dict[str, Any]:
    """Return the inputs for one conversation, whose image parts have an `image`."""
    processor = library_processor(name, checkpoint)
    images = [
        part["image"]
        for message in messages
        for part in message["content"]
        if part["type"] == "image"
    ]
    if name in LOADABLE:
        inputs: dict[str, Any] = processor.apply_chat_template(
            messages, tokenize=True, return_dict=True, return_tensors="pt", **options
        )
        return dict(inputs)
    from transformers.utils.chat_template_utils import render_jinja_template

    untyped: Any = render_jinja_template
    template = (checkpoint / "chat_template.jinja").read_text()
    (text,), _ = untyped(conversations=[messages], chat_template=template, **options)
    image_inputs = process_images(name, processor, images)
    numbers = iter(range(len(images)))
    expanded = re.sub(
        re.escape(processor.image_token),
        lambda _: processor.replace_image_token(image_inputs, next(numbers)),
        text,
    )
    token_ids = processor.tokenizer([expanded], return_tensors="pt")["input_ids"]
    model_inputs = {
        key: value
        for key, value in image_inputs.items()
        if key not in ("num_patches", "rows", "cols")
    }
    if name.startswith("qwen"):
        model_inputs["mm_token_type_ids"] = (token_ids == processor.image_token_id).int()
    return {"input_ids": token_ids, "attention_mask": torch.ones_like(token_ids), **model_inputs}


def process_images(name: str, processor: Any, images: list[Image.Image]) -> dict[str, Any]:
    """Return what the image processor makes of images, with the settings of the processor."""
    nested = [images] if name in ("smolvlm", "llava_onevision") else images
    options = {"internvl": {"crop_to_patches": True}, "smolvlm": {"return_row_col_info": True}}
    outputs = processor.image_processor(images=nested, return_tensors="pt", **options.get(name, {}))
    return dict(outputs)


def library_processor(name: str, checkpoint: Path) -> Any:
    """Return the library's processor of a checkpoint."""
    family = FAMILIES[name]
    module, _, image_processor = family.image_processor.partition(":")
    image_class = getattr(import_module(f"transformers.models.{module}"), image_processor)
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    images = image_class.from_pretrained(checkpoint)
    config = transformers.AutoConfig.from_pretrained(checkpoint)
    if name in LOADABLE:
        processor_class = getattr(transformers, family.config.replace("Config", "Processor"))
        return processor_class(
            images,
            tokenizer,
            chat_template=(checkpoint / "chat_template.jinja").read_text(),
            **processor_settings(name, config),
        )
    bare: Any = object.__new__(getattr(transformers, PROCESSORS[name]))
    bare.tokenizer, bare.image_processor = tokenizer, images
    for key, value in attributes(name, family, tokenizer, config).items():
        setattr(bare, key, value)
    return bare


def processor_settings(name: str, config: Any) -> dict[str, Any]:
    """Return the settings of a processor that loads."""
    vision = config.vision_config
    side = vision.image_size // vision.patch_size
    if name == "llava_next":
        return {
            "patch_size": vision.patch_size,
            "vision_feature_select_strategy": "default",
            "num_additional_image_tokens": 1,
        }
    if name == "idefics3":
        return {"image_seq_len": side**2 // config.scale_factor**2}
    return {"image_seq_length": config.mm_tokens_per_image}


def attributes(name: str, family: TinyFamily, tokenizer: Any, config: Any) -> dict[str, Any]:
    """Return what the constructor of a processor would set."""
    own: dict[str, Any] = {
        "image_token": family.image,
        "image_token_id": tokenizer.convert_tokens_to_ids(family.image),
    }
    vision = config.vision_config
    if name == "llava_onevision":
        own["num_image_tokens"] = (vision.image_size // vision.patch_size) ** 2
        own["vision_feature_select_strategy"] = config.vision_feature_select_strategy
        own["vision_aspect_ratio"] = config.vision_aspect_ratio
    if name == "internvl":
        own |= {"start_image_token": "<img>", "end_image_token": "</img>"}
        own["image_seq_length"] = config.image_seq_length
    if name == "smolvlm":
        side = vision.image_size // vision.patch_size
        own["image_seq_len"] = side**2 // config.scale_factor**2
        own |= {
            "fake_image_token": "<fake_token_around_image>",
            "global_image_token": "<global-img>",
        }
    return own
