"""Ask a checkpoint: greedy answers, and how likely it holds given ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from PIL import Image
from torch import Tensor

from visionflan.build.instance import Turn
from visionflan.errors import EvaluationError, TrainingError
from visionflan.model import forward
from visionflan.model.assemble import open_llava
from visionflan.model.conversation import Encoder
from visionflan.model.identity import weights_digest
from visionflan.model.images import pixels

if TYPE_CHECKING:
    from transformers import LlavaForConditionalGeneration

Conversation = Sequence[Turn]


class Answer(NamedTuple):
    """A greedy answer, the number of its tokens without the end, and why it ended."""

    text: str
    tokens: int
    finish_reason: Literal["stop", "length"]


class Likelihood(NamedTuple):
    """The log-probability of a given answer with its end: summed, and per token."""

    summed: float
    mean: float
    tokens: int


@dataclass(frozen=True)
class Checkpoint:
    """A model that is ready to be asked."""

    path: Path
    model: "LlavaForConditionalGeneration"
    encoder: Encoder
    device: torch.device

    @cached_property
    def weights(self) -> str:
        """The digest of the files that hold the weights."""
        return weights_digest(self.path)


def load_checkpoint(path: Path, device: str = "auto") -> Checkpoint:
    """Load a checkpoint: in half precision on an accelerator, in single on a processor."""
    where = chosen_device(device)
    model, processor = open_llava(path, precision=precision_on(where))
    torch.nn.Module.to(model, where)
    model.requires_grad_(False)
    return Checkpoint(path, model, Encoder(processor), where)


def precision_on(device: torch.device) -> str:
    """Name the arithmetic that is used on a device."""
    return "bfloat16" if device.type == "cuda" else "float32"


def chosen_device(name: str) -> torch.device:
    """Take the named device; `auto` is an accelerator where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError("no accelerator is to be found: choose the device cpu or auto.")
    return torch.device(name)


def answer(
    checkpoint: Checkpoint,
    conversations: Sequence[Conversation],
    images: Sequence[Sequence[Image.Image]],
    *,
    max_new_tokens: int = 64,
    batch_size: int = 32,
) -> list[Answer]:
    """Answer conversations that end with a question, greedily, in batches of like length."""
    prompts = asked(checkpoint.encoder, conversations, images)
    order = sorted(range(len(prompts)), key=lambda place: -len(prompts[place]))
    answers: dict[int, Answer] = {}
    for begin in range(0, len(order), batch_size):
        places = order[begin : begin + batch_size]
        shown = [image for place in places for image in images[place]]
        written = write(checkpoint, [prompts[place] for place in places], shown, max_new_tokens)
        answers.update(zip(places, written, strict=True))
    return [answers[place] for place in range(len(prompts))]


def asked(
    encoder: Encoder,
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
def write(
    checkpoint: Checkpoint,
    prompts: list[list[int]],
    images: list[Image.Image],
    max_new_tokens: int,
) -> list[Answer]:
    """Write on from one batch of prompts, padded on the left."""
    encoder, length = checkpoint.encoder, max(map(len, prompts))
    rows = [[encoder.padding] * (length - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (length - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    generator: Any = checkpoint.model
    written: Tensor = generator.generate(
        input_ids=torch.tensor(rows, device=checkpoint.device),
        attention_mask=torch.tensor(mask, device=checkpoint.device),
        **pictures(checkpoint, images),
        max_new_tokens=max_new_tokens,
    )
    ends = set(checkpoint.model.generation_config.eos_token_id)
    return [told(encoder, row, ends) for row in written[:, length:].tolist()]


def pictures(checkpoint: Checkpoint, images: list[Image.Image]) -> dict[str, Tensor]:
    """Give the pixel values of images where the model is; nothing where there are none."""
    if not images:
        return {}
    values = pixels(checkpoint.encoder.processor, images)
    return {"pixel_values": values.to(checkpoint.device, checkpoint.model.dtype)}


def told(encoder: Encoder, tokens: list[int], ends: set[int]) -> Answer:
    """Cut an answer at its end, and give its words."""
    stop = next((place for place, token in enumerate(tokens) if token in ends), None)
    words = encoder.tokenizer.decode(tokens[:stop], skip_special_tokens=True)
    reason: Literal["stop", "length"] = "length" if stop is None else "stop"
    return Answer(words.strip(), len(tokens[:stop]), reason)


class Weighed(NamedTuple):
    """An answer to be weighed: its row of tokens, where it begins, and which images it shows."""

    tokens: list[int]
    begin: int
    images: Sequence[Image.Image]


def candidate_logprobs(
    checkpoint: Checkpoint,
    conversations: Sequence[Conversation],
    images: Sequence[Sequence[Image.Image]],
    candidates: Sequence[Sequence[str]],
    *,
    batch_size: int = 32,
) -> list[list[Likelihood]]:
    """Tell for each question how likely each of its candidates is as the whole answer."""
    prompts = asked(checkpoint.encoder, conversations, images)
    rows: list[Weighed] = []
    for turns, shown, prompt, texts in zip(conversations, images, prompts, candidates, strict=True):
        rows += answered(checkpoint.encoder, turns, shown, prompt, texts)
    order = sorted(range(len(rows)), key=lambda place: len(rows[place].tokens))
    found: dict[int, Likelihood] = {}
    for begin in range(0, len(order), batch_size):
        places = order[begin : begin + batch_size]
        weighed = weigh(checkpoint, [rows[place] for place in places])
        found.update(zip(places, weighed, strict=True))
    flat = iter(found[place] for place in range(len(rows)))
    return [[next(flat) for _ in texts] for texts in candidates]


def answered(
    encoder: Encoder,
    turns: Conversation,
    images: Sequence[Image.Image],
    prompt: list[int],
    candidates: Sequence[str],
) -> list[Weighed]:
    """Put each candidate behind the prompt, whose tokens must stay what they are."""
    if not candidates:
        return []
    whole = encoder.conversations([(*turns, Turn("assistant", text)) for text in candidates])
    rows = [encoder.expand(encoded.tokens) for encoded in whole]
    if any(row[: len(prompt)] != prompt for row in rows):
        raise EvaluationError(
            f"the prompt {turns[-1].text!r} has other tokens with an answer behind it than without."
        )
    return [Weighed(row, len(prompt), images) for row in rows]


@torch.inference_mode()
def weigh(checkpoint: Checkpoint, rows: list[Weighed]) -> list[Likelihood]:
    """Sum the log-probabilities of the answers in one batch of rows, padded on the right."""
    device, padding = checkpoint.device, checkpoint.encoder.padding
    longest = max(len(row.tokens) for row in rows)
    padded = [row.tokens + [padding] * (longest - len(row.tokens)) for row in rows]
    tokens_bl = torch.tensor(padded, device=device)
    begins = torch.tensor([row.begin for row in rows], device=device)
    ends = torch.tensor([len(row.tokens) for row in rows], device=device)
    places = torch.arange(longest, device=device)
    learnt_bl = (places >= begins[:, None]) & (places < ends[:, None])
    features = looked_at(checkpoint, [image for row in rows for image in row.images])
    hidden_bld = forward.read(checkpoint.model, tokens_bl, features)
    logits_av = forward.predict(checkpoint.model, hidden_bld, learnt_bl)
    losses_a = forward.losses(logits_av, tokens_bl[learnt_bl])
    rows_a = learnt_bl.nonzero()[:, 0]
    sums = torch.zeros(len(rows), device=device).index_add(0, rows_a, -losses_a).tolist()
    counts = (ends - begins).tolist()
    return [Likelihood(total, total / n, n) for total, n in zip(sums, counts, strict=True)]


def looked_at(checkpoint: Checkpoint, images: list[Image.Image]) -> Tensor | None:
    """Give the tower's features of images, looking once at one that is shown to several rows."""
    distinct = list({id(image): image for image in images}.values())
    if not distinct:
        return None
    known = {id(image): place for place, image in enumerate(distinct)}
    places = [known[id(image)] for image in images]
    given = pictures(checkpoint, distinct)
    return forward.see(checkpoint.model, given["pixel_values"])[places]
