"""Look up the names of the 1,000 classes of ImageNet, for releases that use WordNet ids as labels.

The ids are those of ILSVRC 2012, as huggingface/pytorch-image-models lists them
(timm/data/_info/imagenet_synsets.txt). The names follow the list that mlfoundations/open_clip
ships as IMAGENET_CLASSNAMES (src/open_clip/zero_shot_metadata.py), which was chosen by looking at
the images; each was compared with the lemmas of its id in WordNet (timm's
imagenet_synset_to_lemma.txt). About sixty were changed: explanations in brackets and second
names are omitted, spelling is American, and common nouns in the names of dog breeds are lower case.

Ambiguous words are made distinct: "crane bird" and "construction crane", "kite bird",
"carpenter's plane", "metal nail". Three pairs have one name in WordNet or in that list and two
here: "missile" and "projectile", "maillot" and "one-piece swimsuit", "sunglass" (n04355933) and
"sunglasses", although the images of the last two pairs look alike.
"""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow
from visionflan.layouts import class_folders


@cache
def names() -> dict[str, str]:
    """Return the common name of each WordNet id of ImageNet's 1,000 classes."""
    table = (files("visionflan") / "resources" / "imagenet_names.tsv").read_text(encoding="utf-8")
    return dict(line.split("\t") for line in table.splitlines())


class WordNetImage(NamedTuple):
    """An image of a release that is one test set for classifiers of ImageNet."""

    key: str
    image: Path
    label: str

    @property
    def split(self) -> str:
        """Return the official split."""
        return "test"


def wordnet_folders(root: Path) -> Iterator[WordNetImage | BrokenRow]:
    """Yield the images of `root/<WordNet id>/<image>`; the label is the common name."""
    for key, image, identifier in class_folders(root):
        if name := names().get(identifier):
            yield WordNetImage(key, image, name)
        else:
            detail = f"{identifier!r} is not one of ImageNet's 1,000 classes"
            yield BrokenRow(key, "unknown_label", detail)
