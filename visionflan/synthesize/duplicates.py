"""Find texts that were written before, word by word or nearly so."""

from collections import Counter, defaultdict

from visionflan.evaluate.metrics.normalization import normalize_words

SHINGLE_WORDS = 3
SIMILAR = 0.8  # Jaccard similarity of the sets of shingles
MIN_WORDS = 12  # shorter texts are compared word by word


class WrittenTexts:
    """The texts that were accepted so far."""

    def __init__(self) -> None:
        self.exact: dict[str, str] = {}
        self.names: list[str] = []
        self.sizes: list[int] = []
        self.by_shingle = defaultdict[str, list[int]](list)

    def find(self, text: str) -> str:
        """Return the name of an earlier text that is equal or nearly so; empty if there is none."""
        words = normalize_words(text)
        if words in self.exact:
            return self.exact[words]
        shingles = shingles_of(words)
        common = Counter(
            index for shingle in shingles for index in self.by_shingle.get(shingle, ())
        )
        for index, number in common.most_common(1):
            if number >= SIMILAR * (len(shingles) + self.sizes[index] - number):
                return self.names[index]
        return ""

    def add(self, name: str, text: str) -> None:
        """Add a text under a name."""
        words = normalize_words(text)
        self.exact.setdefault(words, name)
        shingles = shingles_of(words)
        for shingle in shingles:
            self.by_shingle[shingle].append(len(self.names))
        self.names.append(name)
        self.sizes.append(len(shingles))


def shingles_of(words: str) -> frozenset[str]:
    """Return the runs of words of a text; none of a short one."""
    parts = words.split()
    if len(parts) < MIN_WORDS:
        return frozenset()
    runs = zip(*(parts[start:] for start in range(SHINGLE_WORDS)), strict=False)
    return frozenset(map(" ".join, runs))
