"""Compute the log-probability that a checkpoint assigns to given answers.

All candidates of a question are packed into one row after its prompt, hidden from each other, so
that the prompt with its images is processed once. Shape suffixes: b rows, l tokens, c candidate
tokens, d width of the language model, v vocabulary.
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

# Segments of a packed row; the candidates are numbered from 1.
PROMPT_SEGMENT = 0
PADDING_SEGMENT = -1


class Likelihood(NamedTuple):
    """The log-probability of an answer, its end token included."""

    sum_logprob: float
    mean_logprob: float  # per token
    num_tokens: int
    is_greedy: bool  # every token has the highest probability, so greedy decoding writes it


class CandidateRow(NamedTuple):
    """A question with some of its candidates."""

    prompt_ids: list[int]
    candidates: list[list[int]]  # the token ids of each
    images: Sequence[Image.Image]


class PackedToken(NamedTuple):
    """A token of a packed row."""

    token_id: int
    position: int  # position id: every candidate continues where the prompt ends
    segment: int  # PROMPT_SEGMENT, PADDING_SEGMENT, or the number of the candidate from 1
    predictor: int  # index in the row of the token whose output predicts this one


def candidate_logprobs(
    checkpoint: Checkpoint,
    conversations: Sequence[Conversation],
    images: Sequence[Sequence[Image.Image]],
    candidates: Sequence[Sequence[str]],
    *,
    batch_size: int = 32,
) -> list[list[Likelihood]]:
    """Return for each question the likelihood of each of its candidates as the complete answer.

    A batch has up to `batch_size` candidates, of one question or of several.
    """
    prompts = tokenize_prompts(checkpoint.chat_tokenizer, conversations, images)
    rows: list[CandidateRow] = []
    questions = zip(conversations, images, prompts, candidates, strict=True)
    for turns, question_images, prompt_ids, texts in questions:
        answers = candidate_tokens(checkpoint.chat_tokenizer, turns, prompt_ids, texts)
        for begin in range(0, len(answers), batch_size):
            batch = answers[begin : begin + batch_size]
            rows.append(CandidateRow(prompt_ids, batch, question_images))
    likelihoods: dict[int, list[Likelihood]] = {}
    for indices in batch_rows(rows, batch_size):
        scores = score_rows(checkpoint, [rows[index] for index in indices])
        likelihoods.update(zip(indices, scores, strict=True))
    in_order = iter([score for index in range(len(rows)) for score in likelihoods[index]])
    return [[next(in_order) for _ in texts] for texts in candidates]


def candidate_tokens(
    chat_tokenizer: ChatTokenizer,
    turns: Conversation,
    prompt_ids: list[int],
    candidates: Sequence[str],
) -> list[list[int]]:
    """Return the token ids of each candidate after the prompt.

    Raises EvaluationError if a candidate changes the tokens of the prompt.
    """
    if not candidates:
        return []
    conversations = chat_tokenizer.encode_conversations(
        [(*turns, Turn("assistant", text)) for text in candidates]
    )
    rows = [chat_tokenizer.expand_image_tokens(chat.token_ids) for chat in conversations]
    if any(row[: len(prompt_ids)] != prompt_ids for row in rows):
        raise EvaluationError(
            f"the prompt {turns[-1].text!r} has other tokens with an answer than without one"
        )
    return [row[len(prompt_ids) :] for row in rows]


def batch_rows(rows: Sequence[CandidateRow], max_candidates: int) -> Iterator[list[int]]:
    """Yield the indices of rows of similar length with at most `max_candidates` together."""
    batch: list[int] = []
    num_candidates = 0
    for index in sorted(range(len(rows)), key=lambda index: len(rows[index].prompt_ids)):
        if batch and num_candidates + len(rows[index].candidates) > max_candidates:
            yield batch
            batch, num_candidates = [], 0
        batch.append(index)
        num_candidates += len(rows[index].candidates)
    if batch:
        yield batch


@torch.inference_mode()
def score_rows(checkpoint: Checkpoint, rows: list[CandidateRow]) -> list[list[Likelihood]]:
    """Return the likelihoods of the candidates of one batch of rows."""
    device, vlm = checkpoint.device, checkpoint.vlm
    packed = torch.tensor(pack_rows(rows, checkpoint.chat_tokenizer.pad_token_id), device=device)
    token_ids_bl, position_ids_bl, segment_ids_bl, predictor_index_bl = packed.unbind(-1)
    features = unique_image_features(checkpoint, [image for row in rows for image in row.images])
    hidden_bld = forward.packed_hidden_states(
        vlm, token_ids_bl, features, position_ids_bl, packed_attention_mask(segment_ids_bl)
    )
    row_c, column_c = (segment_ids_bl > PROMPT_SEGMENT).nonzero(as_tuple=True)
    logits_cv = vlm.logits(hidden_bld[row_c, predictor_index_bl[row_c, column_c]])
    targets_c = token_ids_bl[row_c, column_c]
    # Candidates are numbered through the batch: `firsts` has the first of each row, and the end.
    row_starts = list(accumulate((len(row.candidates) for row in rows), initial=0))
    candidate_index = torch.tensor(row_starts, device=device)[row_c]
    candidate_index = candidate_index + segment_ids_bl[row_c, column_c] - 1
    zeros = torch.zeros(row_starts[-1], device=device)
    token_logprobs = -forward.token_losses(logits_cv, targets_c)
    sum_logprobs = zeros.index_add(0, candidate_index, token_logprobs).tolist()
    not_greedy_c = (logits_cv.argmax(-1) != targets_c).float()
    num_not_greedy = zeros.index_add(0, candidate_index, not_greedy_c).tolist()
    lengths = [len(candidate) for row in rows for candidate in row.candidates]
    likelihoods = [
        Likelihood(total, total / length, length, not misses)
        for total, length, misses in zip(sum_logprobs, lengths, num_not_greedy, strict=True)
    ]
    return [likelihoods[first:end] for first, end in pairwise(row_starts)]


def pack_rows(rows: Sequence[CandidateRow], pad_token_id: int) -> list[list[PackedToken]]:
    """Return the packed tokens of each row, padded on the right to the longest."""
    packed = [pack_row(row) for row in rows]
    max_length = max(map(len, packed))
    padding = PackedToken(pad_token_id, 0, PADDING_SEGMENT, 0)
    return [tokens + [padding] * (max_length - len(tokens)) for tokens in packed]


def pack_row(row: CandidateRow) -> list[PackedToken]:
    """Return the tokens of a prompt and its candidates, each positioned as if it were the only one.

    A prompt of three tokens with the candidates `red </s>` and `dark blue </s>`:

        index      0    1    2     3    4      5    6    7
        token_id   Q    :    A     red  </s>   dark blue </s>
        position   0    1    2     3    4      3    4    5
        segment    0    0    0     1    1      2    2    2
        predictor  0    0    0     2    3      2    5    6

    The predictor of a prompt token is not used. A token attends to the prompt and to its own
    segment, to the left (`packed_attention_mask`).
    """
    prompt_length = len(row.prompt_ids)
    packed = [
        PackedToken(token_id, position, PROMPT_SEGMENT, 0)
        for position, token_id in enumerate(row.prompt_ids)
    ]
    for segment, candidate in enumerate(row.candidates, start=1):
        predictor = prompt_length - 1
        for position, token_id in enumerate(candidate, start=prompt_length):
            packed.append(PackedToken(token_id, position, segment, predictor))
            predictor = len(packed) - 1
    return packed


def packed_attention_mask(segment_ids_bl: Tensor) -> Tensor:
    """Return which tokens (last axis) each token attends to: to its left, prompt and own segment.

    Shape b x l x l, boolean.
    """
    same_segment_bll = segment_ids_bl[:, :, None] == segment_ids_bl[:, None, :]
    is_prompt_b1l = (segment_ids_bl == PROMPT_SEGMENT)[:, None, :]
    return torch.tril(same_segment_bll | is_prompt_b1l)


def unique_image_features(checkpoint: Checkpoint, images: list[Image.Image]) -> Tensor | None:
    """Return the features of images; one that several rows share is encoded once.

    None if there are no images.
    """
    unique = list({id(image): image for image in images}.values())
    if not unique:
        return None
    index_of = {id(image): index for index, image in enumerate(unique)}
    indices = [index_of[id(image)] for image in images]
    inputs = pixel_inputs(checkpoint, unique)
    return checkpoint.vlm.encode_images(inputs["pixel_values"])[indices]
