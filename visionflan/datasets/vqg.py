"""VQG: natural questions that people asked about photographs from COCO, Flickr and a news search.

Witnesses of the layout, which are training codes that read the raw files: the nine lists
`{bing,coco,flickr}_{train,val,test}_all.csv`; one code names the columns as `image_id`,
`image_url`, `questions` and `ratings`, another those of the Bing lists as `image_id`, `image_url`,
`query_term`, `questions` and `captions`; the questions of a picture are joined by `---`. The
release holds addresses and no images; two codes keep what they fetch as `<image_id>.jpg` in a
folder named as the list (`bing_train_all`), which is the layout read here. For the COCO lists,
whose addresses end with a file name of COCO 2014, the folders of COCO are read as well. All lists
have questions and are read. The captions of the Bing lists are joined by `---` as well.

Many of the addresses are dead by now: what was not fetched is counted as a missing image.

Each picture gives one question and, in the Bing lists, one caption, drawn by hash; all are
references. Line ends and runs of blanks become single blanks.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan import drawing, layouts, specimens
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import icons
from visionflan.errors import UnusableError
from visionflan.hashing import pick, stable_hash
from visionflan.image_urls import ImageUrl, ImageUrls
from visionflan.layouts.fields import identifier, integer, optional_text, read_records, text
from visionflan.layouts.official_splits import split_of
from visionflan.layouts.tables import csv_rows

SOURCES = ("bing", "coco", "flickr")
SPLITS = ("train", "val", "test")
BETWEEN = "---"
COCO_NAME = re.compile(r"COCO_(train2014|val2014)_(\d{12})\.jpg$")


class Row(NamedTuple):
    key: str
    image: Path
    questions: str
    captions: str

    @property
    def split(self) -> str:
        """Return the official split, which the key names after the source."""
        return split_of(self.key.partition("_")[2])


dataset = Dataset[Row](
    title="VQG",
    homepage="https://www.microsoft.com/en-us/download/details.aspx?id=53670",
    license="unknown",
    terms="""
        The images are not part of the release: they belong to those who put them on the web, and
        those of COCO keep the terms of Flickr.
    """,
    citation="Mostafazadeh, Misra, Devlin, Mitchell, He, Vanderwende (2016), Generating Natural "
    "Questions About an Image, ACL",
    obtain="""
        Download the lists from the homepage, and then the images with `visionflan fetch --dataset
        vqg`: each is saved under its image_id with the suffix .jpg in a directory with the name of
        the list. Where there is no such directory, those of COCO are read from train2014 and
        val2014, here or in a directory named coco beside this one.
    """,
    tree="""
        bing_train_all.csv
        bing_train_all/4acbd431-5b8c-47d3-a2d7-c6557fcbb373.jpg
        coco_train_all.csv
        train2014/COCO_train2014_000000262415.jpg
        flickr_train_all.csv
        flickr_train_all/71.jpg
    """,
    split_field="split",
    no_group="each image belongs to itself alone",
    neighbors=("coco",),
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    names = (f"{source}_{split}_all.csv" for source in SOURCES for split in SPLITS)
    for path in layouts.existing_paths(*(root / name for name in names)):
        columns = ("image_id", "image_url", "questions")
        lines = enumerate(csv_rows(path, *columns), start=1)
        yield from read_records(path, lines, partial(to_row, root / path.stem))


def to_row(folder: Path, line: dict[str, str]) -> Row:
    name, questions = identifier(line, "image_id"), text(line, "questions")
    key = f"{folder.name.removesuffix('_all')}/{name}"
    image = picture(folder, name, text(line, "image_url"))
    return Row(key, image, questions, optional_text(line, "captions"))


def picture(folder: Path, name: str, address: str) -> Path:
    """Place a picture in the folder of its list or, if there is none, in a folder of COCO."""
    match = COCO_NAME.search(address)
    if match is None or layouts.is_folder(folder):
        return layouts.inside(folder, f"{name}.jpg")
    return layouts.coco_image(folder.parent, match[1], integer(match.groups(), 1))


@dataset.downloads
def image_urls(root: Path) -> Iterator[ImageUrls]:
    names = (f"{source}_{split}_all.csv" for source in SOURCES for split in SPLITS)
    for path in layouts.existing_paths(*(root / name for name in names)):
        yield ImageUrls(path.stem, partial(listed_urls, path))


def listed_urls(path: Path) -> Iterator[ImageUrl]:
    for place, line in enumerate(csv_rows(path, "image_id", "image_url")):
        if not isinstance(line, BrokenRow):
            name = f"{line['image_id']}.jpg"
            where = picture(path.with_suffix(""), line["image_id"], line["image_url"]).parent
            if where == path.with_suffix("") or not where.is_dir():  # or it is in a folder of COCO
                yield ImageUrl(line["image_url"], place, name)


def one_of(row: Row, joined: str, purpose: str) -> Example:
    """Draw one of the texts that are joined in a column, and keep all as references."""
    raw = joined.split(BETWEEN)
    texts = tuple(dict.fromkeys(text for each in raw if (text := " ".join(each.split()))))
    if not texts:
        raise UnusableError("no_text", f"the image has no {purpose}")
    return Example(
        image=row.image,
        target=texts[stable_hash(row.key, purpose) % len(texts)],
        references=texts,
        repaired=("trimmed_blanks",) if not set(texts) <= set(raw) else (),
    )


@dataset.task(
    """
    Imagine that a friend shows you this picture. What would you naturally want to know? Ask one
    question that the scene raises in your mind and that cannot be answered just by looking, and do
    not answer it yourself.
    """,
    """
    Write one question, and no answer, that a person would naturally ask on seeing this picture.
    Looking at the picture must not be enough to answer it.
    """,
    """
    What does this scene make you curious about? Put it into a single question that goes beyond what
    can be seen, and leave the answer to others.
    """,
    """
    You are starting a conversation with the person who posted this picture. Ask them something
    about the event, the people or the things in it that the picture itself does not reveal. One
    question is enough, without an answer.
    """,
    """
    If all you had was this picture, what would you ask the photographer first? Give just that one
    question. It should not be one that the picture already answers.
    """,
    title="VQG visual question generation",
    official_name="VQG+question_generation",
    category="Rational and Script Generation",
    metric="cider",
)
def question_generation(row: Row) -> Example:
    return one_of(row, row.questions, "question")


@dataset.task(
    """
    Say in a single brief statement what the picture shows, and name the event or activity if there
    is one.
    """,
    title="VQG short image captioning",
    official_name="VQG+caption_generation",
    category="Coarse-grained Captioning",
    metric="cider",
)
def caption_generation(row: Row) -> Example | None:
    return one_of(row, row.captions, "caption") if row.captions.strip() else None


THINGS = ("house", "car", "tree", "boat", "bus")
# What happens to a thing: how a caption says it, and what people ask.
EVENTS = {
    "fire": ("on fire", ("How did the fire start?", "Was anyone hurt in the fire?")),
    "rain": ("in the rain", ("When will the rain stop?", "Did anyone bring an umbrella?")),
    "night": ("at night", ("Why is it so dark?", "What time of night is it?")),
    "party": ("with balloons", ("Whose birthday is it?", "Who is coming to the party?")),
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lists = {"bing_train_all": [BING], "coco_train_all": [OTHERS], "flickr_val_all": [OTHERS]}
    for index in range(count):
        stem = ("bing_train_all", "bing_train_all", "coco_train_all", "flickr_val_all")[index % 4]
        thing = pick(THINGS, 1, "vqg", index, "thing")[0]
        event = list(EVENTS)[(index + index // 4) % len(EVENTS)]
        saying, questions = EVENTS[event]
        joined = BETWEEN.join(questions)
        name, place = f"{1000 + index}", f"{stem}/{1000 + index}.jpg"
        if stem == "coco_train_all":
            place = f"train2014/COCO_train2014_{1000 + index:012d}.jpg"
        address = f"http://example.org/{place}"
        captions = BETWEEN.join((f"A {thing} {saying}.", f"There is a {thing} {saying}."))
        bing = f"{name},{address},{event},{joined},{captions}"
        lists[stem].append(bing if stem.startswith("bing") else f"{name},{address},{joined},3")
        specimens.write_image(root / place, scene(thing, event, index))
    for stem, lines in lists.items():
        specimens.write_lines(root / f"{stem}.csv", lines)


BING = "image_id,image_url,query_term,questions,captions"
OTHERS = "image_id,image_url,questions,ratings"


def scene(thing: str, event: str, index: int) -> Image.Image:
    """Draw a thing and what happens to it."""
    image = drawing.canvas("vqg", index)
    pen = ImageDraw.Draw(image)
    if event == "night":
        pen.rectangle(drawing.FRAME, fill=(15, 15, 50 + stable_hash("vqg", index, "sky") % 50))
        moon = drawing.FRAME.part(0.04, 0.02, 0.3, 0.28)
        pen.ellipse(drawing.jitter_box(moon, "vqg", index, "moon", by=0.3), fill=(250, 240, 180))
    color = pick(("blue", "green", "purple", "cyan"), 1, "vqg", index, "colour")[0]
    room = drawing.FRAME.part(0.1, 0.26, 0.9, 0.98)
    box = drawing.jitter_box(room, "vqg", index, by=0.2)
    icons.icon(image, thing, box, color)
    if event in DRAWN:
        DRAWN[event](pen, box)
    return image


def flames(pen: ImageDraw.ImageDraw, box: drawing.Box) -> None:
    for x in (0.1, 0.38, 0.66):
        for inset, color in ((0.0, "red"), (0.07, "yellow")):
            foot = box.part(x + inset, -0.3 + 2.2 * inset, x + 0.28 - inset, 0.55)
            pen.polygon(
                drawing.polygon(foot, [(0, 1), (0.5, 0), (1, 1)]), fill=drawing.COLORS[color]
            )


def rain(pen: ImageDraw.ImageDraw, box: drawing.Box) -> None:
    pen.ellipse(drawing.FRAME.part(0.1, -0.1, 0.9, 0.18), fill=(110, 110, 120))
    for place in range(15):
        x, y = 6 + 6 * place, 22 + 23 * (place % 3)
        pen.line([(x, y), (x - 4, y + 12)], fill=drawing.COLORS["blue"], width=2)


def balloons(pen: ImageDraw.ImageDraw, box: drawing.Box) -> None:
    for place, color in enumerate(("red", "yellow", "orange", "purple")):
        left = 0.04 + 0.24 * place
        round_part = drawing.FRAME.part(left, 0.02, left + 0.2, 0.26)
        pen.line([round_part.at(0.5, 1), box.at(0.5, 0.5)], fill=drawing.BLACK)
        pen.ellipse(round_part, fill=drawing.COLORS[color])


DRAWN = {"fire": flames, "rain": rain, "party": balloons}
