"""Generate greedy answers with a checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from PIL import Image
from torch import Tensor

from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import EvaluationError, TrainingError
from visionflan.image_pixels import to_rgb
from visionflan.model.base import VisionLanguageModel
from visionflan.model.chat_tokenizer import ChatTokenizer, TokenizedConversation
from visionflan.model.families import load_model
from visionflan.model.image_prompt import ImageSize
from visionflan.storage.instance import Turn

Conversation = Sequence[Turn]
FinishReason = Literal["stop", "length"]


class GeneratedAnswer(NamedTuple):
    """A greedy answer."""

    text: str
    num_tokens: int  # without the end token
    finish_reason: FinishReason  # `length`: cut at `max_new_tokens`


@dataclass(frozen=True)
class Checkpoint:
    """A model in memory, ready for inference.

    Examples:
        >>> from PIL import Image
        >>> from visionflan import Checkpoint
        >>> checkpoint = Checkpoint.load("run/chat/checkpoint", device="cpu")
        >>> answer = checkpoint.answer("What is it?", Image.new("RGB", (64, 64)), max_new_tokens=4)
        >>> answer.num_tokens <= 4
        True
    """

    path: Path
    vlm: VisionLanguageModel
    chat_tokenizer: ChatTokenizer
    device: torch.device

    @classmethod
    def load(cls, path: Path | str, device: str = "auto") -> "Checkpoint":
        """Load a checkpoint for inference: in bfloat16 on a GPU, in float32 on a CPU."""
        torch_device = resolve_device(device)
        vlm = load_model(Path(path), dtype=dtype_for(torch_device))
        torch.nn.Module.to(vlm.model, torch_device)
        vlm.model.requires_grad_(False)
        return cls(Path(path), vlm, vlm.make_chat_tokenizer(vlm.processor), torch_device)

    def answer(
        self, question: str, *images: Image.Image, max_new_tokens: int = 256
    ) -> GeneratedAnswer:
        """Answer one question about any number of images, greedily."""
        turn = Turn("user", f"{IMAGE_MARKER}\n" * len(images) + question)
        (answer,) = generate_answers(self, [[turn]], [images], max_new_tokens=max_new_tokens)
        return answer

    def image_inputs(self, images: Sequence[Sequence[Image.Image]]) -> dict[str, Tensor]:
        """Return the inputs for the images of each row, on the model's device and in its dtype."""
        return {
            name: value.to(self.device, self.vlm.model.dtype if value.is_floating_point() else None)
            for name, value in self.vlm.prepare_images(images).items()
        }


def dtype_for(device: torch.device) -> str:
    """Return the name of the dtype used on a device."""
    return "bfloat16" if device.type == "cuda" else "float32"


def resolve_device(name: str) -> torch.device:
    """Return the named device; `auto` is a GPU if there is one, else the CPU.

    Raises TrainingError if `cuda` or `mps`, the GPU of a Mac, is named and is not available.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError("no GPU is available: use `cpu` or `auto` as the device")
    if name == "mps" and not torch.backends.mps.is_available():
        raise TrainingError("this PyTorch has no MPS: use `cpu` or `auto` as the device")
    return torch.device(name)


def generate_answers(
    checkpoint: Checkpoint,
    conversations: Sequence[Conversation],
    images: Sequence[Sequence[Image.Image]],
    *,
    max_new_tokens: int = 64,
    batch_size: int = 32,
) -> list[GeneratedAnswer]:
    """Return the answers to conversations that end with a user's turn.

    Decoding is greedy, in batches of prompts of similar length.
    """
    prompts = tokenize_prompts(checkpoint.chat_tokenizer, conversations, images)
    order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index].token_ids))
    answers: dict[int, GeneratedAnswer] = {}
    for begin in range(0, len(order), batch_size):
        indices = order[begin : begin + batch_size]
        batch_images = [images[index] for index in indices]
        batch_prompts = [prompts[index].token_ids for index in indices]
        generated = generate_batch(checkpoint, batch_prompts, batch_images, max_new_tokens)
        answers.update(zip(indices, generated, strict=True))
    return [answers[index] for index in range(len(prompts))]


def tokenize_prompts(
    chat_tokenizer: ChatTokenizer,
    conversations: Sequence[Conversation],
    images: Sequence[Sequence[Image.Image]],
) -> list[TokenizedConversation]:
    """Return the tokens of prompts with all image tokens.

    Raises EvaluationError if a conversation does not end with a user's turn, UnusableError if its
    text contains a special token or its image markers do not match its images.
    """
    for turns, conversation_images in zip(conversations, images, strict=True):
        if not turns or turns[-1].role != "user":
            raise EvaluationError("a conversation must end with a user's turn to be answered")
        chat_tokenizer.validate(turns, len(conversation_images))
    if not conversations:
        return []
    prompts = chat_tokenizer.encode_prompts(conversations, image_sizes(chat_tokenizer, images))
    return [chat_tokenizer.expand_images(prompt) for prompt in prompts]


def image_sizes(
    chat_tokenizer: ChatTokenizer, images: Sequence[Sequence[Image.Image]]
) -> list[list[ImageSize]] | None:
    """Return the sizes of the upright images of each conversation; None if they do not matter."""
    if not chat_tokenizer.images.uses_sizes:
        return None
    upright = [[to_rgb(image) for image in row] for row in images]
    return [[ImageSize(image.height, image.width) for image in row] for row in upright]


@torch.inference_mode()
def generate_batch(
    checkpoint: Checkpoint,
    prompts: list[list[int]],
    images: Sequence[Sequence[Image.Image]],
    max_new_tokens: int,
) -> list[GeneratedAnswer]:
    """Return the answers to one batch of prompts, padded on the left."""
    chat_tokenizer, length = checkpoint.chat_tokenizer, max(map(len, prompts))
    rows = [[chat_tokenizer.pad_token_id] * (length - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (length - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    untyped: Any = checkpoint.vlm.model
    token_ids_bl = torch.tensor(rows, device=checkpoint.device)
    generated: Tensor = untyped.generate(
        input_ids=token_ids_bl,
        attention_mask=torch.tensor(mask, device=checkpoint.device),
        **checkpoint.image_inputs(images),
        **checkpoint.vlm.generation_inputs(token_ids_bl),
        max_new_tokens=max_new_tokens,
    )
    eos_token_ids = set(untyped.generation_config.eos_token_id)
    new_tokens = generated[:, length:].tolist()
    return [decode_answer(chat_tokenizer, row, eos_token_ids) for row in new_tokens]


def decode_answer(
    chat_tokenizer: ChatTokenizer, token_ids: list[int], eos_token_ids: set[int]
) -> GeneratedAnswer:
    """Return the answer up to its first end token."""
    end = next((i for i, token in enumerate(token_ids) if token in eos_token_ids), None)
    text = chat_tokenizer.tokenizer.decode(token_ids[:end], skip_special_tokens=True)
    finish_reason: FinishReason = "length" if end is None else "stop"
    return GeneratedAnswer(text.strip(), len(token_ids[:end]), finish_reason)
