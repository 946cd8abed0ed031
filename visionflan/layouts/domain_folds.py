"""Read the lists of folds of a domain generalization set, such as `photo_train_kfold.txt`."""

from collections.abc import Iterable
from itertools import product
from pathlib import Path

from visionflan.layouts import text_lines
from visionflan.vocabulary import OfficialSplit

FOLDS: dict[str, OfficialSplit] = {"train": "train", "crossval": "validation"}
LISTS = ("", "kfold", "splits", "pacs_label")  # directories that training codes have them in


def read_folds(root: Path, domains: Iterable[str]) -> dict[str, OfficialSplit]:
    """Return the official split of each image by its path, from the lists that are there."""
    splits: dict[str, OfficialSplit] = {}
    for home, domain, (fold, split) in product(LISTS, domains, FOLDS.items()):
        path = root / home / f"{domain}_{fold}_kfold.txt"
        for line in text_lines(path) if path.is_file() else ():
            splits[line.rpartition(" ")[0]] = split
    return splits
