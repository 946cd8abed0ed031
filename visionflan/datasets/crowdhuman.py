"""CrowdHuman: photographs of crowds from the web with every person boxed.

Witnesses of the layout: the owners' download page as several converters quote it (such as
cocojson's crowdhuman2coco.py): each line of `annotation_{train,val}.odgt` is JSON with `ID`, the
name of the image without its suffix, and `gtboxes` with `tag` ("person", or "mask" for a crowd, a
reflection or something like a person) and, where there is something to say, `extra` with `ignore`;
and loaders that look for the images in `CrowdHuman_train0{1,2,3}/Images` and
`CrowdHuman_val/Images`, which the archives unpack to if each gets a folder of its own. Others
unpack all into one `Images`, or keep `CrowdHuman_train/Images`, or `train` and `val`; all are read.
The test part has no annotations and is not read.

Counted are the boxes tagged as persons that are not to be ignored. What is masked is not counted,
so that where a picture shows an unresolved crowd behind the people in front, the count is that of
the people who can be told apart, as the instruction says. The number is judged with five per cent
of tolerance, since nobody counts a hundred heads exactly.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from visionflan import drawing, layouts, specimens
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import icons
from visionflan.errors import UnusableError
from visionflan.hashing import pick, stable_hash
from visionflan.layouts.fields import flag, identifier, items, mapping, read_records, text
from visionflan.layouts.official_splits import split_of

FOLDERS = {
    "train": (
        "CrowdHuman_train01/Images",
        "CrowdHuman_train02/Images",
        "CrowdHuman_train03/Images",
        "CrowdHuman_train/Images",
        "Images",
        "train",
    ),
    "val": ("CrowdHuman_val/Images", "Images", "val"),
}


class Row(NamedTuple):
    key: str
    image: Path
    people: int

    @property
    def split(self) -> str:
        """Return the official split."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="CrowdHuman",
    homepage="https://www.crowdhuman.org/",
    license="non-commercial",
    terms="For non-commercial research and education only; the images must not be redistributed.",
    citation="Shao, Zhao, Li, Xiao, Yu, Zhang, Sun (2018), CrowdHuman: A Benchmark for Detecting "
    "Human in a Crowd, arXiv:1805.00123",
    obtain="""
        Accept the terms on the download page of the homepage, put the two .odgt files here, and
        unpack each archive of images into a directory of the archive's name.
    """,
    tree="""
        annotation_train.odgt
        annotation_val.odgt
        CrowdHuman_train01/Images/273271,1a0d6000b9e1f5b7.jpg
        CrowdHuman_val/Images/273271,1b9330008da38cd6.jpg
    """,
    split_field="split",
    no_group="the release does not tell which images belong together",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    for path in layouts.existing_paths(*(root / f"annotation_{split}.odgt" for split in FOLDERS)):
        split = path.stem.removeprefix("annotation_")
        folders = layouts.existing_paths(*(root / name for name in FOLDERS[split]))
        pictures = {image.stem: image for folder in folders for image in folder.iterdir()}
        for image in read_records(path, layouts.json_lines(path), count_people):
            if isinstance(image, BrokenRow):
                yield image
            else:
                name, people = image
                location = pictures.get(name, folders[0] / f"{name}.jpg")
                yield Row(f"{split}/{name}", location, people)


def count_people(record: dict[str, Any]) -> tuple[str, int]:
    """Return the name of an image, and the number of people in it."""
    return identifier(record, "ID"), sum(map(is_counted, items(record, "gtboxes")))


def is_counted(box: dict[str, Any]) -> bool:
    """Return whether a box is around a person that the owners do not exclude."""
    if text(box, "tag") != "person":
        return False
    extra = mapping(box, "extra") if "extra" in box else {}
    return not ("ignore" in extra and flag(extra, "ignore"))


@dataset.task(
    """
    Count the people in this photo, including those who are partly hidden behind others or cut off
    at its edge. Do not count reflections, posters, statues or people in a distant crowd who cannot
    be told apart. Reply with the number alone, in digits.
    """,
    """
    How many people are in this photo? Someone who is partly covered by others or cut off by the
    edge counts. Reflections, people on posters, statues, and distant crowds in which no single
    person can be told apart do not. Give just the number, in digits.
    """,
    """
    Answer with one number in digits: the number of people in the picture. It includes people who
    are only partly visible, whether behind others or at the edge, but no mirror images, no posters
    or statues, and nobody in a faraway crowd that is just a blur.
    """,
    """
    For a study of crowds, every person in a photo has to be counted, even if only a part of the
    body can be seen behind others or at the border. Posters, statues, reflections and people too
    far away to be told apart are ignored. What is the count for this photo? Write it in digits and
    add nothing else.
    """,
    """
    Go over the whole photo and add up the real people in it, partly hidden and cut-off ones too.
    Skip statues, posters and reflections, and skip any distant crowd whose members cannot be
    distinguished. Then write the total as a number in digits.
    """,
    title="CrowdHuman counting of people in crowds",
    official_name="crowdhuman+count_numbers",
    category="Perception",
    metric="relaxed_accuracy",
    published_form='"There are X people in this picture"',
)
def count_numbers(row: Row) -> Example:
    if not row.people:
        raise UnusableError("nobody_counted", "no person is annotated but those to be ignored")
    return Example(image=row.image, target=str(row.people))


MOST = 8


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lines: dict[str, list[str]] = {split: [] for split in FOLDERS}
    for index in range(count):
        split = "val" if index % 4 == 3 else "train"
        folder = "CrowdHuman_val" if split == "val" else f"CrowdHuman_train0{1 + index % 3}"
        name = f"273271,{stable_hash('crowdhuman', index):016x}"
        people = 1 + (index + stable_hash("crowdhuman", index // MOST)) % MOST
        image, boxes = crowd(people, index)
        specimens.write_image(root / folder / "Images" / f"{name}.jpg", image)
        lines[split].append(json.dumps({"ID": name, "gtboxes": boxes}))
    for split, records in lines.items():
        specimens.write_lines(root / f"annotation_{split}.odgt", records)


def crowd(people: int, index: int) -> tuple[Image.Image, list[dict[str, object]]]:
    """Draw some people, and now and then a framed poster of one, which is masked."""
    image = drawing.canvas("crowdhuman", index)
    boxes = []
    cells = drawing.choose_cells(people + 1, "crowdhuman", index)
    for place, cell in enumerate(cells[:people]):
        box = drawing.jitter_box(cell, "crowdhuman", index, place)
        icons.icon(image, "person", box, pick(SHIRTS, 1, "crowdhuman", index, place)[0])
        extra = {"box_id": place, "occ": 0}
        boxes.append(record(box, "person", extra))
    if index % 5 == 2:
        poster = cells[people].part(0.2, 0.1, 0.8, 0.9)
        ImageDraw.Draw(image).rectangle(poster, fill=(90, 90, 90), outline=drawing.BLACK, width=3)
        icons.icon(image, "person", poster.part(0.2, 0.2, 0.8, 0.85), "gray")
        boxes.append(record(poster, "mask", {"ignore": 1}))
    return image, boxes


SHIRTS = ("red", "blue", "green", "purple", "orange")


def record(box: drawing.Box, tag: str, extra: dict[str, int]) -> dict[str, object]:
    """Write a box as the release does: left, top, width and height of three frames."""
    left, top, right, bottom = map(round, box)
    full, head = [left, top, right - left, bottom - top], [left, top, right - left, 5]
    return {"tag": tag, "fbox": full, "vbox": full, "hbox": head, "extra": extra}
