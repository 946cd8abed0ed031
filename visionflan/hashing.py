"""Deterministic choices by hash, equal on every machine: they depend on their arguments alone."""

from collections.abc import Collection, Sequence
from hashlib import blake2b
from typing import TypeVar

Item = TypeVar("Item")

NUM_HASHES = 1 << 64


def stable_hash(*parts: str | int) -> int:
    """Return the hash of the parts, an integer in [0, 2**64)."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def hash_fraction(*parts: str | int) -> float:
    """Return the hash of the parts, scaled to [0, 1)."""
    return stable_hash(*parts) / NUM_HASHES


def shuffled(items: Sequence[Item], *parts: str | int) -> list[Item]:
    """Return the items in a pseudo-random order, seeded by the parts."""
    start = "".join(f"{part}\x1f" for part in parts)  # as in `stable_hash`, but joined once
    hashes = [blake2b(f"{start}{n}".encode(), digest_size=8).digest() for n in range(len(items))]
    return [items[index] for index in sorted(range(len(items)), key=hashes.__getitem__)]


def pick(
    pool: Sequence[Item], count: int, *parts: str | int, avoid: Collection[Item] = ()
) -> list[Item]:
    """Sample up to `count` distinct items that are not in `avoid`, seeded by the parts.

    Rejection sampling first: its cost does not grow with the pool. The rest is taken in the order
    of `shuffled`, for pools that hold few allowed items.
    """
    sample: list[Item] = []
    for attempt in range(20 * count):
        if len(sample) == count or not pool:
            return sample
        item = pool[stable_hash(*parts, attempt) % len(pool)]
        if item not in sample and item not in avoid:
            sample.append(item)
    for item in shuffled(pool, *parts):
        if len(sample) < count and item not in sample and item not in avoid:
            sample.append(item)
    return sample
