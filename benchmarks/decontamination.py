"""How many altered copies of images decontamination finds, and how many pairs it finds wrongly.

Each image of a folder is taken as stored in a build. It is then encoded again, halved, cropped or
mirrored, as if it were in a benchmark, and searched as `visionflan build --decontaminate` does.
Pairs of different images that are found alike are false, unless the folder has true duplicates: the
names of the first ones are printed. Run:
python benchmarks/decontamination.py FOLDER [--images 1000] [--json]
"""

import argparse
import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pyarrow as pa
from PIL import Image, ImageOps

from visionflan.builder.decontamination.looks import StoredLooks
from visionflan.errors import UnusableError
from visionflan.hashing import stable_hash
from visionflan.image_files import decode_image
from visionflan.layouts import is_image_file
from visionflan.storage.perceptual_hash import image_signature

SHOWN_PAIRS = 30


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


def stored_looks(images: dict[str, Image.Image]) -> StoredLooks:
    """Return the images as those of a build, searched by how they look."""
    signatures = [image_signature(image) for image in images.values()]
    table = pa.table(
        {
            "id": list(images),
            "phash": pa.array([signature.phash for signature in signatures], pa.uint64()),
            "colors": [signature.colors for signature in signatures],
        }
    )
    return StoredLooks(table, lambda path: Path(path).read_bytes())


def measure(images: dict[str, Image.Image]) -> dict[str, object]:
    """Return the recall of each kind of copy, and the pairs of different images that were found."""
    search, pairs = stored_looks(images), set[tuple[str, str]]()
    num_found = dict.fromkeys(COPIES, 0)
    for path, image in images.items():
        for kind, alter in COPIES.items():
            copy = alter(image)
            matches = {
                match for seen in (copy, ImageOps.mirror(copy)) for match in search.copies_of(seen)
            }
            num_found[kind] += path in matches
            if kind == "unchanged":
                pairs |= {(min(path, other), max(path, other)) for other in matches - {path}}
    num_pairs = len(images) * (len(images) - 1) // 2
    return {
        "images": len(images),
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
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    result = measure(load_images(args.folder, args.images))
    if args.json:
        print(json.dumps(result, indent=1))
        return
    print(f"{result['images']} images")
    recall = result["recall"]
    assert isinstance(recall, dict)
    for kind, share in recall.items():
        print(f"{kind:<30}{share:8.1%} found")
    print(
        f"different images that are found alike: {result['pairs_alike']} of "
        f"{result['pairs']:,} pairs, {result['alike_per_million']:.2f} in a million"
    )
    pairs = result["first_pairs"]
    assert isinstance(pairs, list)
    for first, second in pairs:
        print(f"  {first}  {second}")


if __name__ == "__main__":
    main()
