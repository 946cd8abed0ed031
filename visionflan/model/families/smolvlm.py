"""SmolVLM (Marafioti et al. 2025, arXiv:2504.05299)."""

from typing import TYPE_CHECKING, Any

from visionflan.model.families.idefics3 import Idefics3

if TYPE_CHECKING:
    from torch import Tensor


class SmolVLM(Idefics3):
    """A model with the classes of SmolVLM in `transformers`; it writes images as Idefics3 does."""

    model_types = ("smolvlm",)
    model_class = "SmolVLMForConditionalGeneration"
    image_processor = "smolvlm.image_processing_pil_smolvlm:SmolVLMImageProcessorPil"

    def hidden_states(
        self, token_ids_bl: "Tensor", image_positions_p: "Tensor", image_inputs: "dict[str, Tensor]"
    ) -> "Tensor":
        """Return the last hidden states of rows that are padded on the right.

        The library's forward pass casts image features to the dtype of the first weight, that of a
        frozen tower, and fails where the embeddings have another one. So they are joined here.
        """
        import torch

        inner: Any = self.model.model
        embeddings_bld = inner.get_input_embeddings()(token_ids_bl)
        if image_inputs:
            features = torch.cat([*inner.get_image_features(**image_inputs).pooler_output])
            is_image_bl1 = (token_ids_bl == self.model.config.image_token_id).unsqueeze(-1)
            embeddings_bld = embeddings_bld.masked_scatter(
                is_image_bl1, features.to(embeddings_bld.dtype)
            )
        hidden_bld: Tensor = inner(inputs_embeds=embeddings_bld, use_cache=False).last_hidden_state
        return hidden_bld


FAMILY = SmolVLM
