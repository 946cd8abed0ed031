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
    "what colour is the shape ? red green blue circle square how many are there one two three "
    "name it . Options : ( a ) b c A chat between curious user and an artificial intelligence "
    "assistant The gives helpful detailed polite answers to questions USER ASSISTANT Q picture "
    "shows , picture. user's questions."
)


def save_tower(folder: Path, kind: str = "clip", *, side: int = 32, width: int = 32) -> Path:
    """Save a small vision tower with the description of its images."""
    import torch
    from transformers import (
        CLIPVisionConfig,
        CLIPVisionModel,
        SiglipVisionConfig,
        SiglipVisionModel,
    )
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

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
        CLIPVisionModel(CLIPVisionConfig(**sizes)).save_pretrained(folder)
        CLIPImageProcessorPil(
            size={"shortest_edge": side}, crop_size={"height": side, "width": side}
        ).save_pretrained(folder)
    else:
        SiglipVisionModel(SiglipVisionConfig(**sizes)).save_pretrained(folder)
        SiglipImageProcessorPil(size={"height": side, "width": side}).save_pretrained(folder)
    return folder


def save_language_model(
    folder: Path,
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
    tokenizer.save_pretrained(folder)
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
        LlamaForCausalLM(LlamaConfig(**sizes)).save_pretrained(folder)
    elif kind == "qwen2":
        Qwen2ForCausalLM(Qwen2Config(**sizes, tie_word_embeddings=True)).save_pretrained(folder)
    else:
        MistralForCausalLM(MistralConfig(**sizes)).save_pretrained(folder)
    return folder


def metaspace_tokenizer() -> "PreTrainedTokenizerBase":
    """Make Llama's kind: pairs of letters, a mark for each blank, bytes for what is unknown."""
    from tokenizers import pre_tokenizers
    from transformers import LlamaTokenizer

    vocabulary, merges = trained(pre_tokenizers.Metaspace(), [])
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *vocabulary]
    tokenizer: PreTrainedTokenizerBase = LlamaTokenizer(
        vocab={token: number for number, token in enumerate(dict.fromkeys(tokens))},
        merges=merges,
        add_bos_token=True,
    )
    return tokenizer


def byte_level_tokenizer() -> "PreTrainedTokenizerBase":
    """Make Qwen2's kind: pairs of bytes, and no token that begins a text."""
    from tokenizers import pre_tokenizers
    from transformers import Qwen2Tokenizer

    split = pre_tokenizers.ByteLevel(add_prefix_space=False)
    vocabulary, pairs = trained(split, pre_tokenizers.ByteLevel.alphabet())
    merges: Any = pairs
    tokens = ["<|endoftext|>", *vocabulary]
    tokenizer: PreTrainedTokenizerBase = Qwen2Tokenizer(
        vocab={token: number for number, token in enumerate(tokens)}, merges=merges
    )
    return tokenizer


def trained(split: "PreTokenizer", alphabet: list[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Learn pairs from a few words; give the vocabulary in order, and the merges."""
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
    """Write a build directory of plain colours to be named, and of questions without a picture.

    `change` puts other instances in the place of some.
    """
    from visionflan.builder.directory_writer import DirectoryWriter
    from visionflan.storage.schema import TaskInfo

    about = {"name": "tiny", "title": "Tiny", "license": "CC0-1.0", "citation": "none"}
    with DirectoryWriter(out, about) as writer:
        for task in ("tiny/colour", "tiny/repeat", "tiny/text"):
            info = TaskInfo(
                dataset="tiny",
                official_name=task,
                title=task,
                instruction="",
                category="Perception",
                group="question answering",
                metric="exact_match",
            )
            writer.add_task(task, info)
        names = list(COLORS)
        for place in range(count + texts):
            color, size = names[place % 3], (20 + place, 40)
            task = "tiny/text" if place >= count else ("tiny/colour", "tiny/repeat")[place % 2]
            images = () if place >= count else (writer.add_image(png(COLORS[color], size)),)
            words = " ".join(["what", "colour", *["is", "it"][: place % 3], "?"] + ["?"] * place)
            prompt = f"<image>\n{words}" if images else words
            answer = " ".join([color] * (1 + place % 4))
            made = Instance(
                id=f"{task}/{place}",
                dataset="tiny",
                task=task,
                split="train",
                key=str(place),
                images=images,
                turns=(Turn("user", prompt), Turn("assistant", answer)),
                instruction=words,
                text="",
                options=(),
                target=answer,
                references=(answer,),
                metric="exact_match",
                synthetic=False,
            )
            writer.add_instance(change[place](made) if change and place in change else made)
    return out


def png(color: tuple[int, int, int], size: tuple[int, int]) -> bytes:
    """Encode a plain picture."""
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, "PNG")
    return buffer.getvalue()
