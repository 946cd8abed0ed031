"""How likely a checkpoint holds given answers to be.

The candidates of a question stand one after the other behind its prompt in one row, each hidden
from the others, so that the prompt with its pictures is read once for all of them. Suffixes tell
shapes: b rows, l tokens, a tokens of candidates, d width of the language model, v vocabulary.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from visionflan.errors import EvaluationError
from visionflan.model import forward
from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.model.generate import Checkpoint, Conversation, pixel_inputs, tokenize_prompts
from visionflan.storage.instance import Turn


class Likelihood(NamedTuple):
    """The log-probability of a given answer with its end: summed, and per token.

    `greedy` says whether each token is the likeliest one, so that greedy writing gives the answer.
    """

    summed: float
    mean: float
    tokens: int
    greedy: bool


class CandidateRow(NamedTuple):
    """A question with some of its candidates: the tokens of both, and the pictures it shows."""

    prompt: list[int]
    candidates: list[list[int]]
    images: Sequence[Image.Image]


class PackedToken(NamedTuple):
    """A token in its row: the position it is read at, whose it is, and from where it is predicted.

    The owner is 0 for the prompt, the number of the candidate from 1, and -1 for padding.
    """

    token: int
    position: int
    owner: int
    before: int


def candidate_logprobs(
    checkpoint: Checkpoint,
    conversations: Sequence[Conversation],
    images: Sequence[Sequence[Image.Image]],
    candidates: Sequence[Sequence[str]],
    *,
    batch_size: int = 32,
) -> list[list[Likelihood]]:
    """Tell for each question how likely each of its candidates is as the whole answer.

    A batch holds up to `batch_size` candidates, of one question or of several.
    """
    prompts = tokenize_prompts(checkpoint.encoder, conversations, images)
    rows: list[CandidateRow] = []
    for turns, shown, prompt, texts in zip(conversations, images, prompts, candidates, strict=True):
        answers = candidate_tokens(checkpoint.encoder, turns, prompt, texts)
        for begin in range(0, len(answers), batch_size):
            rows.append(CandidateRow(prompt, answers[begin : begin + batch_size], shown))
    found: dict[int, list[Likelihood]] = {}
    for places in batch_rows(rows, batch_size):
        weighed = score_rows(checkpoint, [rows[place] for place in places])
        found.update(zip(places, weighed, strict=True))
    flat = iter([each for place in range(len(rows)) for each in found[place]])
    return [[next(flat) for _ in texts] for texts in candidates]


def candidate_tokens(
    encoder: ChatTokenizer, turns: Conversation, prompt: list[int], candidates: Sequence[str]
) -> list[list[int]]:
    """Give the tokens of each candidate behind the prompt, whose own must stay what they are."""
    if not candidates:
        return []
    whole = encoder.conversations([(*turns, Turn("assistant", text)) for text in candidates])
    rows = [encoder.expand(encoded.tokens) for encoded in whole]
    if any(row[: len(prompt)] != prompt for row in rows):
        raise EvaluationError(
            f"the prompt {turns[-1].text!r} has other tokens with an answer behind it than without."
        )
    return [row[len(prompt) :] for row in rows]


def batch_rows(rows: Sequence[CandidateRow], most: int) -> Iterator[list[int]]:
    """Put rows of like length together while they hold no more than so many candidates."""
    places: list[int] = []
    held = 0
    for place in sorted(range(len(rows)), key=lambda place: len(rows[place].prompt)):
        if places and held + len(rows[place].candidates) > most:
            yield places
            places, held = [], 0
        places.append(place)
        held += len(rows[place].candidates)
    if places:
        yield places


@torch.inference_mode()
def score_rows(checkpoint: Checkpoint, rows: list[CandidateRow]) -> list[list[Likelihood]]:
    """Sum the log-probabilities of the candidates in one batch of rows."""
    device, model = checkpoint.device, checkpoint.model
    placed = torch.tensor(pack_rows(rows, checkpoint.encoder.padding), device=device)
    tokens_bl, positions_bl, owners_bl, before_bl = placed.unbind(-1)
    features = unique_image_features(checkpoint, [image for row in rows for image in row.images])
    hidden_bld = forward.packed_hidden_states(
        model, tokens_bl, features, positions_bl, packed_attention_mask(owners_bl)
    )
    rows_a, places_a = (owners_bl > 0).nonzero(as_tuple=True)
    logits_av = model.lm_head(hidden_bld[rows_a, before_bl[rows_a, places_a]])
    tokens_a = tokens_bl[rows_a, places_a]
    firsts = list(accumulate((len(row.candidates) for row in rows), initial=0))
    which_a = torch.tensor(firsts, device=device)[rows_a] + owners_bl[rows_a, places_a] - 1
    nothing = torch.zeros(firsts[-1], device=device)
    sums = nothing.index_add(0, which_a, -forward.token_losses(logits_av, tokens_a)).tolist()
    unlike_a = (logits_av.argmax(-1) != tokens_a).float()
    misses = nothing.index_add(0, which_a, unlike_a).tolist()
    counts = [len(candidate) for row in rows for candidate in row.candidates]
    each = zip(sums, counts, misses, strict=True)
    told = [Likelihood(total, total / n, n, not missed) for total, n, missed in each]
    return [told[first:end] for first, end in pairwise(firsts)]


def pack_rows(rows: Sequence[CandidateRow], padding: int) -> list[list[PackedToken]]:
    """Place the tokens of each row, padded on the right."""
    laid = [pack_row(row) for row in rows]
    longest = max(map(len, laid))
    gap = PackedToken(padding, 0, -1, 0)
    return [placed + [gap] * (longest - len(placed)) for placed in laid]


def pack_row(row: CandidateRow) -> list[PackedToken]:
    """Place a prompt and its candidates, each of them read as if it alone stood behind it."""
    begin = len(row.prompt)
    placed = [PackedToken(token, place, 0, 0) for place, token in enumerate(row.prompt)]
    for owner, candidate in enumerate(row.candidates, start=1):
        before = begin - 1
        for place, token in enumerate(candidate, start=begin):
            placed.append(PackedToken(token, place, owner, before))
            before = len(placed) - 1
    return placed


def packed_attention_mask(owners_bl: Tensor) -> Tensor:
    """Tell what each token may look at: to its left the prompt's tokens and its owner's."""
    own_bll = owners_bl[:, :, None] == owners_bl[:, None, :]
    prompts_b1l = (owners_bl == 0)[:, None, :]
    return torch.tril(own_bll | prompts_b1l)


def unique_image_features(checkpoint: Checkpoint, images: list[Image.Image]) -> Tensor | None:
    """Give the tower's features of images, looking once at one that is shown to several rows."""
    distinct = list({id(image): image for image in images}.values())
    if not distinct:
        return None
    known = {id(image): place for place, image in enumerate(distinct)}
    places = [known[id(image)] for image in images]
    given = pixel_inputs(checkpoint, distinct)
    return forward.encode_images(checkpoint.model, given["pixel_values"])[places]
