"""Read the official split of a row from the words that releases use for it."""

from visionflan.vocabulary import OfficialSplit

SPLITS: dict[str, OfficialSplit] = {
    "train": "train",
    "training": "train",
    "trainval": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "query": "test",
}


def split_of(word: str) -> OfficialSplit | str:
    """Return the official split that a word of a release names, or the word if it names none.

    The word may be the first part of a key or of a path, and go on with a year or a number:
    `train2014`, `val/5`, `testing_data`, `Train_GCC-training`. The words of all splits are in
    SPLITS; a release with others maps them itself.
    """
    first = word.partition("/")[0].lower().lstrip("_")
    letters = first[: next((n for n, c in enumerate(first) if not c.isalpha()), len(first))]
    return SPLITS.get(letters, word)
