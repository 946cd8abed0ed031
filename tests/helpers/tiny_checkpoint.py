"""Tiny towers and language models, saved with the classes and tokenizers of the real ones."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from visionflan.storage.instance import Instance, Turn

if TYPE_CHECKING:
    from tokenizers.pre_tokenizers import PreTokenizer
    from transformers import PreTrainedTokenizerBase

WORDS = (
    "what color is the shape ? red green blue circle square how many are there one two three "
    "name it . Options : ( a ) b c A chat between curious user and an artificial intelligence "
    "assistant The gives helpful detailed polite answers to questions USER ASSISTANT Q picture "
    "shows , picture. user's questions."
)


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
    from transformers import (
        LlamaConfig,
        LlamaForCausalLM,
        MistralConfig,
        MistralForCausalLM,
        Qwen2Config,
        Qwen2ForCausalLM,
    )

    tokenizer = byte_level_tokenizer() if kind == "qwen2" else metaspace_tokenizer()
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
    if kind == "llama":
        LlamaForCausalLM(LlamaConfig(**sizes)).save_pretrained(directory)
    elif kind == "qwen2":
        Qwen2ForCausalLM(Qwen2Config(**sizes, tie_word_embeddings=True)).save_pretrained(directory)
    else:
        MistralForCausalLM(MistralConfig(**sizes)).save_pretrained(directory)
    return directory


def metaspace_tokenizer() -> "PreTrainedTokenizerBase":
    """Return a tokenizer of Llama's kind: BPE, a mark for each space, bytes for unknown text."""
    from tokenizers import pre_tokenizers
    from transformers import LlamaTokenizer

    vocabulary, merges = train_bpe(pre_tokenizers.Metaspace(), [])
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *vocabulary]
    tokenizer: PreTrainedTokenizerBase = LlamaTokenizer(
        vocab={token: number for number, token in enumerate(dict.fromkeys(tokens))},
        merges=merges,
        add_bos_token=True,
    )
    return tokenizer


def byte_level_tokenizer() -> "PreTrainedTokenizerBase":
    """Return a tokenizer of Qwen2's kind: byte-level BPE, and no token that begins a text."""
    from tokenizers import pre_tokenizers
    from transformers import Qwen2Tokenizer

    split = pre_tokenizers.ByteLevel(add_prefix_space=False)
    vocabulary, pairs = train_bpe(split, pre_tokenizers.ByteLevel.alphabet())
    merges: Any = pairs
    tokens = ["<|endoftext|>", *vocabulary]
    tokenizer: PreTrainedTokenizerBase = Qwen2Tokenizer(
        vocab={token: number for number, token in enumerate(tokens)}, merges=merges
    )
    return tokenizer


def train_bpe(
    split: "PreTokenizer", alphabet: list[str]
) -> tuple[list[str], list[tuple[str, str]]]:
    """Train BPE on a few words; return the vocabulary in order, and the merges."""
    from tokenizers import Tokenizer, models
    from tokenizers.trainers import BpeTrainer

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = split
    trainer = BpeTrainer(vocab_size=400, show_progress=False, initial_alphabet=alphabet)
    core.train_from_iterator([WORDS] * 3, trainer)
    model = json.loads(core.to_str())["model"]
    return sorted(model["vocab"], key=model["vocab"].get), [tuple(m) for m in model["merges"]]


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
    from visionflan.storage.schema import TaskInfo

    info = {"name": "tiny", "title": "Tiny", "license": "CC0-1.0", "citation": "none"}
    with DirectoryWriter(out, info) as writer:
        for task in ("tiny/color", "tiny/repeat", "tiny/text"):
            task_info = TaskInfo(
                dataset="tiny",
                official_name=task,
                title=task,
                instruction="",
                category="Perception",
                group="question answering",
                metric="exact_match",
            )
            writer.add_task(task, task_info)
        names = list(COLORS)
        for index in range(count + texts):
            color, size = names[index % 3], (20 + index, 40)
            task = "tiny/text" if index >= count else ("tiny/color", "tiny/repeat")[index % 2]
            images = () if index >= count else (writer.add_image(png(COLORS[color], size)),)
            text = " ".join(["what", "color", *["is", "it"][: index % 3], "?"] + ["?"] * index)
            prompt = f"<image>\n{text}" if images else text
            answer = " ".join([color] * (1 + index % 4))
            instance = Instance(
                id=f"{task}/{index}",
                dataset="tiny",
                task=task,
                split="train",
                key=str(index),
                images=images,
                turns=(Turn("user", prompt), Turn("assistant", answer)),
                instruction=text,
                text="",
                options=(),
                target=answer,
                references=(answer,),
                metric="exact_match",
                synthetic=False,
            )
            writer.add_instance(change[index](instance) if change and index in change else instance)
    return out


def png(color: tuple[int, int, int], size: tuple[int, int]) -> bytes:
    """Return a PNG of one color."""
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, "PNG")
    return buffer.getvalue()
