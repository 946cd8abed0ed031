"""Choices that depend on content alone, so that they are the same on every machine and day."""

from collections.abc import Collection, Sequence
from hashlib import blake2b
from typing import TypeVar

Item = TypeVar("Item")

RANKS = 1 << 64


def stable_hash(*parts: str | int) -> int:
    """Place the parts in 0 to 2**64 - 1 by their hash: an order that nobody chose."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def hash_fraction(*parts: str | int) -> float:
    """Place the parts in [0, 1) by their hash."""
    return stable_hash(*parts) / RANKS


def shuffled(items: Sequence[Item], *parts: str | int) -> list[Item]:
    """Order the items by the hash of the parts and of each item's position."""
    order = sorted(range(len(items)), key=lambda position: stable_hash(*parts, position))
    return [items[position] for position in order]


def pick(
    pool: Sequence[Item], count: int, *parts: str | int, avoid: Collection[Item] = ()
) -> list[Item]:
    """Draw up to `count` different items of the pool that are not to be avoided.

    The cost does not grow with the pool while the pool holds enough that may be drawn.
    """
    drawn: list[Item] = []
    for attempt in range(20 * count):
        if len(drawn) == count or not pool:
            return drawn
        item = pool[stable_hash(*parts, attempt) % len(pool)]
        if item not in drawn and item not in avoid:
            drawn.append(item)
    for item in shuffled(pool, *parts):
        if len(drawn) < count and item not in drawn and item not in avoid:
            drawn.append(item)
    return drawn
