"""CORe50: 164,866 frames of videos in which a hand holds and turns one of 50 household objects.

Layout: `core50_128x128/s<session>/o<object>/C_<session>_<object>_<frame>.png`, eleven sessions of
50 objects (training codes such as w5688414/keras-CORe50-benchmark name such paths, and a published
instance of the paper's data is called C_09_41_288.png and shows a cup). The owner's list
(vlomonaco/core50, extras/core50_labels.txt) names the objects in order of their numbers, five of
each of ten kinds; the 41st is cup1. The archives core50_128x128.zip and core50_350x350.zip are read
in place too. Of several sizes the larger is read, since both show the same frames. The array file
core50_imgs.npz, a third form of the same frames, is not read.

Frames of one video are nearly alike: a session has one video of each object, which is held out as a
whole. The owner tests on sessions 3, 7 and 10 (core/create_sI_filelist.py, counted from zero).
"""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import BLACK, COLORS, FRAME, RGB, SIZE, WHITE, Box, jitter_box
from visionflan.drawing.icons import ICONS
from visionflan.drawing.styles import photo
from visionflan.errors import ReleaseError
from visionflan.hashing import pick
from visionflan.image_sources import ArchiveMember, ImageSource
from visionflan.layouts import is_image_file, require
from visionflan.layouts.fields import integer
from visionflan.specimens import write_image

KINDS = (
    "plug adapter",
    "mobile phone",
    "scissors",
    "light bulb",
    "can",
    "glass",
    "ball",
    "marker",
    "cup",
    "remote control",
)
OBJECTS_OF_A_KIND = 5
TEST_SESSIONS = ("s3", "s7", "s10")
FRAME_NAME = re.compile(r"s\d+/o\d+/C_\d+_(?P<object>\d+)_\d+\.png")
HOMES = ("core50_350x350", "core50_350x350.zip", "core50_128x128", "core50_128x128.zip")


class Row(NamedTuple):
    key: str
    image: ImageSource
    kind: str

    @property
    def split(self) -> str:
        """Return the official split."""
        return "test" if self.key.partition("/")[0] in TEST_SESSIONS else "train"

    @property
    def video(self) -> str:
        """Return the session and the object, of which there is one video."""
        return self.key.rpartition("/")[0]


dataset = Dataset[Row](
    title="CORe50",
    homepage="https://vlomonaco.github.io/core50/",
    license="CC-BY-4.0",
    citation="Lomonaco and Maltoni (2017), CORe50: a New Dataset and Benchmark for Continuous "
    "Object Recognition, CoRL",
    obtain="""
        Download core50_128x128.zip or core50_350x350.zip from the homepage, and put it here, either
        unpacked or as it is.
    """,
    tree="""
        core50_128x128/
            s1/o1/C_01_01_000.png
            ...
            s11/o50/C_11_50_299.png
    """,
    split_field="split",
    group_field="video",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    home = require(*(root / name for name in HOMES))
    any_frame = False
    for place, image in archived(home) if home.suffix == ".zip" else unpacked(home):
        if not (frame := FRAME_NAME.fullmatch(place)):
            if is_image_file(Path(place)):
                yield BrokenRow(
                    place, "malformed_name", f"{place} in {home} is not named as a frame"
                )
            continue
        any_frame, number = True, integer(frame.groupdict(), "object") - 1
        if number // OBJECTS_OF_A_KIND in range(len(KINDS)):
            yield Row(place, image, KINDS[number // OBJECTS_OF_A_KIND])
        else:
            yield BrokenRow(
                place, "unknown_object", f"{place} in {home} is of none of the 50 objects"
            )
    if not any_frame:
        raise ReleaseError(f"{home} contains no frame such as s1/o1/C_01_01_000.png")


def unpacked(home: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files below each object of each session."""
    for folder in sorted(home.glob("s*/o*")):
        for image in sorted(folder.iterdir()):
            yield image.relative_to(home).as_posix(), image


def archived(home: Path) -> Iterator[tuple[str, ArchiveMember]]:
    """Yield the members of an archive, named without the folder around all."""
    with zipfile.ZipFile(home) as archive:
        for name in sorted(archive.namelist()):
            yield "/".join(PurePosixPath(name).parts[-3:]), ArchiveMember(home, name)


@dataset.task(
    """
    A hand holds something up to the camera, indoors or outdoors. Which of these is it: plug
    adapter, mobile phone, scissors, light bulb, can, glass, ball, marker, cup or remote control?
    Answer with that name.
    """,
    title="Core50 object recognition",
    official_name="Core50+Object_detection",
    category="General Object",
)
def object_detection(row: Row) -> Example:
    return Example(image=row.image, target=row.kind)


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        kind, session = index % len(KINDS), index % 11 + 1
        subject = Image.new("RGBA", (SIZE, SIZE))
        pen = ImageDraw.Draw(subject)
        box = jitter_box(FRAME.part(0.1, 0.02, 0.9, 0.82), "core50", index, by=0.2)
        color = COLORS[pick(("red", "blue", "green", "orange"), 1, "core50", index)[0]]
        draw(pen, KINDS[kind], box, color)
        pen.ellipse(FRAME.part(0.3, 0.78, 0.7, 1.2), fill=(225, 170, 140))
        number = kind * OBJECTS_OF_A_KIND + index // len(KINDS) % OBJECTS_OF_A_KIND + 1
        name = f"C_{session:02d}_{number:02d}_{index:03d}.png"
        place = root / "core50_128x128" / f"s{session}" / f"o{number}" / name
        write_image(place, photo(subject, "core50", index).resize((128, 128)))


def draw(pen: ImageDraw.ImageDraw, kind: str, box: Box, color: RGB) -> None:
    """Draw one of the ten kinds."""
    if kind in OWN:
        for left, top, right, bottom, fill in OWN[kind]:
            pen.rounded_rectangle(box.part(left, top, right, bottom), 4, fill=fill or color)
    else:
        ICONS[{"glass": "wine glass"}.get(kind, kind)](pen, box, color)
    if kind == "scissors":
        for ends in ([(0.3, 0.7), (0.7, 0.0)], [(0.7, 0.7), (0.3, 0.0)]):
            pen.line([box.at(*end) for end in ends], fill=(200, 200, 210), width=5)
        for left in (0.12, 0.58):
            pen.ellipse(box.part(left, 0.66, left + 0.3, 0.98), outline=color, width=5)
    if kind == "light bulb":
        pen.ellipse(box.part(0.2, 0.0, 0.8, 0.64), fill=(255, 245, 170), outline=color, width=3)


GRAY: RGB = (160, 160, 165)
# Rectangles by their shares of the box, each with its color or with None for that of the thing.
OWN: dict[str, list[tuple[float, float, float, float, RGB | None]]] = {
    "plug adapter": [
        (0.3, 0.0, 0.38, 0.4, GRAY),
        (0.62, 0.0, 0.7, 0.4, GRAY),
        (0.15, 0.35, 0.85, 0.95, WHITE),
        (0.35, 0.55, 0.65, 0.75, None),
    ],
    "mobile phone": [(0.2, 0.0, 0.8, 1.0, BLACK), (0.26, 0.1, 0.74, 0.84, None)],
    "scissors": [],
    "light bulb": [(0.36, 0.6, 0.64, 1.0, GRAY), (0.36, 0.72, 0.64, 0.78, BLACK)],
    "can": [
        (0.2, 0.05, 0.8, 1.0, GRAY),
        (0.2, 0.15, 0.8, 0.9, None),
        (0.42, 0.0, 0.58, 0.06, BLACK),
    ],
    "marker": [
        (0.38, 0.3, 0.62, 1.0, None),
        (0.4, 0.1, 0.6, 0.3, BLACK),
        (0.46, 0, 0.54, 0.1, None),
    ],
    "remote control": [
        (0.3, 0.0, 0.7, 1.0, BLACK),
        (0.42, 0.06, 0.58, 0.16, (230, 40, 40)),
        *(
            (0.36 + 0.17 * column, 0.24 + 0.14 * row, 0.47 + 0.17 * column, 0.33 + 0.14 * row, GRAY)
            for row in range(5)
            for column in range(2)
        ),
    ],
}
