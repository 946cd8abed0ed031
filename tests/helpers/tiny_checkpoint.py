"""Tiny towers and language models, saved with the classes and tokenizers of the real ones."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from tests.helpers.tiny_tokenizers import (
    byte_level_tokenizer,
    gemma_tokenizer,
    gpt2_tokenizer,
    metaspace_tokenizer,
)
from visionflan.storage.instance import Instance, Turn

if TYPE_CHECKING:
    from visionflan.model.families.llava import Llava
    from visionflan.storage.schema import TaskInfo

TOKENIZERS = {
    "gemma3_text": gemma_tokenizer,
    "gpt2": gpt2_tokenizer,
    "opt": gpt2_tokenizer,
    "qwen2": byte_level_tokenizer,
    "qwen3": byte_level_tokenizer,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "gemma3_text": {"head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 64},
    "opt": {"ffn_dim": 64, "word_embed_proj_dim": 32},
    "qwen2": {"tie_word_embeddings": True},
}


def save_tower(directory: Path, kind: str = "clip", *, side: int = 32, width: int = 32) -> Path:
    """Save a small vision tower with the settings of its image processor."""
    import torch
    from transformers import (
        CLIPVisionConfig,
        CLIPVisionModel,
        SiglipVisionConfig,
        SiglipVisionModel,
    )
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    from visionflan.model.tower_names import save_vision_tower

    sizes: dict[str, Any] = {
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "image_size": side,
        "patch_size": 8,
    }
    torch.manual_seed(1)
    if kind == "clip":
        save_vision_tower(CLIPVisionModel(CLIPVisionConfig(**sizes)), directory)
        CLIPImageProcessorPil(
            size={"shortest_edge": side}, crop_size={"height": side, "width": side}
        ).save_pretrained(directory)
    else:
        save_vision_tower(SiglipVisionModel(SiglipVisionConfig(**sizes)), directory)
        SiglipImageProcessorPil(size={"height": side, "width": side}).save_pretrained(directory)
    return directory


def save_language_model(
    directory: Path,
    kind: str = "llama",
    *,
    width: int = 32,
    positions: int = 512,
    dropout: float = 0.0,
) -> Path:
    """Save a small causal language model with the kind of tokenizer that its family has."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    tokenizer = TOKENIZERS.get(kind, metaspace_tokenizer)()
    tokenizer.save_pretrained(directory)
    sizes: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": positions,
        "attention_dropout": dropout,
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "pad_token_id": None,
    }
    torch.manual_seed(2)
    config = AutoConfig.for_model(kind, **sizes, **SETTINGS.get(kind, {}))
    untyped: Any = AutoModelForCausalLM
    untyped.from_config(config).save_pretrained(directory)
    return directory


def decided_llava(directory: Path) -> "Llava":
    """Return a small LLaVA whose weights are so large that its answers differ clearly."""
    import torch

    from visionflan.model.families.llava import Llava

    vlm = Llava.build(
        save_tower(directory / "tower"), save_language_model(directory / "language_model")
    )
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in vlm.model.parameters():
            weight.mul_(3)
    return vlm


COLORS = {"red": (220, 20, 20), "green": (20, 160, 20), "blue": (20, 20, 220)}


def write_build(
    out: Path,
    *,
    count: int = 24,
    texts: int = 0,
    change: "dict[int, Callable[[Instance], Instance]] | None" = None,
) -> Path:
    """Write a build directory of plain colors to be named, and of questions without an image.

    `change` replaces the instances at some indices.
    """
    from visionflan.builder.directory_writer import DirectoryWriter

    info = {"name": "tiny", "title": "Tiny", "license": "CC0-1.0", "citation": "none"}
    with DirectoryWriter(out, info) as writer:
        for task in ("tiny/color", "tiny/repeat", "tiny/text"):
            writer.add_task(task, task_info(task))
        names = list(COLORS)
        for index in range(count + texts):
            color, size = names[index % 3], (20 + index, 40)
            task = "tiny/text" if index >= count else ("tiny/color", "tiny/repeat")[index % 2]
            images = () if index >= count else (writer.add_image(png(COLORS[color], size)),)
            text = " ".join(["what", "color", *["is", "it"][: index % 3], "?"] + ["?"] * index)
            prompt = f"<image>\n{text}" if images else text
            answer = " ".join([color] * (1 + index % 4))
            instance = color_instance(task, index, images, prompt, answer)
            writer.add_instance(change[index](instance) if change and index in change else instance)
    return out


def task_info(task: str) -> "TaskInfo":
    """Return the description of a task."""
    from visionflan.storage.schema import TaskInfo

    return TaskInfo(
        dataset="tiny",
        official_name=task,
        title=task,
        instruction="",
        category="Perception",
        group="question answering",
        metric="exact_match",
    )


def color_instance(
    task: str, index: int, images: tuple[str, ...], prompt: str, answer: str
) -> Instance:
    """Return an instance of a question and its answer."""
    return Instance(
        id=f"{task}/{index}",
        dataset="tiny",
        task=task,
        split="train",
        key=str(index),
        images=images,
        turns=(Turn("user", prompt), Turn("assistant", answer)),
        instruction=prompt.removeprefix("<image>\n"),
        text="",
        options=(),
        target=answer,
        references=(answer,),
        metric="exact_match",
        synthetic=False,
    )


PICTURES = {
    "red": (220, 20, 20),
    "green": (20, 160, 20),
    "blue": (20, 20, 220),
    "a": (230, 230, 20),
    "b": (20, 220, 220),
    "c": (220, 20, 220),
    "one": (250, 250, 250),
    "two": (5, 5, 5),
}


def write_pictures(out: Path) -> Path:
    """Write a build directory of eight rows that differ only in their picture and its name."""
    from visionflan.builder.directory_writer import DirectoryWriter

    info = {"name": "pictures", "title": "Pictures", "license": "CC0-1.0", "citation": "none"}
    with DirectoryWriter(out, info) as writer:
        writer.add_task("tiny/color", task_info("tiny/color"))
        for index, (name, color) in enumerate(PICTURES.items()):
            images = (writer.add_image(png(color, (40, 24))),)
            prompt = "<image>\nwhat color is it ?"
            writer.add_instance(color_instance("tiny/color", index, images, prompt, name))
    return out


def png(color: tuple[int, int, int], size: tuple[int, int]) -> bytes:
    """Return a PNG of one color."""
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, "PNG")
    return buffer.getvalue()


def run_json(run: Path, stage: str) -> dict[str, Any]:
    """Return what the checkpoint of a stage records about itself."""
    content: dict[str, Any] = json.loads((run / stage / "checkpoint/run.json").read_bytes())
    return content
