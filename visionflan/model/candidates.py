"""The candidate answers to questions, and the logits for their tokens.

Shape suffixes: c candidate tokens, v vocabulary.
"""

from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image
from torch import Tensor


class CandidateRow(NamedTuple):
    """A question with some of its candidates."""

    prompt_ids: list[int]
    candidates: list[list[int]]  # the token ids of each
    images: Sequence[Image.Image]


class CandidateScores(NamedTuple):
    """The logits for each token of the candidates of some rows."""

    logits_cv: Tensor
    targets_c: Tensor  # the token ids of the candidates
    candidate_c: Tensor  # the candidate that each token belongs to, numbered through all rows
