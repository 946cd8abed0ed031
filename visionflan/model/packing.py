"""Score the candidate answers to a question in one row, after its prompt, hidden from each other.

So the prompt with its images is processed once. Shape suffixes: b rows, l tokens, c candidate
tokens, p image tokens, v vocabulary.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from visionflan.model.candidates import CandidateRow, CandidateScores
from visionflan.model.feature_model import FeatureModel
from visionflan.model.generate import Checkpoint

# Segments of a packed row; the candidates are numbered from 1.
PROMPT_SEGMENT = 0
PADDING_SEGMENT = -1


class PackedToken(NamedTuple):
    """A token of a packed row."""

    token_id: int
    position: int  # position id: every candidate continues where the prompt ends
    segment: int  # PROMPT_SEGMENT, PADDING_SEGMENT, or the number of the candidate from 1
    predictor: int  # index in the row of the token whose output predicts this one


def score_packed(
    checkpoint: Checkpoint, vlm: FeatureModel, rows: Sequence[CandidateRow]
) -> CandidateScores:
    """Return the logits for all tokens of the candidates of some rows."""
    device = checkpoint.device
    packed = torch.tensor(pack_rows(rows, checkpoint.chat_tokenizer.pad_token_id), device=device)
    token_ids_bl, position_ids_bl, segment_ids_bl, predictor_index_bl = packed.unbind(-1)
    features_npd = unique_image_features(checkpoint, vlm, [i for row in rows for i in row.images])
    is_image_bl = token_ids_bl == checkpoint.chat_tokenizer.image_token_id
    image_positions_p = is_image_bl.flatten().nonzero().flatten()
    hidden_bld = vlm.packed_hidden_states(
        vlm.embed(token_ids_bl, image_positions_p, features_npd),
        position_ids_bl,
        packed_attention_mask(segment_ids_bl),
    )
    row_c, column_c = (segment_ids_bl > PROMPT_SEGMENT).nonzero(as_tuple=True)
    logits_cv = vlm.logits(hidden_bld[row_c, predictor_index_bl[row_c, column_c]])
    # Candidates are numbered through the batch, from the first of each row.
    row_starts = list(accumulate((len(row.candidates) for row in rows), initial=0))
    candidate_c = torch.tensor(row_starts, device=device)[row_c]
    candidate_c = candidate_c + segment_ids_bl[row_c, column_c] - 1
    return CandidateScores(logits_cv, token_ids_bl[row_c, column_c], candidate_c)


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


def unique_image_features(
    checkpoint: Checkpoint, vlm: FeatureModel, images: list[Image.Image]
) -> Tensor | None:
    """Return the features of images; one that several rows share is encoded once.

    None if there are no images.
    """
    unique = list({id(image): image for image in images}.values())
    if not unique:
        return None
    index_of = {id(image): index for index, image in enumerate(unique)}
    indices = [index_of[id(image)] for image in images]
    inputs = checkpoint.image_inputs([unique])
    return vlm.encode_images(inputs["pixel_values"])[indices]
