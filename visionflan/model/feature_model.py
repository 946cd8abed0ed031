"""Models whose vision tower and connector run apart from the language model.

Each image has the same number of features, so those of a frozen tower can be kept for later steps,
and all candidate answers to a question are scored in one pass (see `logprobs`).

Shape suffixes: b rows, l tokens, n images, c channels, h height, w width, p features of an image
or image tokens, d width of the vision tower or of the language model.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from visionflan.dataset import IMAGE_MARKER
from visionflan.model.base import ModelPart, VisionLanguageModel
from visionflan.model.image_processing import preprocess
from visionflan.model.image_prompt import ImageWriter, fixed_writer
from visionflan.model.pretrained import fork_rng, image_token_id

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor, nn


class FeatureModel(VisionLanguageModel):
    """A model whose images are encoded to a fixed number of features."""

    @classmethod
    @abstractmethod
    def tokens_per_image(cls, processor: Any) -> int:
        """Return the number of image tokens per image in a prompt."""

    @property
    @abstractmethod
    def image_size(self) -> int:
        """The side of the square images that the vision tower takes, in pixels."""

    @property
    @abstractmethod
    def feature_size(self) -> int:
        """The width of the features that the connector takes."""

    @property
    @abstractmethod
    def feature_settings(self) -> Sequence[object]:
        """The settings that decide which features of the vision tower are used."""

    @abstractmethod
    def encode_images(self, pixel_values_nchw: "Tensor") -> "Tensor":
        """Return the features of images from the vision tower (n x p x d)."""

    @property
    def connector(self) -> "nn.Module":
        """The module that maps features to the width of the language model."""
        return self.part_module("connector")

    @classmethod
    def image_writer(cls, processor: Any) -> ImageWriter:
        """Return how images are written: as one image token for each feature."""
        token_id = image_token_id(processor.tokenizer)
        return fixed_writer(IMAGE_MARKER, token_id, cls.tokens_per_image(processor))

    def prepare_images(self, images: "Sequence[Sequence[Image.Image]]") -> "dict[str, Tensor]":
        """Return the pixel values of the images of all rows."""
        flat = [image for row in images for image in row]
        return {"pixel_values": preprocess(self.processor, flat)} if flat else {}

    def project(self, features_npd: "Tensor") -> "Tensor":
        """Return features mapped by the connector to the width of the language model."""
        projected_npd: Tensor = self.connector(features_npd)
        return projected_npd

    def image_features(self, image_inputs: "dict[str, Tensor]") -> "Tensor | None":
        """Return the features of images: those that were kept, or else of their pixel values."""
        if "image_features" in image_inputs or "pixel_values" not in image_inputs:
            return image_inputs.get("image_features")
        return self.encode_images(image_inputs["pixel_values"])

    def embed(
        self, token_ids_bl: "Tensor", image_positions_p: "Tensor", features_npd: "Tensor | None"
    ) -> "Tensor":
        """Return the embeddings of tokens, with the projected features in place of image tokens.

        Positions are given as indices: to find them in the tokens, a GPU would have to wait.
        """
        embeddings_bld: Tensor = self.model.get_input_embeddings()(token_ids_bl)
        if features_npd is None:
            return embeddings_bld
        dtype = embeddings_bld.dtype
        projected_npd = self.project(features_npd.to(dtype)).to(dtype)
        flat = embeddings_bld.flatten(0, 1)
        flat = flat.index_copy(0, image_positions_p, projected_npd.flatten(0, 1))
        return flat.view_as(embeddings_bld)

    def hidden_states(
        self, token_ids_bl: "Tensor", image_positions_p: "Tensor", image_inputs: "dict[str, Tensor]"
    ) -> "Tensor":
        """Return the last hidden states of rows that are padded on the right.

        No attention mask is needed: causal attention does not reach the padding.
        """
        features_npd = self.image_features(image_inputs)
        return self.decode(self.embed(token_ids_bl, image_positions_p, features_npd))

    def decode(
        self,
        embeddings_bld: "Tensor",
        *,
        attention_mask: "Tensor | None" = None,
        position_ids_bl: "Tensor | None" = None,
    ) -> "Tensor":
        """Return the last hidden states of the language model.

        The library's key-value cache is off: it breaks attention silently where rows are packed.
        """
        hidden_bld: Tensor = self.language_model(
            inputs_embeds=embeddings_bld,
            attention_mask=attention_mask,
            position_ids=position_ids_bl,
            use_cache=False,
        ).last_hidden_state
        return hidden_bld

    def packed_hidden_states(
        self,
        embeddings_bld: "Tensor",
        position_ids_bl: "Tensor",
        attends_bll: "Tensor",
    ) -> "Tensor":
        """Return the last hidden states of packed rows.

        `attends_bll` is True where a token (second axis) attends to another (last axis).
        """
        dtype = embeddings_bld.dtype
        mask_bll = torch.zeros_like(attends_bll, dtype=dtype)
        mask_bll = mask_bll.masked_fill(~attends_bll, torch.finfo(dtype).min)
        return self.decode(
            embeddings_bld, attention_mask=mask_bll[:, None], position_ids_bl=position_ids_bl
        )

    def connect_blank_image(self) -> "Tensor":
        """Return the sum of the connector's outputs for a blank image."""
        weight: Any = self.model.get_input_embeddings().get_parameter("weight")
        features_npd = weight.new_zeros(1, 1, self.feature_size)
        if any(weight.requires_grad for weight in self.vision_tower.parameters()):
            features_npd = self.encode_images(
                weight.new_zeros(1, 3, self.image_size, self.image_size)
            )
        return self.project(features_npd).sum()

    def part_modules(self, part: ModelPart) -> "list[nn.Module]":
        """Return the modules of a part; the output head belongs to the language model."""
        modules = [self.part_module(part)]
        if part == "language_model":
            modules.append(self.model.get_output_embeddings())
        return modules

    def initialize_connector(self, seed: int) -> None:
        """Draw the weights of the connector as `build` does: as PyTorch initializes its layers.

        Those are larger than the weights that `transformers` would draw, and the same as in LLaVA.
        """
        with fork_rng(seed):
            for module in self.connector.modules():
                layer: Any = module
                if hasattr(layer, "reset_parameters"):
                    layer.reset_parameters()
