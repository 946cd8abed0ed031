"""LLaVA-OneVision (Li et al. 2024, arXiv:2408.03326): SigLIP, tiles of one image, Qwen2."""

from collections.abc import Sequence

from visionflan.errors import TrainingError
from visionflan.model.anyres import TileGrid
from visionflan.model.base import PartNames
from visionflan.model.families.llava_next import check_selected_features
from visionflan.model.image_prompt import ImageSize, ImageWriter, feature_writer
from visionflan.model.library_model import LibraryModel
from visionflan.model.processor import CheckpointProcessor

ANYRES = "anyres_max_"


class LlavaOnevision(LibraryModel):
    """A model with the classes of LLaVA-OneVision in `transformers`.

    Several images in one conversation are not cut into tiles.
    """

    model_types = ("llava_onevision",)
    model_class = "LlavaOnevisionForConditionalGeneration"
    image_processor = (
        "llava_onevision.image_processing_pil_llava_onevision:LlavaOnevisionImageProcessorPil"
    )
    images_by_row = True
    image_inputs = ("pixel_values", "image_sizes", "batch_num_images")
    part_names = PartNames(connector=("model.multi_modal_projector", "model.image_newline"))

    @classmethod
    def image_writer(cls, processor: CheckpointProcessor) -> ImageWriter:
        """Return how images are written: as one image token for each feature of all tiles."""
        config, vision = processor.config, processor.config.vision_config
        side = vision.image_size // vision.patch_size
        check_selected_features(config)
        max_tiles = maximal_tiles(config.vision_aspect_ratio)
        grid = TileGrid(config.image_grid_pinpoints, vision.image_size, side, max_tiles)

        def num_features(sizes: Sequence[ImageSize]) -> list[int]:
            if len(sizes) == 1:
                return [grid.num_features(sizes[0])]
            return [side**2 + 1] * len(sizes)  # and a feature for a new line

        return feature_writer(processor, num_features)


FAMILY = LlavaOnevision


def maximal_tiles(aspect_ratio: str) -> int:
    """Return the number of tiles after which features are scaled down, by the setting for it."""
    number = aspect_ratio.removeprefix(ANYRES)
    if not number.isdecimal():
        raise TrainingError(
            f"config.json of the LLaVA-OneVision checkpoint has vision_aspect_ratio "
            f"{aspect_ratio!r}, which transformers cannot run: set it to {ANYRES}N with the number "
            f"of tiles of its training, as {ANYRES}9"
        )
    return int(number)
