"""Find stored images that are copies of benchmark images by their descriptors.

Other than by `looks`, cropped and edited copies are found, too. Only the descriptors of the
references are in memory at once; those of the stored images are computed and compared in batches.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from PIL import Image, ImageOps

from visionflan.builder.decontamination.descriptor import (
    BATCH_SIZE,
    CopyDetector,
    DescriptorConfig,
    Descriptors,
)
from visionflan.builder.decontamination.looks import ImageMatch, LoadImage
from visionflan.builder.decontamination.references import Reference
from visionflan.errors import UnusableError
from visionflan.image_files import decode_image
from visionflan.progress import ProgressBar

BLOCK = 16_384  # descriptors of references that are compared with a batch at once


class ReferenceImage(NamedTuple):
    """An image of a reference."""

    reference: int
    image: str


class ReferenceDescriptors(NamedTuple):
    """The descriptors of all images of the references, as they are and mirrored."""

    images: Sequence[ReferenceImage]
    descriptors: Descriptors  # (images, dimensions)


def match_descriptors(
    ids: pa.ChunkedArray,
    load: LoadImage,
    references: Sequence[Reference],
    config: DescriptorConfig,
) -> dict[str, list[ImageMatch]]:
    """Return by id, for each stored image that is a copy, the nearest image of each reference."""
    detector = CopyDetector(config)
    known = describe_references(detector, references)
    matched: dict[str, list[ImageMatch]] = {}
    if not known.images:
        return matched
    with ProgressBar("comparing", len(ids), unit="images") as bar:
        for start in range(0, len(ids), BATCH_SIZE):
            batch = ids.slice(start, BATCH_SIZE).to_pylist()
            images = [decode_image(load(start + row)) for row in range(len(batch))]
            descriptors = detector.describe(images, [f"image {image}" for image in batch])
            for row, matches in nearest(descriptors, known, config.threshold).items():
                matched[batch[row]] = matches
            bar.update(len(batch))
    return matched


def nearest(
    descriptors: Descriptors, known: ReferenceDescriptors, threshold: float
) -> dict[int, list[ImageMatch]]:
    """Return by row, for each descriptor, the nearest image of each reference that has a copy."""
    best: dict[int, dict[int, ImageMatch]] = {}
    for start in range(0, len(known.images), BLOCK):
        cosines = descriptors @ known.descriptors[start : start + BLOCK].T
        for row, column in np.argwhere(cosines >= threshold).tolist():
            reference, image = known.images[start + column]
            cosine = float(cosines[row, column])
            of_row = best.setdefault(row, {})
            if reference not in of_row or (of_row[reference].cosine or 0.0) < cosine:
                of_row[reference] = ImageMatch(reference, image, "descriptor", cosine)
    return {row: [by[number] for number in sorted(by)] for row, by in best.items()}


def describe_references(
    detector: CopyDetector, references: Sequence[Reference]
) -> ReferenceDescriptors:
    """Return the descriptors of all images of the references that can be decoded."""
    images: list[ReferenceImage] = []
    parts: list[Descriptors] = []
    for one, pixels in decoded_images(references):
        images += [one, one]
        variants = [pixels, ImageOps.mirror(pixels)]
        parts.append(detector.describe(variants, [f"image {one.image}"] * 2))
    return ReferenceDescriptors(images, np.concatenate(parts) if parts else np.zeros((0, 0), "f"))


def decoded_images(
    references: Sequence[Reference],
) -> Iterator[tuple[ReferenceImage, Image.Image]]:
    """Yield each distinct image of each reference; one that cannot be decoded has no looks."""
    for number, reference in enumerate(references):
        for image in dict.fromkeys(image for item in reference.items for image in item.images):
            try:
                pixels = decode_image(reference.load(image))
            except UnusableError:
                continue
            yield ReferenceImage(number, image), pixels
