"""Road Anomaly: 60 photographs of dangers on the road that nobody expects there.

Layout: the readme of the release, of which copies lie in the owners' and other repositories (the
search that found them names none), has `frame_list.json`, the list of the file names, and the
pictures in `frames`; training code (a class RoadAnomaly for torch, and several others) reads both
so. The pictures are WebP in the folder `RoadAnomaly` and JPEG in the owners' second packing,
`RoadAnomaly_jpg`; both are read, with the folder or without it.

The labels of the release are masks, which have no words; what the danger is only the names of the
pictures tell, and the published example takes its answer from there: `lost_tires08` has lost tires.
So the answer is the word before the number, and for the group `obstacles` the kind that follows it,
as in `obstacles12_rocks5`; the group counts as right too. Other words after the number, as those of
the animals, are mostly the title of the photograph, and are left alone. The 60 names of the release
are known, and each of them begins with a group that can be an answer.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import COLORS, FRAME, SIZE, WHITE, Box, jitter_box, polygon, regular_polygon
from visionflan.drawing.icons import icon
from visionflan.drawing.styles import gradient
from visionflan.errors import UnusableError
from visionflan.hashing import hash_fraction, pick
from visionflan.layouts import inside, json_list, require
from visionflan.layouts.fields import read_records, text
from visionflan.specimens import write_image, write_json

NAME = re.compile(r"(?P<group>[A-Za-z_]+?)_?\d+(?:_(?:(?P<kind>[a-z_]+)\d*|.*))?")
GENERAL = "obstacles"


class Row(NamedTuple):
    key: str
    image: Path


dataset = Dataset[Row](
    title="Road Anomaly",
    homepage="https://www.epfl.ch/labs/cvlab/data/road-anomaly/",
    license="research-only",
    terms="The owners provide the images for research; their authors are named in credits.txt.",
    citation="Lis, Nakka, Fua and Salzmann (2019), Detecting the Unexpected via Image Resynthesis, "
    "ICCV",
    obtain="""
        Download RoadAnomaly.zip or RoadAnomaly_jpg.zip through the link on the homepage and unpack
        it here.
    """,
    tree="""
        RoadAnomaly/
            frame_list.json
            frames/animals01_Guiguinto_railway_station_Calves.webp
            frames/animals01_Guiguinto_railway_station_Calves.labels/labels_semantic.png
            ...
    """,
    no_split="the 60 images are published undivided",
    no_group="each image shows another scene",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    homes = (root / "RoadAnomaly", root / "RoadAnomaly_jpg", root)
    path = require(*(home / "frame_list.json" for home in homes))
    names = enumerate(json_list(path))
    yield from read_records(path, names, partial(to_row, path.parent / "frames"))


def to_row(frames: Path, record: object) -> Row:
    name = text(record)
    return Row(Path(name).stem, inside(frames, name))


def dangers(name: str) -> tuple[str, ...]:
    """Return the words for the danger in the name of a picture, the most exact one first."""
    if not (match := NAME.fullmatch(name)):
        raise UnusableError("no_danger_named", f"{name!r} does not begin with a kind of danger")
    group = match["group"].replace("_", " ").lower()
    kind = (match["kind"] or "").replace("_", " ").strip()
    words = [kind] if group == GENERAL and kind else []
    return (*words, group)


@dataset.task(
    """
    Something on or beside this road may cause an accident. Name it in one or two words, in the
    singular for one thing and in the plural for several, for example "rocks", "cones" or "lost
    tires". For animals of any kind or number, write "animals"; for an unusual vehicle, write
    "vehicle".
    """,
    official_name="Road-Anomaly+anomaly_detection",
    title="Road-Anomaly road anomaly detection",
    category="Anomaly Detection",
    published_form='"The dangers are X."',
)
def anomaly_detection(row: Row) -> Example:
    words = dangers(row.key)
    return Example(image=row.image, target=words[0], references=words)


FRAMES = ("animals{}_crossing_road", "lost_tires{}", "obstacles{}_rocks5", "obstacles{}_cones")
ANIMALS = ("cow", "sheep", "zebra", "horse", "elephant", "dog")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    home = root / "RoadAnomaly"
    names = []
    for index in range(count):
        frame = FRAMES[index % len(FRAMES)]
        name = f"{frame.format(f'{index // len(FRAMES) + 1:02d}')}.webp"
        write_image(home / "frames" / name, road(frame, index))
        names.append(name)
    write_json(home / "frame_list.json", names)


def road(frame: str, index: int) -> Image.Image:
    """Draw a road that leads away, with two dangers on it."""
    ground = pick(((110, 150, 80), (190, 170, 120), (150, 150, 140)), 1, "road", index)[0]
    image = gradient((150, 190, 235), (225, 230, 225))
    pen = ImageDraw.Draw(image)
    pen.rectangle(FRAME.part(0, 0.35, 1, 1), fill=ground)
    pen.polygon(polygon(FRAME, [(0.42, 0.35), (0.58, 0.35), (1, 1), (0, 1)]), fill=(95, 95, 100))
    pen.polygon(polygon(FRAME, [(0.49, 0.35), (0.51, 0.35), (0.54, 1), (0.46, 1)]), fill=WHITE)
    for place, left in enumerate((0.08, 0.52)):
        spot = FRAME.part(left, 0.42, left + 0.4, 0.95)
        box = jitter_box(spot, "road", index, place, by=0.3)
        if frame.startswith("animals"):
            kind = pick(ANIMALS, 1, "road", index)[0]
            icon(image, kind, box, "black" if kind == "zebra" else "brown")
        elif frame.startswith("lost_tires"):
            pen.ellipse(box, outline=(20, 20, 20), width=max(4, round(SIZE * 0.08)))
        elif "rocks" in frame:
            gray = 60 + round(70 * hash_fraction("road", index, place))
            pen.polygon(regular_polygon(box, 7), fill=(gray, gray - 8, gray - 20))
        else:
            cone(pen, box)
    return image


def cone(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw a traffic cone with a white band."""
    pen.polygon(polygon(box, [(0.5, 0.0), (0.85, 0.9), (0.15, 0.9)]), fill=COLORS["orange"])
    band = [(0.35, 0.38), (0.65, 0.38), (0.73, 0.6), (0.27, 0.6)]
    pen.polygon(polygon(box, band), fill=WHITE)
    pen.rectangle(box.part(0.05, 0.88, 0.95, 0.98), fill=COLORS["orange"])
