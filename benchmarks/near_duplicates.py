"""Time, memory and recall of the groups of near-duplicates, by the number of images.

Hashes are random, so that none is near another by chance; some images have a copy whose hash
differs in 0 to 6 bits. Those of up to 4 must all be found, and none of more. The thumbnails are
zero, so that they decide nothing and take no memory. Each size runs in a process of its own.

Run: python benchmarks/near_duplicates.py [--images 100000 1000000 10000000]
"""

import argparse

import numpy as np
from process_usage import measure

from visionflan.storage.near_duplicates import group_near_duplicates

COPIES, MAX_FLIPS = 700, 6


def draw(images: int) -> tuple["np.ndarray[tuple[int], np.dtype[np.uint64]]", list[int]]:
    """Return the hashes of images, the last ones copies, and how many bits these differ in."""
    random = np.random.default_rng(0)
    phashes = random.integers(0, 2**64, images, dtype=np.uint64)
    flips = [number % (MAX_FLIPS + 1) for number in range(COPIES)]
    for number, count in enumerate(flips):
        bits = random.choice(64, count, replace=False)
        phashes[images - COPIES + number] = phashes[number] ^ np.uint64(
            sum(1 << int(b) for b in bits)
        )
    return phashes, flips


def group(images: int) -> float:
    """Group the images; return the share of pairs that are rightly together or apart."""
    phashes, flips = draw(images)
    groups = group_near_duplicates(phashes, np.zeros((images, 192), dtype=np.uint8))
    together = groups[images - COPIES :] == groups[:COPIES]
    return float(np.mean(together == (np.array(flips) <= 4)))


def main() -> None:
    """Measure each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[100_000, 1_000_000])
    for images in parser.parse_args().images:
        drawn, measured = measure(count_drawn, images), measure(group, images)
        print(
            f"{images:>11,} images: {measured['count']:.1%} of pairs right, "
            f"{measured['cpu_seconds'] - drawn['cpu_seconds']:.1f} CPU s, at most "
            f"{measured['peak_mb']:,.0f} MB besides the thumbnails"
        )


def count_drawn(images: int) -> float:
    """Draw the hashes alone, for the time that this takes."""
    return float(len(draw(images)[0]))


if __name__ == "__main__":
    main()
