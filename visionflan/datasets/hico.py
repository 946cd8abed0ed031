"""HICO: photographs of people, and what they do with 80 kinds of objects.

Layout: the owners' code (ywchao/hico_benchmark, README.md and evaluation/eval_vo.m) has `images`
and `anno.mat` in `hico_20150920`; training codes read from that file, for `train2015` and
`test2015`, `list_train` and `anno_train`, a matrix with a row for each of 600 pairs of a verb and
an object and a column for each image, in which 1 says that the pair is there (other values are that
it is not, that it is doubtful, and NaN where nobody looked). A pair of `list_action` has the fields
`nname`, `vname` and `vname_ing`; jiayuancs/pvic (hicodet_text.py) lists all of them. Both splits
have labels and are read. HICO-DET's `anno.mat` is the same file.

The release's words use low lines (`sitting_on`, `dining_table`) and a few names that nobody says;
these are fixed. The verb `no_interaction` stands for a person who leaves an object alone; it
is told only of images in which nobody does anything. Pairs are listed in alphabetical order.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from visionflan import drawing, layouts, specimens
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing.icons import icon
from visionflan.errors import ReleaseError
from visionflan.hashing import pick
from visionflan.layouts.labels import accepted_names
from visionflan.layouts.matlab import cell_text, load_matlab, write_matlab
from visionflan.layouts.official_splits import split_of
from visionflan.plural import counted

NOTHING = "no_interaction"
# What a person says in place of a word of the release.
SPOKEN = {"hair drier": "hair dryer", "remote": "remote control", "tv": "television"}


class Pair(NamedTuple):
    """What somebody does, and with what."""

    object: str
    verb: str

    @property
    def words(self) -> str:
        """Phrase the pair as the end of the sentence `somebody is ...`."""
        noun = "another person" if self.object == "person" else f"the {self.object}"
        return f"{self.verb} {noun}" if self.verb else f"not interacting with {noun}"


class Row(NamedTuple):
    key: str
    image: Path
    pairs: tuple[Pair, ...]
    split: str = ""


dataset = Dataset[Row](
    title="HICO",
    homepage="http://www-personal.umich.edu/~ywchao/hico/",
    license="unknown",
    terms="The photographs come from Flickr and remain under their owners' terms.",
    citation="Chao, Wang, He, Wang, Deng (2015), HICO: A Benchmark for Recognizing Human-Object "
    "Interactions in Images, ICCV",
    obtain="""
        Download hico_20150920.tar.gz from the homepage and unpack it here. Reading its annotations
        needs the extra `readers`.
    """,
    tree="""
        hico_20150920/
            anno.mat
            images/train2015/HICO_train2015_00000001.jpg
            images/test2015/HICO_test2015_00000001.jpg
    """,
    split_field="split",
    no_group="the release does not tell which images belong together",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    path = layouts.require(root / "hico_20150920" / "anno.mat", root / "anno.mat")
    pairs = [read_pair(pair) for pair in load_matlab(path, "list_action")["list_action"].ravel()]
    for split in ("train", "test"):
        content = load_matlab(path, f"list_{split}", f"anno_{split}")
        names, present = content[f"list_{split}"].ravel(), content[f"anno_{split}"] == 1
        if present.shape != (len(pairs), len(names)):
            raise ReleaseError(
                f"anno_{split} in {path} is of {present.shape}, but for "
                f"{counted(len(pairs), 'pair')} and {counted(len(names), 'image')}"
            )
        for column, cell in enumerate(names):
            name = cell_text(cell)
            image_pairs = tuple(pairs[number] for number in present[:, column].nonzero()[0])
            if image_pairs:
                image = layouts.inside(path.parent / "images" / f"{split}2015", name)
                yield Row(name, image, image_pairs, split_of(split))
            else:
                yield BrokenRow(name, "no_label", f"{path} has no pair for {name}")


def read_pair(pair: Any) -> Pair:
    """Correct the words of one structure of `list_action`; its verb is in the form on -ing."""
    noun, verb, doing = (cell_text(pair[name]) for name in ("nname", "vname", "vname_ing"))
    noun = noun.replace("_", " ")
    return Pair(SPOKEN.get(noun, noun), "" if verb == NOTHING else doing.replace("_", " "))


@dataset.task(
    """
    What are the people in this photograph doing with the things, animals or other people around
    them? List every action, even where two go together, as a verb ending in -ing and its object, in
    alphabetical order and separated by semicolons, for example "holding the umbrella; standing
    under the umbrella". If nobody does anything with an object, write "not interacting with the"
    and its name.
    """,
    official_name="HICO+human_activity_detection",
    title="HICO human activity detection",
    category="Human Activity",
    metric="set_f1",
    published_form='"A person is holding the skateboard."',
)
def human_activity_detection(row: Row) -> Example:
    acting = [pair for pair in row.pairs if pair.verb]
    return listed(row, [pair.words for pair in acting or row.pairs])


@dataset.task(
    """
    People share this scene with one or more objects or animals that matter to what is going on.
    Name each of them once, in the singular, in alphabetical order and separated by semicolons, such
    as "tennis racket". Do not say what the people are doing.
    """,
    official_name="HICO+object_classification",
    title="HICO object recognition",
    category="General Object",
    metric="set_f1",
)
def object_classification(row: Row) -> Example:
    return listed(row, [pair.object for pair in row.pairs])


def listed(row: Row, words: list[str]) -> Example:
    """Make an example whose target is a list; the nouns of the release are accepted in it."""
    target = "; ".join(sorted(set(words)))
    released = target
    for name, spoken in SPOKEN.items():
        released = re.sub(rf"\b{re.escape(spoken)}\b", name, released)
    return Example(image=row.image, target=target, references=accepted_names(target, released))


class Drawn(NamedTuple):
    """A scene of the specimen: an object, the verbs, and where the person and the object are."""

    object: str
    verbs: tuple[str, ...]
    place: str


DRAWN = (
    Drawn("horse", ("ride",), "on"),
    Drawn("umbrella", ("hold", "stand_under"), "under"),
    Drawn("tennis racket", ("hold",), "beside"),
    Drawn("train", (NOTHING,), "apart"),
    Drawn("motorcycle", ("ride",), "on"),
    Drawn("kite", ("fly",), "beside"),
    Drawn("elephant", ("ride",), "on"),
    Drawn("potted plant", ("hold",), "beside"),
)
DOING = {
    "ride": "riding",
    "fly": "flying",
    "hold": "holding",
    "stand_under": "standing_under",
    NOTHING: NOTHING,
}
# The parts of the picture that the object and the person take.
PLACES = {
    "on": ((0.05, 0.34, 0.95, 1.0), (0.3, 0.0, 0.7, 0.7)),
    "under": ((0.05, 0.0, 0.95, 0.75), (0.2, 0.34, 0.6, 1.0)),
    "beside": ((0.38, 0.14, 0.94, 0.7), (0.06, 0.1, 0.58, 1.0)),
    "apart": ((0.4, 0.02, 1.0, 0.5), (0.0, 0.5, 0.3, 1.0)),
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    import numpy as np

    home = root / "hico_20150920"
    actions = sorted({(drawn.object, verb) for drawn in DRAWN for verb in drawn.verbs})
    fields = [(name, object) for name in ("nname", "vname", "vname_ing")]
    structures = [(noun.replace(" ", "_"), verb, DOING[verb]) for noun, verb in actions]
    content: dict[str, Any] = {"list_action": np.array(structures, dtype=fields).reshape(-1, 1)}
    for start, split in enumerate(("train", "test")):
        names, columns = [], []
        for index in range(start, count, 2):
            drawn = DRAWN[(index + index // len(DRAWN)) % len(DRAWN)]
            names.append(f"HICO_{split}2015_{index // 2 + 1:08d}.jpg")
            columns.append([known(drawn, *action) for action in actions])
            specimens.write_image(home / f"images/{split}2015" / names[-1], scene(drawn, index))
        content[f"list_{split}"] = np.array(names, dtype=object).reshape(-1, 1)
        content[f"anno_{split}"] = np.array(columns, dtype=float).reshape(-1, len(actions)).T
    write_matlab(home / "anno.mat", content)


def known(drawn: Drawn, noun: str, verb: str) -> float:
    """Return what the owners' annotators knew of a pair: nothing where the object is absent."""
    if noun != drawn.object:
        return float("nan")
    return 1.0 if verb in drawn.verbs else -1.0


def scene(drawn: Drawn, index: int) -> Image.Image:
    picture = drawing.canvas("hico", index)
    region = drawing.jitter_box(drawing.FRAME, "hico", index, by=0.2)
    thing, person = (region.part(*part) for part in PLACES[drawn.place])
    color, clothes = pick(("red", "blue", "green", "purple", "orange"), 2, "hico", index)
    icon(picture, drawn.object, thing, color)
    icon(picture, "person", person, clothes)
    return picture
