"""InternVL (Chen et al. 2024, arXiv:2404.16821) in the form of `transformers`."""

from collections.abc import Mapping
from typing import ClassVar

from visionflan.errors import TrainingError
from visionflan.model.image_prompt import ImageSize, ImageWriter
from visionflan.model.library_model import LibraryModel
from visionflan.model.processor import CheckpointProcessor


class InternVL(LibraryModel):
    """A model with the classes of InternVL in `transformers`."""

    model_types = ("internvl",)
    model_class = "InternVLForConditionalGeneration"
    image_processor = "got_ocr2.image_processing_pil_got_ocr2:GotOcr2ImageProcessorPil"
    image_options: ClassVar[Mapping[str, bool]] = {
        "crop_to_patches": True
    }  # as `InternVLProcessor` sets it

    @classmethod
    def image_writer(cls, processor: CheckpointProcessor) -> ImageWriter:
        """Return how images are written: between two tokens, as the tokens of all tiles."""
        tokenizer, image_processor = processor.tokenizer, processor.image_processor
        token_id = processor.config.image_token_id
        token = tokenizer.convert_ids_to_tokens(token_id)
        names = ("start_image_token", "end_image_token")
        if missing := [name for name in names if not hasattr(tokenizer, name)]:
            raise TrainingError(
                f"the tokenizer of the InternVL checkpoint names no {missing[0]}: copy "
                "tokenizer_config.json as it was published with the model"
            )
        begin, end = (getattr(tokenizer, name) for name in names)

        def write(size: ImageSize) -> str:
            tiles = image_processor.get_number_of_image_patches(*size, cls.image_options)
            return f"{begin}{token * processor.config.image_seq_length * tiles}{end}"

        return ImageWriter(token, token, token_id, lambda sizes: [write(size) for size in sizes])


FAMILY = InternVL
