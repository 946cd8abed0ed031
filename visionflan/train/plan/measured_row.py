"""The row that a step is measured with: a picture of usual size, and texts of usual length."""

from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from visionflan.model.base import VisionLanguageModel
from visionflan.model.feature_model import FeatureModel
from visionflan.model.image_prompt import ImageSize
from visionflan.train.collator import BatchTensors
from visionflan.train.config import StageConfig

# The tokens of the texts of a row, and those of them that have a loss.
TEXT_TOKENS = 160
TARGET_TOKENS = 50
# Of a picture, where the tokens of an image depend on its size: that of most of COCO's.
PICTURE = ImageSize(480, 640)


class Row(NamedTuple):
    """The row that a step is measured with: its tokens, those of them of its image."""

    tokens: int
    image_tokens: int


def measured_row(vlm: VisionLanguageModel, stage: StageConfig) -> Row:
    """Return a row with one image, as long as the stage allows."""
    if isinstance(vlm, FeatureModel):
        image_tokens = int(vlm.model.config.image_seq_length)
    else:
        (written,) = vlm.image_writer(vlm.processor).written([PICTURE])
        image_tokens = sum(written.runs)
    return Row(min(stage.max_seq_len, image_tokens + TEXT_TOKENS), image_tokens)


def measured_batch(vlm: VisionLanguageModel, row: Row, num_rows: int) -> BatchTensors:
    """Return a batch of rows with one image each, whose pixels have no content."""
    token_ids_bl = torch.zeros(num_rows, row.tokens, dtype=torch.long)
    image_inputs: dict[str, Tensor]
    if isinstance(vlm, FeatureModel):
        side = vlm.image_size
        image_inputs = {"pixel_values": torch.zeros(num_rows, 3, side, side)}
    else:
        token_ids_bl[:, : row.image_tokens] = vlm.image_writer(vlm.processor).token_id
        image_inputs = picture_inputs(vlm, num_rows)
    # A target is the token after the hidden state that predicts it, so none has the position 0.
    targets_a, image_positions_p = (
        torch.ones(num_rows * count, dtype=torch.long)
        for count in (TARGET_TOKENS, row.image_tokens)
    )
    return BatchTensors(
        token_ids_bl, targets_a, targets_a, targets_a, image_positions_p, image_inputs
    )


def picture_inputs(vlm: VisionLanguageModel, num_rows: int) -> dict[str, Tensor]:
    """Return the inputs of a model for one picture a row: sizes with values, pixels without.

    Pixels are no zeros, which stand for padding.
    """
    picture = Image.new("RGB", (PICTURE.width, PICTURE.height))
    inputs = vlm.prepare_images([[picture]] * num_rows)
    return {
        name: torch.ones(value.shape) if value.is_floating_point() else value
        for name, value in inputs.items()
    }
