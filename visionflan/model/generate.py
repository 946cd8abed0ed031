"""Ask a checkpoint for greedy answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from PIL import Image
from torch import Tensor

from visionflan.errors import EvaluationError, TrainingError
from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.model.fingerprint import weights_digest
from visionflan.model.image_processing import preprocess
from visionflan.model.llava import open_llava
from visionflan.storage.instance import Turn

if TYPE_CHECKING:
    from transformers import LlavaForConditionalGeneration

Conversation = Sequence[Turn]


class GeneratedAnswer(NamedTuple):
    """A greedy answer, the number of its tokens without the end, and why it ended."""

    text: str
    tokens: int
    finish_reason: Literal["stop", "length"]


@dataclass(frozen=True)
class Checkpoint:
    """A model that is ready to be asked."""

    path: Path
    model: "LlavaForConditionalGeneration"
    encoder: ChatTokenizer
    device: torch.device

    @cached_property
    def weights(self) -> str:
        """The digest of the files that hold the weights."""
        return weights_digest(self.path)


def load_checkpoint(path: Path, device: str = "auto") -> Checkpoint:
    """Load a checkpoint: in half precision on an accelerator, in single on a processor."""
    where = resolve_device(device)
    model, processor = open_llava(path, precision=dtype_for(where))
    torch.nn.Module.to(model, where)
    model.requires_grad_(False)
    return Checkpoint(path, model, ChatTokenizer(processor), where)


def dtype_for(device: torch.device) -> str:
    """Name the arithmetic that is used on a device."""
    return "bfloat16" if device.type == "cuda" else "float32"


def resolve_device(name: str) -> torch.device:
    """Take the named device; `auto` is an accelerator where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError("no accelerator is to be found: choose the device cpu or auto.")
    return torch.device(name)


def generate_answers(
    checkpoint: Checkpoint,
    conversations: Sequence[Conversation],
    images: Sequence[Sequence[Image.Image]],
    *,
    max_new_tokens: int = 64,
    batch_size: int = 32,
) -> list[GeneratedAnswer]:
    """Answer conversations that end with a question, greedily, in batches of like length."""
    prompts = tokenize_prompts(checkpoint.encoder, conversations, images)
    order = sorted(range(len(prompts)), key=lambda place: -len(prompts[place]))
    answers: dict[int, GeneratedAnswer] = {}
    for begin in range(0, len(order), batch_size):
        places = order[begin : begin + batch_size]
        shown = [image for place in places for image in images[place]]
        written = generate_batch(
            checkpoint, [prompts[place] for place in places], shown, max_new_tokens
        )
        answers.update(zip(places, written, strict=True))
    return [answers[place] for place in range(len(prompts))]


def tokenize_prompts(
    encoder: ChatTokenizer,
    conversations: Sequence[Conversation],
    images: Sequence[Sequence[Image.Image]],
) -> list[list[int]]:
    """Encode questions, each image by all its tokens, and refuse what does not fit together."""
    for turns, shown in zip(conversations, images, strict=True):
        if not turns or turns[-1].role != "user":
            raise EvaluationError("a conversation to be answered must end with a user's turn.")
        encoder.check(turns, len(shown))
    if not conversations:
        return []
    return [encoder.expand(tokens) for tokens in encoder.prompts(conversations)]


@torch.inference_mode()
def generate_batch(
    checkpoint: Checkpoint,
    prompts: list[list[int]],
    images: list[Image.Image],
    max_new_tokens: int,
) -> list[GeneratedAnswer]:
    """Write on from one batch of prompts, padded on the left."""
    encoder, length = checkpoint.encoder, max(map(len, prompts))
    rows = [[encoder.padding] * (length - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (length - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    generator: Any = checkpoint.model
    written: Tensor = generator.generate(
        input_ids=torch.tensor(rows, device=checkpoint.device),
        attention_mask=torch.tensor(mask, device=checkpoint.device),
        **pixel_inputs(checkpoint, images),
        max_new_tokens=max_new_tokens,
    )
    ends = set(checkpoint.model.generation_config.eos_token_id)
    return [decode_answer(encoder, row, ends) for row in written[:, length:].tolist()]


def pixel_inputs(checkpoint: Checkpoint, images: list[Image.Image]) -> dict[str, Tensor]:
    """Give the pixel values of images where the model is; nothing where there are none."""
    if not images:
        return {}
    values = preprocess(checkpoint.encoder.processor, images)
    return {"pixel_values": values.to(checkpoint.device, checkpoint.model.dtype)}


def decode_answer(encoder: ChatTokenizer, tokens: list[int], ends: set[int]) -> GeneratedAnswer:
    """Cut an answer at its end, and give its words."""
    stop = next((place for place, token in enumerate(tokens) if token in ends), None)
    words = encoder.tokenizer.decode(tokens[:stop], skip_special_tokens=True)
    reason: Literal["stop", "length"] = "length" if stop is None else "stop"
    return GeneratedAnswer(words.strip(), len(tokens[:stop]), reason)
