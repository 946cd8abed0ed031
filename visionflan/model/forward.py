"""The forward pass in its steps: see, connect, read on, and predict where it is asked.

Suffixes tell shapes: b rows, l tokens, n images, p features of an image, d width of the tower or
the language model, a tokens to be learnt, v vocabulary.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from transformers import LlavaForConditionalGeneration


def encode_images(model: "LlavaForConditionalGeneration", pixels_nchw: Tensor) -> Tensor:
    """Give the tower's features of images: of one layer, and of the patches that are chosen."""
    seen = model.model.vision_tower(pixel_values=pixels_nchw, output_hidden_states=True)
    features_npd: Tensor = seen.hidden_states[model.config.vision_feature_layer]
    if model.config.vision_feature_select_strategy == "default":
        return features_npd[:, 1:]
    return features_npd


def embed_inputs(
    model: "LlavaForConditionalGeneration", tokens_bl: Tensor, features_npd: Tensor | None
) -> Tensor:
    """Give the embeddings of tokens, those of images connected from their features."""
    embedded_bld: Tensor = model.get_input_embeddings()(tokens_bl)
    if features_npd is not None:
        connector, kind = model.model.multi_modal_projector, embedded_bld.dtype
        connected_npd = connector(features_npd.to(kind)).to(kind)
        places_bl1 = (tokens_bl == model.config.image_token_id).unsqueeze(-1)
        embedded_bld = embedded_bld.masked_scatter(places_bl1, connected_npd)
    return embedded_bld


def hidden_states(
    model: "LlavaForConditionalGeneration", tokens_bl: Tensor, features_npd: Tensor | None
) -> Tensor:
    """Give the last hidden states of rows that are padded on the right.

    No mask is needed: no token looks to its right. The library's cache is refused because it
    breaks attention without a word where rows are packed.
    """
    hidden_bld: Tensor = model.model.language_model(
        inputs_embeds=embed_inputs(model, tokens_bl, features_npd), use_cache=False
    ).last_hidden_state
    return hidden_bld


def packed_hidden_states(
    model: "LlavaForConditionalGeneration",
    tokens_bl: Tensor,
    features_npd: Tensor | None,
    positions_bl: Tensor,
    seen_bll: Tensor,
) -> Tensor:
    """Give the last hidden states of rows whose tokens look only at those told by `seen`."""
    embedded_bld = embed_inputs(model, tokens_bl, features_npd)
    least = torch.finfo(embedded_bld.dtype).min
    mask_bll = torch.zeros_like(seen_bll, dtype=embedded_bld.dtype).masked_fill(~seen_bll, least)
    hidden_bld: Tensor = model.model.language_model(
        inputs_embeds=embedded_bld,
        attention_mask=mask_bll[:, None],
        position_ids=positions_bl,
        use_cache=False,
    ).last_hidden_state
    return hidden_bld


def answer_logits(
    model: "LlavaForConditionalGeneration", hidden_bld: Tensor, learned_bl: Tensor
) -> Tensor:
    """Give the logits of the tokens to be learnt only, each from the position before it."""
    logits_av: Tensor = model.lm_head(hidden_bld[:, :-1][learned_bl[:, 1:]])
    return logits_av


def token_losses(logits_av: Tensor, targets_a: Tensor) -> Tensor:
    """Give the cross-entropy of each token to be learnt, in single precision."""
    return torch.nn.functional.cross_entropy(logits_av.float(), targets_a, reduction="none")
