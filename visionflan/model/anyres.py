"""The number of features of an image that is cut into tiles around its own shape ("anyres").

LLaVA-NeXT and LLaVA-OneVision choose the grid of tiles nearest to an image's size, remove what
pads the image in it, and end each row of features with a feature for a new line (`pack_image_
features` in `modeling_llava_next.py` of transformers). `_get_number_of_features` of the library's
processors counts the same; that of LLaVA-OneVision needs torchvision.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from visionflan.model.image_prompt import ImageSize


class TileGrid(NamedTuple):
    """How images are cut.

    Attributes:
        resolutions: of the grids, as height and width in pixels
        tile_side: side of a tile in pixels
        features_per_side: of a tile
        max_tiles: features that exceed those of so many tiles are scaled down; None: never
    """

    resolutions: Sequence[Sequence[int]]
    tile_side: int
    features_per_side: int
    max_tiles: int | None = None

    def num_features(self, size: ImageSize) -> int:
        """Return the number of features of an image: of all of it, of its tiles, and new lines."""
        from transformers.image_processing_utils import select_best_resolution

        grid = select_best_resolution(tuple(size), list(self.resolutions))
        height, width = (side // self.tile_side * self.features_per_side for side in grid)
        height, width = without_padding(size, height, width)
        if self.max_tiles is not None:
            ratio = math.sqrt(height * width / (self.max_tiles * self.features_per_side**2))
            if ratio > 1.1:
                height, width = int(height // ratio), int(width // ratio)
        return int(self.features_per_side**2 + height * width + height)


def without_padding(size: ImageSize, height: int, width: int) -> tuple[int, int]:
    """Return height and width of the features in a grid that are not of padding."""
    if size.width / size.height > width / height:
        unpadded = int(round(size.height * (width / size.width), 7))
        return height - (height - unpadded) // 2 * 2, width
    unpadded = int(round(size.width * (height / size.height), 7))
    return height, width - (width - unpadded) // 2 * 2
