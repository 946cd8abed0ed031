"""Tiny tokenizers of the kinds that language models have."""

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers.pre_tokenizers import PreTokenizer
    from transformers import PreTrainedTokenizerBase

WORDS = (
    "what color is the shape ? red green blue circle square how many are there one two three "
    "name it . Options : ( a ) b c A chat between curious user and an artificial intelligence "
    "assistant The gives helpful detailed polite answers to questions USER ASSISTANT Q picture "
    "shows , picture. user's questions."
)


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


def gemma_tokenizer() -> "PreTrainedTokenizerBase":
    """Return a tokenizer of Gemma 3's kind, which names an image token of its own."""
    from tokenizers import pre_tokenizers
    from transformers import GemmaTokenizer

    vocabulary, merges = train_bpe(pre_tokenizers.Metaspace(prepend_scheme="never"), [])
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<image_soft_token>"]
    tokens = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), *vocabulary]
    untyped: Any = GemmaTokenizer
    tokenizer: PreTrainedTokenizerBase = untyped(
        vocab={token: number for number, token in enumerate(dict.fromkeys(tokens))},
        merges=merges,
        extra_special_tokens={"image_token": "<image_soft_token>"},
    )
    return tokenizer


def gpt2_tokenizer() -> "PreTrainedTokenizerBase":
    """Return a tokenizer of GPT-2's kind: one token begins and ends a text."""
    from tokenizers import pre_tokenizers
    from transformers import GPT2Tokenizer

    split = pre_tokenizers.ByteLevel(add_prefix_space=False)
    vocabulary, pairs = train_bpe(split, pre_tokenizers.ByteLevel.alphabet())
    merges: Any = pairs
    tokens = ["<|endoftext|>", *vocabulary]
    tokenizer: PreTrainedTokenizerBase = GPT2Tokenizer(
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
