"""LLaVA-NeXT (LLaVA-1.6, Liu et al. 2024): an image is also cut into up to five tiles."""

from visionflan.model.anyres import TileGrid
from visionflan.model.base import PartNames
from visionflan.model.image_prompt import ImageWriter, feature_writer
from visionflan.model.library_model import LibraryModel
from visionflan.model.processor import CheckpointProcessor


class LlavaNext(LibraryModel):
    """A model with the classes of LLaVA-NeXT in `transformers`."""

    model_types = ("llava_next",)
    model_class = "LlavaNextForConditionalGeneration"
    image_processor = "llava_next.image_processing_pil_llava_next:LlavaNextImageProcessorPil"
    image_inputs = ("pixel_values", "image_sizes")
    part_names = PartNames(connector=("model.multi_modal_projector", "model.image_newline"))

    @classmethod
    def image_writer(cls, processor: CheckpointProcessor) -> ImageWriter:
        """Return how images are written: as one image token for each feature of all tiles."""
        config = processor.config
        vision = config.vision_config
        grid = TileGrid(
            config.image_grid_pinpoints, vision.image_size, vision.image_size // vision.patch_size
        )
        return feature_writer(processor, lambda sizes: [grid.num_features(size) for size in sizes])


FAMILY = LlavaNext
