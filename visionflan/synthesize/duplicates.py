"""Find texts that were written before, word by word or nearly so."""

import re
from collections import Counter, defaultdict

SHINGLE_WORDS = 3
SIMILAR = 0.8  # Jaccard similarity of the sets of shingles
MIN_WORDS = 12  # shorter texts are compared word by word
WORD = re.compile(r"\w+")


class WrittenTexts:
    """The texts that were accepted so far."""

    def __init__(self) -> None:
        self.exact: dict[str, str] = {}
        self.names: list[str] = []
        self.sizes: list[int] = []
        self.by_shingle = defaultdict[str, list[int]](list)

    def add(self, name: str, text: str) -> str:
        """Add a text under a name; return the name of an earlier one that is equal or nearly so.

        Such a text is not added. The name is empty if there is none.
        """
        words = WORD.findall(text.lower())
        shingles = shingles_of(words)
        if earlier := self.find(" ".join(words), shingles):
            return earlier
        self.exact[" ".join(words)] = name
        for shingle in shingles:
            self.by_shingle[shingle].append(len(self.names))
        self.names.append(name)
        self.sizes.append(len(shingles))
        return ""

    def find(self, words: str, shingles: frozenset[str]) -> str:
        """Return the name of an earlier text with these words or shingles; empty if none has."""
        if words in self.exact:
            return self.exact[words]
        common = Counter(
            index for shingle in shingles for index in self.by_shingle.get(shingle, ())
        )
        for index, number in common.most_common(1):
            if number >= SIMILAR * (len(shingles) + self.sizes[index] - number):
                return self.names[index]
        return ""


def shingles_of(words: list[str]) -> frozenset[str]:
    """Return the runs of words of a text; none of a short one."""
    if len(words) < MIN_WORDS:
        return frozenset()
    runs = zip(*(words[start:] for start in range(SHINGLE_WORDS)), strict=False)
    return frozenset(map(" ".join, runs))
