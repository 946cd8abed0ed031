"""COCO: photographs of everyday scenes with the outlines of things of 80 kinds and five captions.

Layout: the owners' cocoapi (cocodataset/cocoapi, PythonAPI/pycocotools/coco.py) reads annotation
files that hold `images`, `annotations` and, for things, `categories`; the release has them as
`annotations/{instances,captions}_<split>.json`. torchvision (pytorch/vision,
torchvision/datasets/coco.py) joins their `file_name` to the folder of the split. The releases of
2014 and of 2017 divide the same pictures differently; every picture is read once, by its number,
which both share. Mirrors put the folders of pictures into `images`; that is read too. Key points of
persons are not used.

The six selection tasks follow the paper (section 2.1): of one supercategory, the kind that covers
most of the picture is the answer, and all its kinds that are absent are the wrong options; other
kinds that are present are not offered. A wrong caption comes from a picture of the same
split that shares no kind of thing with this one but persons, and most of its words are in none of
the captions of this one, so that it can hardly be true as well.

Known defects: some captions hold line ends or several blanks, which are fixed and noted, and a few
say that no picture was shown, which are left out.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.errors import UnusableError
from visionflan.hashing import stable_hash
from visionflan.layouts import require
from visionflan.layouts.coco import annotation_files, read_split
from visionflan.layouts.negative_captions import CaptionPool
from visionflan.layouts.official_splits import split_of
from visionflan.specimens.coco import write_coco

SPLITS = ("train2017", "val2017", "train2014", "val2014")


class Row(NamedTuple):
    key: str
    image: Path
    captions: tuple[str, ...]
    present: tuple[str, ...]  # kinds of things, that which covers most of the picture first
    kinds: dict[str, tuple[str, ...]]  # all that are annotated, by supercategory
    wrong_captions: tuple[str, ...]
    split: str = ""


dataset = Dataset[Row](
    title="COCO",
    homepage="https://cocodataset.org/#home",
    license="CC-BY-4.0",
    terms="""
        The license is that of the annotations. The photographs come from Flickr, and their use must
        respect Flickr's terms; the annotation files give the license of each, and some of these
        exclude commercial use.
    """,
    citation="Lin, Maire, Belongie, Hays, Perona, Ramanan, Dollár, Zitnick (2014), Microsoft COCO: "
    "Common Objects in Context, ECCV",
    obtain="""
        Download the 2017 train and val images and the 2017 train/val annotations (or those of 2014)
        from the homepage, and unpack them here.
    """,
    tree="""
        annotations/
            captions_train2017.json
            instances_train2017.json
            ...
        train2017/000000000009.jpg
        val2017/000000000139.jpg
    """,
    split_field="split",
    no_group="each photograph is one row",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    require(*(path for split in SPLITS for path in annotation_files(root, split)))
    read_numbers: set[int] = set()
    for split in SPLITS:
        joined = read_split(root, split)
        yield from joined.broken
        scenes = joined.scenes
        pool = CaptionPool(
            {number: telling(scene.captions) for number, scene in scenes.items()},
            {number: scene.areas.keys() for number, scene in scenes.items()},
        )
        for number in sorted(scenes.keys() - read_numbers):
            scene = scenes[number]
            if scene.image is None:
                yield BrokenRow(f"{number}", "image_not_listed", f"{split} lists no such image")
                continue
            yield Row(
                key=f"{number}",
                image=scene.image,
                captions=tuple(scene.captions),
                present=tuple(sorted(scene.areas, key=lambda kind: (-scene.areas[kind], kind))),
                kinds=joined.classes,
                wrong_captions=pool.sample(number, WRONG_CAPTIONS),
                split=split_of(split),
            )
        read_numbers |= scenes.keys()


WRONG_CAPTIONS = 4
NO_PICTURE = re.compile(
    r"(?i)there is no (?:image|picture)|(?:unable to|not) see (?:an|the|any) im"
)


def telling(captions: Sequence[str]) -> tuple[str, ...]:
    """Return the descriptive captions, without duplicates and with single spaces."""
    seen = (" ".join(caption.split()) for caption in captions if not NO_PICTURE.search(caption))
    return tuple(dict.fromkeys(seen))


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for split, indices in (
        ("train2017", [index for index in range(count) if index % 5 < 4]),
        ("val2017", [index for index in range(count) if index % 5 == 4]),
    ):
        if indices:
            write_coco(root, split, indices)


def choice(row: Row, group: str) -> Example | None:
    """Make an example that asks which one kind of a supercategory is in the picture."""
    members = row.kinds.get(group, ())
    present = [name for name in row.present if name in members]
    if not present:
        return None
    absent = [name for name in members if name not in present]
    if not absent:
        raise UnusableError("no_wrong_option", f"every kind of {group} is in the image")
    return Example(image=row.image, target=present[0], options=(present[0], *absent))


def own_caption(row: Row, purpose: str) -> tuple[str, tuple[str, ...]]:
    """Draw one of the picture's captions by hash, and name what was mended in them."""
    captions = telling(row.captions)
    if not captions:
        raise UnusableError("no_caption", "no caption describes the image")
    without = sum(NO_PICTURE.search(caption) is not None for caption in row.captions)
    repairs = {
        "caption_without_picture": without > 0,
        "trimmed_blanks": any(caption != " ".join(caption.split()) for caption in row.captions),
    }
    repaired = tuple(name for name, happened in repairs.items() if happened)
    return captions[stable_hash(row.key, purpose) % len(captions)], repaired


@dataset.task(
    """
    Only one of the animals listed below appears in this photograph. Which one?
    """,
    title="MSCOCO animal recognition",
    official_name="coco+image_classification_animal",
    category="General Object",
    published_form='options "This image contains X"',
)
def image_classification_animal(row: Row) -> Example | None:
    return choice(row, "animal")


@dataset.task(
    """
    Find the kitchen or bathroom appliance or fixture in this scene, and choose its name from the
    list.
    """,
    title="MSCOCO appliance recognition",
    official_name="coco+image_classification_appliance",
    category="General Object",
    published_form='options "This image contains X"',
)
def image_classification_appliance(row: Row) -> Example | None:
    return choice(row, "appliance")


@dataset.task(
    """
    Homes, offices and cafés are furnished with things like those below. Exactly one of them is
    visible in this photo. Which one?
    """,
    title="MSCOCO furniture recognition",
    official_name="coco+image_classification_furniture",
    category="General Object",
    published_form='options "This image contains X"',
)
def image_classification_furniture(row: Row) -> Example | None:
    return choice(row, "furniture")


@dataset.task(
    """
    Which item of tableware from the options is in this image?
    """,
    title="MSCOCO kitchen object recognition",
    official_name="coco+image_classification_kitchen",
    category="General Object",
)
def image_classification_kitchen(row: Row) -> Example | None:
    return choice(row, "kitchen")


@dataset.task(
    """
    This scene includes a piece of sports equipment, in use or lying around, and perhaps rather
    small. Choose the option that names it.
    """,
    title="MSCOCO sports object recognition",
    official_name="coco+image_classification_sports",
    category="General Object",
    published_form='options "This image contains X"',
)
def image_classification_sports(row: Row) -> Example | None:
    return choice(row, "sports")


@dataset.task(
    """
    Exactly one type of vehicle from the options is in this picture, moving or parked, complete or
    cut off. Name it.
    """,
    title="MSCOCO vehicle recognition",
    official_name="coco+image_classification_vehicle",
    category="General Object",
    published_form='options "This image contains X"',
)
def image_classification_vehicle(row: Row) -> Example | None:
    return choice(row, "vehicle")


@dataset.task(
    """
    Sum up this photograph in one short sentence: the most important people, animals or things in
    it, and what they are doing or where they are.
    """,
    title="MSCOCO short image captioning",
    official_name="image_caption",
    category="Coarse-grained Captioning",
    metric="cider",
)
def image_caption(row: Row) -> Example | None:
    if not row.captions:
        return None
    target, repaired = own_caption(row, "image_caption")
    return Example(
        image=row.image, target=target, references=telling(row.captions), repaired=repaired
    )


MATCH = "yes, the sentence describes the image"
NO_MATCH = "no, the sentence is about something else"


@dataset.task(
    """
    Read the sentence below and compare it with the image. Was it written about this image?
    """,
    title="MSCOCO image text matching",
    official_name="ITM",
    category="Image Text Matching",
)
def itm(row: Row) -> Example | None:
    if not row.captions:
        return None
    if stable_hash(row.key, "matches") % 2 == 0:
        text, repaired = own_caption(row, "itm")
        return Example(
            image=row.image, text=text, target=MATCH, options=(MATCH, NO_MATCH), repaired=repaired
        )
    text = wrong_ones(row)[0]
    return Example(image=row.image, text=text, target=NO_MATCH, options=(MATCH, NO_MATCH))


def wrong_ones(row: Row) -> tuple[str, ...]:
    if not row.wrong_captions:
        raise UnusableError("no_wrong_option", "no caption of another image is surely wrong here")
    return row.wrong_captions


@dataset.task(
    """
    The captions below were written for different photographs, and only one of them belongs to the
    photograph that you see. Select that caption.
    """,
    title="MSCOCO image text selection",
    official_name="image_text_selection",
    category="Image Text Matching",
)
def image_text_selection(row: Row) -> Example | None:
    if not row.captions:
        return None
    target, repaired = own_caption(row, "image_text_selection")
    options = (target, *wrong_ones(row))
    return Example(image=row.image, target=target, options=options, repaired=repaired)
