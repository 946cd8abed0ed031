"""What follows the last hidden states, for any model family.

Shape suffixes: b rows, l tokens, d width of the language model, a target tokens, v vocabulary.
"""

import torch
from torch import Tensor

from visionflan.model.base import VisionLanguageModel


def target_logits(vlm: VisionLanguageModel, hidden_bld: Tensor, positions_a: Tensor) -> Tensor:
    """Return the logits for target tokens, each from the position before it.

    `positions_a` has their positions in the flattened tokens. As indices they cost nothing; to find
    them by a mask, a GPU would have to wait.
    """
    return vlm.logits(hidden_bld.flatten(0, 1).index_select(0, positions_a - 1))


def token_losses(logits_av: Tensor, targets_a: Tensor) -> Tensor:
    """Return the cross-entropy of each target token, in float32."""
    return torch.nn.functional.cross_entropy(logits_av.float(), targets_a, reduction="none")
