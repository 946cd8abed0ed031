"""The forward pass in its steps, for any model family.

Images are encoded by `VisionLanguageModel.encode_images`. Shape suffixes: b rows, l tokens,
n images, p features of an image, d width of the vision tower or of the language model, t tokens
that the loss mask selects, v vocabulary.
"""

import torch
from torch import Tensor

from visionflan.model.base import VisionLanguageModel


def embed_inputs(
    vlm: VisionLanguageModel, token_ids_bl: Tensor, features_npd: Tensor | None
) -> Tensor:
    """Return the embeddings of tokens, with the projected features in place of image tokens."""
    embeddings_bld: Tensor = vlm.model.get_input_embeddings()(token_ids_bl)
    if features_npd is not None:
        dtype = embeddings_bld.dtype
        projected_npd = vlm.project(features_npd.to(dtype)).to(dtype)
        is_image_bl1 = (token_ids_bl == vlm.image_token_id).unsqueeze(-1)
        embeddings_bld = embeddings_bld.masked_scatter(is_image_bl1, projected_npd)
    return embeddings_bld


def hidden_states(
    vlm: VisionLanguageModel, token_ids_bl: Tensor, features_npd: Tensor | None
) -> Tensor:
    """Return the last hidden states of rows that are padded on the right.

    No attention mask is needed: causal attention does not reach the padding.
    """
    return vlm.decode(embed_inputs(vlm, token_ids_bl, features_npd))


def packed_hidden_states(
    vlm: VisionLanguageModel,
    token_ids_bl: Tensor,
    features_npd: Tensor | None,
    position_ids_bl: Tensor,
    attends_bll: Tensor,
) -> Tensor:
    """Return the last hidden states of packed rows.

    `attends_bll` is True where a token (second axis) attends to another (last axis).
    """
    embeddings_bld = embed_inputs(vlm, token_ids_bl, features_npd)
    dtype = embeddings_bld.dtype
    mask_bll = torch.zeros_like(attends_bll, dtype=dtype)
    mask_bll = mask_bll.masked_fill(~attends_bll, torch.finfo(dtype).min)
    return vlm.decode(
        embeddings_bld, attention_mask=mask_bll[:, None], position_ids_bl=position_ids_bl
    )


def answer_logits(vlm: VisionLanguageModel, hidden_bld: Tensor, loss_mask_bl: Tensor) -> Tensor:
    """Return the logits for the tokens of the loss mask, each from the position before it."""
    return vlm.logits(hidden_bld[:, :-1][loss_mask_bl[:, 1:]])


def token_losses(logits_tv: Tensor, targets_t: Tensor) -> Tensor:
    """Return the cross-entropy of each target token, in float32."""
    return torch.nn.functional.cross_entropy(logits_tv.float(), targets_t, reduction="none")
