"""The phrases that replies about drawn scenes are made of, by what they are for."""

from collections.abc import Callable
from dataclasses import dataclass

Pairs = tuple[tuple[str, str], ...]
Phrases = tuple[str, ...]
# What a row asks, its targets, the labels of its task, and answers that keep and lose the label.
Rewrite = tuple[str, Phrases, Phrases, Phrases, Phrases]


@dataclass(frozen=True, kw_only=True)
class PhraseSet:
    """Parts of good replies, and what makes one bad."""

    exchanges: Pairs
    sentences: Phrases
    almost_talk: Phrases  # good, with the words of `talk`
    hedges: Phrases  # good, and unsure of something
    contradictions: Phrases
    contradicted_pairs: Pairs
    talk: Phrases
    refusals: Phrases
    empty: Phrases
    malformed: tuple[Callable[[str], str], ...]
    keep_plain: Phrases
    rewrites: dict[str, Rewrite]
