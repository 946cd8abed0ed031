"""Compute the log-probability that a checkpoint assigns to given answers.

Models whose images are encoded apart score all candidates of a question in one row (`packing`),
others each in a row of its own. Shape suffixes: b rows, l tokens, c candidate tokens, d width of
the language model, v vocabulary.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from PIL import Image

from visionflan.errors import EvaluationError
from visionflan.model import forward
from visionflan.model.candidates import CandidateRow, CandidateScores
from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.model.feature_model import FeatureModel
from visionflan.model.generate import Checkpoint, Conversation, image_sizes, tokenize_prompts
from visionflan.model.packing import score_packed
from visionflan.storage.instance import Turn


class Likelihood(NamedTuple):
    """The log-probability of an answer, its end token included."""

    sum_logprob: float
    mean_logprob: float  # per token
    num_tokens: int
    is_greedy: bool  # every token has the highest probability, so greedy decoding writes it


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
    for turns, question_images, prompt, texts in questions:
        answers = candidate_tokens(
            checkpoint.chat_tokenizer, turns, question_images, prompt.token_ids, texts
        )
        for begin in range(0, len(answers), batch_size):
            batch = answers[begin : begin + batch_size]
            rows.append(CandidateRow(prompt.token_ids, batch, question_images))
    likelihoods: dict[int, list[Likelihood]] = {}
    for indices in batch_rows(rows, batch_size):
        scores = score_rows(checkpoint, [rows[index] for index in indices])
        likelihoods.update(zip(indices, scores, strict=True))
    in_order = iter([score for index in range(len(rows)) for score in likelihoods[index]])
    return [[next(in_order) for _ in texts] for texts in candidates]


def candidate_tokens(
    chat_tokenizer: ChatTokenizer,
    turns: Conversation,
    images: Sequence[Image.Image],
    prompt_ids: list[int],
    candidates: Sequence[str],
) -> list[list[int]]:
    """Return the token ids of each candidate after the prompt.

    Raises EvaluationError if a candidate changes the tokens of the prompt.
    """
    if not candidates:
        return []
    conversations = chat_tokenizer.encode_conversations(
        [(*turns, Turn("assistant", text)) for text in candidates],
        image_sizes(chat_tokenizer, [images] * len(candidates)),
    )
    rows = [chat_tokenizer.expand_images(conversation) for conversation in conversations]
    if any(row.token_ids[: len(prompt_ids)] != prompt_ids for row in rows):
        raise EvaluationError(
            f"the prompt {turns[-1].text!r} has other tokens with an answer than without one"
        )
    # What the template writes after the token that ends the answer is none of it.
    return [
        [token for token, is_target in answer if is_target]
        for row in rows
        for answer in (list(zip(*row[:2], strict=True))[len(prompt_ids) :],)
    ]


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
    vlm = checkpoint.vlm
    scores = (
        score_packed(checkpoint, vlm, rows)
        if isinstance(vlm, FeatureModel)
        else score_separately(checkpoint, rows)
    )
    lengths = [len(candidate) for row in rows for candidate in row.candidates]
    zeros = torch.zeros(len(lengths), device=checkpoint.device)
    token_logprobs = -forward.token_losses(scores.logits_cv, scores.targets_c)
    sum_logprobs = zeros.index_add(0, scores.candidate_c, token_logprobs).tolist()
    not_greedy_c = (scores.logits_cv.argmax(-1) != scores.targets_c).float()
    num_not_greedy = zeros.index_add(0, scores.candidate_c, not_greedy_c).tolist()
    likelihoods = iter(
        Likelihood(total, total / length, length, not misses)
        for total, length, misses in zip(sum_logprobs, lengths, num_not_greedy, strict=True)
    )
    return [[next(likelihoods) for _ in row.candidates] for row in rows]


def score_separately(checkpoint: Checkpoint, rows: Sequence[CandidateRow]) -> CandidateScores:
    """Return the logits for the tokens of candidates, each in a row of its own after the prompt."""
    full = [
        (len(row.prompt_ids), row.prompt_ids + candidate, row.images)
        for row in rows
        for candidate in row.candidates
    ]
    length, pad = max(len(ids) for _, ids, _ in full), checkpoint.chat_tokenizer.pad_token_id
    padded = [ids + [pad] * (length - len(ids)) for _, ids, _ in full]
    token_ids_bl = torch.tensor(padded, device=checkpoint.device)
    is_image_bl = token_ids_bl == checkpoint.chat_tokenizer.image_token_id
    hidden_bld = checkpoint.vlm.hidden_states(
        token_ids_bl,
        is_image_bl.flatten().nonzero().flatten(),
        checkpoint.image_inputs([images for _, _, images in full]),
    )
    token_positions = [
        (number, number * length + position)
        for number, (start, ids, _) in enumerate(full)
        for position in range(start, len(ids))
    ]
    candidate_c, positions_c = torch.tensor(token_positions, device=checkpoint.device).unbind(-1)
    logits_cv = forward.target_logits(checkpoint.vlm, hidden_bld, positions_c)
    return CandidateScores(logits_cv, token_ids_bl.flatten()[positions_c], candidate_c)
