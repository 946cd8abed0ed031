"""LLaVA-NeXT (LLaVA-1.6, Liu et al. 2024): an image is also cut into up to five tiles."""

from typing import Any

from visionflan.errors import TrainingError
from visionflan.model.anyres import TileGrid
from visionflan.model.base import PartNames
from visionflan.model.image_prompt import ImageWriter, feature_writer
from visionflan.model.library_model import LibraryModel
from visionflan.model.processor import CheckpointProcessor

# Whether a vision tower has a class token beside its patches, which `default` leaves out.
HAS_CLASS_TOKEN = {"clip_vision_model": True, "siglip_vision_model": False}


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
        check_selected_features(config)
        vision = config.vision_config
        grid = TileGrid(
            config.image_grid_pinpoints, vision.image_size, vision.image_size // vision.patch_size
        )
        return feature_writer(processor, lambda sizes: [grid.num_features(size) for size in sizes])


FAMILY = LlavaNext


def check_selected_features(config: Any) -> None:
    """Raise TrainingError if the features that a configuration selects are not the patches.

    The library could not lay them out as a tile.
    """
    tower, strategy = config.vision_config.model_type, config.vision_feature_select_strategy
    has_class_token = HAS_CLASS_TOKEN.get(tower)
    expected = "default" if has_class_token else "full"
    if has_class_token is not None and strategy != expected:
        raise TrainingError(
            f"config.json of the {config.model_type} checkpoint has vision_feature_select_strategy "
            f"{strategy!r}, and a tile has the patches of its {tower} alone: set {expected!r}"
        )
