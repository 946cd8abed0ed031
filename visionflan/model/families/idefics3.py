"""Idefics3 (Laurençon et al. 2024, arXiv:2408.12637): an image is also cut into a grid of tiles."""

from visionflan.model.base import PartNames
from visionflan.model.image_prompt import ImageSize, ImageWriter
from visionflan.model.library_model import LibraryModel
from visionflan.model.processor import CheckpointProcessor

AROUND_IMAGE = "<fake_token_around_image>"
WHOLE_IMAGE = "<global-img>"


class Idefics3(LibraryModel):
    """A model with the classes of Idefics3 in `transformers`."""

    model_types = ("idefics3",)
    model_class = "Idefics3ForConditionalGeneration"
    image_processor = "idefics3.image_processing_pil_idefics3:Idefics3ImageProcessorPil"
    images_by_row = True
    image_inputs = ("pixel_values", "pixel_attention_mask")
    part_names = PartNames(
        vision_tower=("model.vision_model",),
        connector=("model.connector",),
        language_model=("model.text_model", "lm_head"),
    )

    @classmethod
    def image_writer(cls, processor: CheckpointProcessor) -> ImageWriter:
        """Return how images are written: tile by tile with its row and column, then as a whole."""
        config, image_processor = processor.config, processor.image_processor
        token = processor.tokenizer.convert_ids_to_tokens(config.image_token_id)
        side = config.vision_config.image_size // config.vision_config.patch_size
        tokens = token * (side**2 // config.scale_factor**2)
        complete = f"{AROUND_IMAGE}{WHOLE_IMAGE}{tokens}{AROUND_IMAGE}"

        def write(size: ImageSize) -> str:
            _, rows, columns = image_processor.get_number_of_image_patches(*size)
            lines = [
                "".join(
                    f"{AROUND_IMAGE}<row_{row + 1}_col_{column + 1}>{tokens}"
                    for column in range(columns)
                )
                for row in range(rows)
            ]
            return "\n".join([*lines, f"\n{complete}"]) if lines else complete

        return ImageWriter(
            token, token, config.image_token_id, lambda sizes: [write(size) for size in sizes]
        )


FAMILY = Idefics3
