"""Names of the 1,000 things of ImageNet, for releases that call them by their WordNet ids.

The ids are those of ILSVRC 2012, as huggingface/pytorch-image-models lists them
(timm/data/_info/imagenet_synsets.txt). The names follow the list that mlfoundations/open_clip
ships as IMAGENET_CLASSNAMES (src/open_clip/zero_shot_metadata.py), which was chosen by looking at
the pictures; each was held against the words of its id in WordNet (timm's
imagenet_synset_to_lemma.txt). About sixty were changed: explanations in brackets and second
names are left out, spelling is British, and common nouns in the names of dog breeds begin small.

Words of two meanings are told apart: "crane bird" and "construction crane", "kite bird",
"carpenter's plane", "metal nail". Three pairs have one name in WordNet or in that list and two
here: "missile" and "projectile", "maillot" and "one-piece swimsuit", "sunglass" (n04355933) and
"sunglasses", although the pictures of the last two pairs look alike.
"""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

from visionflan.dataset import BrokenRow
from visionflan.layouts import LabelledImage, class_folders


@cache
def names() -> dict[str, str]:
    """Give the name that a person uses for each WordNet id of ImageNet's 1,000 classes."""
    table = (files("visionflan") / "resources" / "imagenet_names.tsv").read_text(encoding="utf-8")
    return dict(line.split("\t") for line in table.splitlines())


def wordnet_folders(root: Path) -> Iterator[LabelledImage | BrokenRow]:
    """Read `root/<WordNet id>/<picture>`; the label is the name that a person uses."""
    for key, image, identifier in class_folders(root):
        if name := names().get(identifier):
            yield LabelledImage(key, image, name)
        else:
            detail = f"{identifier!r} is none of ImageNet's 1,000 classes"
            yield BrokenRow(key, "unknown_label", detail)
