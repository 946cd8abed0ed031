"""How images are written in a prompt: as text whose image tokens stand for the image's features.

The number of image tokens may depend on the size of the image, and other text may surround them.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from visionflan.model.processor import CheckpointProcessor


class ImageSize(NamedTuple):
    """The size of an image in pixels."""

    height: int
    width: int


class WrittenImage(NamedTuple):
    """An image in a prompt: its text with one image token for each run, and the length of each."""

    text: str
    runs: tuple[int, ...]


@dataclass(frozen=True)
class ImageWriter:
    """How the models of a family write images.

    Attributes:
        marker: what the chat template writes for an image
        token: the text of the image token
        token_id: its id
        write: returns the text of each image of a conversation, with all image tokens, by its size
        uses_sizes: whether the text of an image depends on its size
    """

    marker: str
    token: str
    token_id: int
    write: Callable[[Sequence[ImageSize]], list[str]]
    uses_sizes: bool = True

    def written(self, sizes: Sequence[ImageSize]) -> list[WrittenImage]:
        """Return the images of one conversation as they are written in its prompt."""
        return [self.collapse(text) for text in self.write(sizes)]

    def collapse(self, text: str) -> WrittenImage:
        """Return a text with one image token for each run of them, and the lengths of the runs."""
        runs = re.compile(f"(?:{re.escape(self.token)})+")
        lengths = (len(run[0]) // len(self.token) for run in runs.finditer(text))
        return WrittenImage(runs.sub(lambda _: self.token, text), tuple(lengths))


def fixed_writer(marker: str, token_id: int, tokens_per_image: int) -> ImageWriter:
    """Return the writer of a family whose images all have the same number of image tokens."""
    text = marker * tokens_per_image
    return ImageWriter(
        marker, marker, token_id, lambda sizes: [text for _ in sizes], uses_sizes=False
    )


def feature_writer(
    processor: "CheckpointProcessor", count: Callable[[Sequence[ImageSize]], list[int]]
) -> ImageWriter:
    """Return the writer of a family that writes an image as one image token for each feature.

    `count` returns the number of features of each image of a conversation, by its size.
    """
    token_id = int(processor.config.image_token_id)
    token = str(processor.tokenizer.convert_ids_to_tokens(token_id))
    return ImageWriter(
        token, token, token_id, lambda sizes: [token * features for features in count(sizes)]
    )
