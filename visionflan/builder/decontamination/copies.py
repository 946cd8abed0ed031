"""Find stored images that are copies of benchmark images by their descriptors.

Other than by `looks`, cropped copies are found, too. Only the descriptors of the references are in
memory at once; those of the stored images are computed and compared in batches. Images with near
descriptors are aligned and compared, because descriptors do not tell variants of a drawing apart.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from PIL import Image, ImageOps

from visionflan.builder.decontamination.cropped_picture import is_crop_or_same
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

MAX_COMPARED = 5  # images of one reference, in detail, with one stored image
BLOCK = 16_384  # descriptors of references that are compared with a batch at once


class ReferenceImage(NamedTuple):
    """An image of a reference, as it is or mirrored."""

    reference: int
    image: str
    mirrored: bool

    def decode(self, references: Sequence[Reference]) -> Image.Image:
        """Return the pixels."""
        pixels = decode_image(references[self.reference].load(self.image))
        return ImageOps.mirror(pixels) if self.mirrored else pixels


class ReferenceDescriptors(NamedTuple):
    """The descriptors of all images of the references, as they are and mirrored."""

    images: Sequence[ReferenceImage]
    descriptors: Descriptors  # (images, dimensions)


class NearImage(NamedTuple):
    """An image of a reference whose descriptor is near."""

    cosine: float
    image: ReferenceImage


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
            images = (decode_image(load(start + row)) for row in range(len(batch)))
            descriptors = detector.describe(images, [f"image {image}" for image in batch])
            for row, near in near_images(descriptors, known, config.threshold).items():
                pixels = decode_image(load(start + row))
                if matches := copies_among(near, pixels, references):
                    matched[batch[row]] = matches
            bar.update(len(batch))
    return matched


def near_images(
    descriptors: Descriptors, known: ReferenceDescriptors, threshold: float
) -> dict[int, list[NearImage]]:
    """Return by row, for each descriptor, the images whose cosine is at least the threshold."""
    near: dict[int, list[NearImage]] = {}
    for start in range(0, len(known.images), BLOCK):
        cosines = descriptors @ known.descriptors[start : start + BLOCK].T
        for row, column in np.argwhere(cosines >= threshold).tolist():
            image = NearImage(float(cosines[row, column]), known.images[start + column])
            near.setdefault(row, []).append(image)
    return near


def copies_among(
    near: Sequence[NearImage], pixels: Image.Image, references: Sequence[Reference]
) -> list[ImageMatch]:
    """Return for each reference the nearest of its images that shows the same picture."""
    matches: dict[int, ImageMatch] = {}
    compared: Counter[int] = Counter()
    for cosine, one in sorted(near, key=lambda one: -one.cosine):
        if one.reference in matches or compared[one.reference] == MAX_COMPARED:
            continue
        compared[one.reference] += 1
        if is_crop_or_same(pixels, one.decode(references)):
            match = ImageMatch(one.reference, one.image, "descriptor", cosine)
            matches[one.reference] = match
    return [matches[number] for number in sorted(matches)]


def describe_references(
    detector: CopyDetector, references: Sequence[Reference]
) -> ReferenceDescriptors:
    """Return the descriptors of all images of the references that can be decoded."""
    images: list[ReferenceImage] = []
    parts: list[Descriptors] = []
    for one, pixels in decoded_images(references):
        images += [one, one._replace(mirrored=True)]
        variants = [pixels, ImageOps.mirror(pixels)]
        parts.append(detector.describe(variants, [f"image {one.image}"] * 2))
    return ReferenceDescriptors(images, np.concatenate(parts) if parts else np.zeros((0, 0), "f"))


def decoded_images(
    references: Sequence[Reference],
) -> Iterator[tuple[ReferenceImage, Image.Image]]:
    """Yield each distinct image of each reference; one that cannot be decoded has no looks."""
    for number, reference in enumerate(references):
        for image in dict.fromkeys(image for item in reference.items for image in item.images):
            one = ReferenceImage(number, image, mirrored=False)
            try:
                pixels = one.decode(references)
            except UnusableError:
                continue
            yield one, pixels
