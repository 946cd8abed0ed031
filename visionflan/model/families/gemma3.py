"""Gemma 3 (Gemma Team 2025, arXiv:2503.19786): SigLIP, 256 features an image, seen both ways."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from visionflan.model.image_prompt import ImageWriter
from visionflan.model.library_model import LibraryModel
from visionflan.model.processor import CheckpointProcessor

if TYPE_CHECKING:
    from torch import Tensor


class Gemma3(LibraryModel):
    """A model with the classes of Gemma 3 in `transformers`; images are not cut into crops."""

    model_types = ("gemma3",)
    model_class = "Gemma3ForConditionalGeneration"
    image_processor = "gemma3.image_processing_pil_gemma3:Gemma3ImageProcessorPil"
    # As `Gemma3Processor` sets it where the checkpoint does not.
    image_options: ClassVar[Mapping[str, bool]] = {"do_convert_rgb": True, "do_pan_and_scan": False}

    @classmethod
    def image_writer(cls, processor: CheckpointProcessor) -> ImageWriter:
        """Return how images are written: as a paragraph of image tokens between two others."""
        config, tokenizer = processor.config, processor.tokenizer
        ids = (config.boi_token_index, config.image_token_id, config.eoi_token_index)
        begin, token, end = tokenizer.convert_ids_to_tokens(list(ids))
        text = f"\n\n{begin}{token * config.mm_tokens_per_image}{end}\n\n"
        return ImageWriter(
            begin, token, ids[1], lambda sizes: [text for _ in sizes], uses_sizes=False
        )

    def generation_inputs(self, token_ids_bl: "Tensor") -> "dict[str, Tensor]":
        """Return the kind of each token: those of an image attend to all of it."""
        return {"token_type_ids": (token_ids_bl == self.model.config.image_token_id).long()}


FAMILY = Gemma3
