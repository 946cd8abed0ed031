"""Qwen2-VL (Wang et al. 2024, arXiv:2409.12191): images at their own size, in a grid of patches."""

from typing import TYPE_CHECKING

from visionflan.model.base import PartNames
from visionflan.model.image_prompt import ImageSize, ImageWriter, feature_writer
from visionflan.model.library_model import LibraryModel
from visionflan.model.processor import CheckpointProcessor

if TYPE_CHECKING:
    from torch import Tensor


class Qwen2VL(LibraryModel):
    """A model with the classes of Qwen2-VL in `transformers`."""

    model_types = ("qwen2_vl",)
    model_class = "Qwen2VLForConditionalGeneration"
    image_processor = "qwen2_vl.image_processing_pil_qwen2_vl:Qwen2VLImageProcessorPil"
    image_inputs = ("pixel_values", "image_grid_thw")
    part_names = PartNames(vision_tower=("model.visual",), connector=("model.visual.merger",))

    @classmethod
    def image_writer(cls, processor: CheckpointProcessor) -> ImageWriter:
        """Return how images are written: as one image token for each group of merged patches."""
        image_processor = processor.image_processor

        def num_features(size: ImageSize) -> int:
            patches: int = image_processor.get_number_of_image_patches(*size)
            merged: int = patches // image_processor.merge_size**2
            return merged

        return feature_writer(processor, lambda sizes: [num_features(size) for size in sizes])

    def generation_inputs(self, token_ids_bl: "Tensor") -> "dict[str, Tensor]":
        """Return the kind of each token, from which the positions in the grid follow."""
        return {"mm_token_type_ids": (token_ids_bl == self.model.config.image_token_id).int()}


FAMILY = Qwen2VL
