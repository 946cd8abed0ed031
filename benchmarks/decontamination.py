"""How many altered copies of images decontamination finds, and how many pairs it finds wrongly.

Each image of a folder is taken as stored in a build. It is then encoded again, halved, cropped or
mirrored, as if it were in a benchmark, and searched as `visionflan build --decontaminate` does.
Pairs of different images that are found alike are false, unless the folder has true duplicates: the
names of the first ones are printed. With `--descriptor` the same is measured of a copy-detection
model, beside the hash. Run:
python benchmarks/decontamination.py FOLDER [--images 1000] [--descriptor FILE.onnx] [--json]
"""

import argparse
import json
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image, ImageOps

from visionflan.builder.decontamination.cropped_picture import is_crop_or_same
from visionflan.builder.decontamination.descriptor import (
    THRESHOLD,
    CopyDetector,
    load_descriptor,
)
from visionflan.builder.decontamination.looks import StoredLooks
from visionflan.errors import UnusableError
from visionflan.hashing import stable_hash
from visionflan.image_files import decode_image
from visionflan.layouts import is_image_file
from visionflan.storage.perceptual_hash import image_signature

SHOWN_PAIRS = 30
Search = Callable[[Image.Image], set[str]]  # from a copy to the paths of what is found alike


def as_jpeg(image: Image.Image, quality: int = 75) -> Image.Image:
    """Return an image as it is after it was encoded as JPEG."""
    buffer = BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=quality)
    return decode_image(buffer.getvalue())


def halved(image: Image.Image) -> Image.Image:
    """Return an image of half the width and height."""
    return image.resize((max(1, image.width // 2), max(1, image.height // 2)))


def cropped(image: Image.Image) -> Image.Image:
    """Return an image without a tenth of its width and height, from its middle."""
    width, height = image.width / 20, image.height / 20
    return image.crop(
        (int(width), int(height), int(image.width - width), int(image.height - height))
    )


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "unchanged": lambda image: image,
    "JPEG of quality 75": as_jpeg,
    "halved": halved,
    "halved, JPEG of quality 75": lambda image: as_jpeg(halved(image)),
    "mirrored, JPEG of quality 75": lambda image: as_jpeg(ImageOps.mirror(image)),
    "cropped by 10 %": cropped,
}


def load_images(folder: Path, count: int) -> dict[str, Image.Image]:
    """Return up to so many images of a folder by path, chosen by hash."""
    paths = [path for path in sorted(folder.rglob("*")) if is_image_file(path) and path.is_file()]
    images: dict[str, Image.Image] = {}
    for path in sorted(paths, key=lambda path: stable_hash("decontamination", path.name)):
        if len(images) == count:
            break
        try:
            images[str(path)] = decode_image(path.read_bytes())
        except UnusableError:
            continue
    return images


def search_by_looks(images: Mapping[str, Image.Image]) -> Search:
    """Return the search of a build that stores the images, by how they look."""
    signatures = [image_signature(image) for image in images.values()]
    table = pa.table(
        {
            "id": list(images),
            "phash": pa.array([signature.phash for signature in signatures], pa.uint64()),
            "colors": pa.array([signature.colors for signature in signatures], pa.binary(192)),
        }
    )
    paths = list(images)
    looks = StoredLooks(table, lambda row: Path(paths[row]).read_bytes())

    def search(copy: Image.Image) -> set[str]:
        return {path for seen in (copy, ImageOps.mirror(copy)) for path in looks.copies_of(seen)}

    return search


def search_by_descriptor(
    images: Mapping[str, Image.Image], model: Path, threshold: float
) -> Search:
    """Return the search of a build that stores the images, by their descriptors."""
    detector = CopyDetector(load_descriptor(model, threshold))
    paths = list(images)
    stored = detector.describe(list(images.values()), paths)

    def search(copy: Image.Image) -> set[str]:
        variants = [copy, ImageOps.mirror(copy)]
        cosines = stored @ detector.describe(variants, ["a copy"] * 2).T
        near = np.argwhere(cosines >= threshold).tolist()
        return {
            paths[row]
            for row, column in near
            if is_crop_or_same(images[paths[row]], variants[column])
        }

    return search


def measure(images: Mapping[str, Image.Image], search: Search) -> dict[str, Any]:
    """Return the recall of each kind of copy, and the pairs of different images that were found."""
    pairs = set[tuple[str, str]]()
    num_found = dict.fromkeys(COPIES, 0)
    for path, image in images.items():
        for kind, alter in COPIES.items():
            matches = search(alter(image))
            num_found[kind] += path in matches
            if kind == "unchanged":
                pairs |= {(min(path, other), max(path, other)) for other in matches - {path}}
    num_pairs = len(images) * (len(images) - 1) // 2
    return {
        "recall": {kind: number / len(images) for kind, number in num_found.items()},
        "pairs": num_pairs,
        "pairs_alike": len(pairs),
        "alike_per_million": 1e6 * len(pairs) / max(1, num_pairs),
        "first_pairs": sorted(pairs)[:SHOWN_PAIRS],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--descriptor", type=Path)
    parser.add_argument("--threshold", type=float, default=THRESHOLD)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    images = load_images(args.folder, args.images)
    results = {"hash and thumbnails": measure(images, search_by_looks(images))}
    if args.descriptor is not None:
        search = search_by_descriptor(images, args.descriptor, args.threshold)
        results["descriptor"] = measure(images, search)
    if args.json:
        print(json.dumps({"images": len(images), **results}, indent=1))
        return
    for name, result in results.items():
        print_result(name, len(images), result)


def print_result(name: str, num_images: int, result: dict[str, Any]) -> None:
    """Print what was measured of one search."""
    print(f"{name}, {num_images} images")
    for kind, share in result["recall"].items():
        print(f"{kind:<30}{share:8.1%} found")
    print(
        f"different images that are found alike: {result['pairs_alike']} of "
        f"{result['pairs']:,} pairs, {result['alike_per_million']:.2f} in a million"
    )
    for first, second in result["first_pairs"]:
        print(f"  {first}  {second}")


if __name__ == "__main__":
    main()
