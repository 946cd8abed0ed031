"""LSUN: some ten million pictures of ten kinds of scenes, each kind in databases of its own.

Layout: a folder `<category>_<split>_lmdb` for each of ten categories, train and val, is an LMDB
database whose keys are hashes and whose values are encoded pictures; the owners' repository
(fyu/lsun, README.md and data.py) says so, and torchvision (torchvision/datasets/lsun.py) has the
same names of categories. They are read in place. The owners' data.py also exports a database to a
folder, nested by the first letters of the keys or flat; such a folder is read when it is called
`<category>_<split>` or `<category>`. The pictures are WebP in older copies, JPEG in newer ones, and
the suffix of exported ones may be that of the other kind. The test split has no labels.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import Dataset, Example
from visionflan.drawing import FRAME, RGB, SIZE, Box, darken, jitter_box, polygon
from visionflan.drawing.icons import icon
from visionflan.drawing.styles import gradient
from visionflan.hashing import pick, stable_hash
from visionflan.image_sources import ImageSource, LmdbEntry, lmdb_keys
from visionflan.layouts import is_image_file, require
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image
from visionflan.specimens.imagenet import class_at

SCENES = {
    "bedroom": "bedroom",
    "bridge": "bridge",
    "church_outdoor": "church",
    "classroom": "classroom",
    "conference_room": "conference room",
    "dining_room": "dining room",
    "kitchen": "kitchen",
    "living_room": "living room",
    "restaurant": "restaurant",
    "tower": "tower",
}
SPLITS = ("train", "val")


class Row(NamedTuple):
    key: str
    image: ImageSource
    scene: str

    @property
    def split(self) -> str:
        """Return the official split; empty for images exported without it."""
        part = self.key.partition("/")[0]
        return split_of(part.rpartition("_")[2]) if part.endswith(SPLITS) else ""


dataset = Dataset[Row](
    title="LSUN",
    homepage="https://github.com/fyu/lsun",
    license="unknown",
    terms="The owners' code is under the MIT license; they state none for the images, which come "
    "from a web search.",
    citation="Yu, Seff, Zhang, Song, Funkhouser and Xiao (2015), LSUN: Construction of a "
    "Large-scale Image Dataset using Deep Learning with Humans in the Loop, arXiv:1506.03365",
    obtain="""
        Download the scene categories with the script download.py of the homepage and unpack each
        here. Reading the databases needs the extra `readers`.
    """,
    tree="""
        bedroom_train_lmdb/
            data.mdb
        bedroom_val_lmdb/
        church_outdoor_train_lmdb/
        ...
    """,
    split_field="split",
    no_group="the release does not tell which images belong together",
)


@dataset.reader
def read(root: Path) -> Iterator[Row]:
    parts = {f"{category}_{split}": category for category in SCENES for split in SPLITS}
    parts |= {category: category for category in SCENES}
    databases = {name: root / f"{name}_lmdb" / "data.mdb" for name in parts}
    require(*databases.values(), *(root / name for name in parts))
    for name, category in parts.items():
        database = databases[name]
        if os.path.lexists(database) or database.parent.is_dir():  # one that is lost is an error
            yield from read_database(database.parent, name, SCENES[category])
        elif (root / name).is_dir():
            for path in pictures_below(root / name):
                yield Row(f"{name}/{path.stem}", path, SCENES[category])


def read_database(folder: Path, part: str, scene: str) -> Iterator[Row]:
    """Read the keys of a database, and none of its pictures."""
    for key in lmdb_keys(folder):
        name = key.decode("ascii", "backslashreplace")
        yield Row(f"{part}/{name}", LmdbEntry(folder, name), scene)


def pictures_below(folder: Path) -> Iterator[Path]:
    """Walk through nested folders, one at a time."""
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            yield from pictures_below(path)
        elif is_image_file(path):
            yield path


@dataset.task(
    """
    You can recognize rooms and buildings by their furniture, their shape and their use. What kind
    of place was photographed here, indoors or outdoors? Choose the option that describes it best.
    """,
    official_name="LSUN+Image_Classification",
    title="LSUN scene classification",
    category="Scene Classification",
)
def image_classification(row: Row) -> Example:
    return Example(image=row.image, target=row.scene, options=tuple(SCENES.values()))


# Of each scene in a room, its things and their places.
THINGS: dict[str, list[tuple[str, tuple[float, float, float, float]]]] = {
    "bedroom": [("bed", (0.1, 0.35, 0.95, 0.95)), ("lamp", (0.02, 0.2, 0.24, 0.6))],
    "dining_room": [
        ("table", (0.24, 0.42, 0.76, 0.95)),
        ("chair", (0.0, 0.42, 0.28, 0.95)),
        ("chair", (0.72, 0.42, 1.0, 0.95)),
    ],
    "kitchen": [
        ("refrigerator", (0.02, 0.15, 0.36, 0.95)),
        ("oven", (0.38, 0.45, 0.7, 0.95)),
        ("sink", (0.68, 0.45, 1.0, 0.9)),
    ],
    "living_room": [("sofa", (0.02, 0.45, 0.7, 0.95)), ("television", (0.66, 0.2, 0.98, 0.6))],
    "restaurant": [
        *(("wine glass", (x, 0.16, x + 0.22, 0.54)) for x in (0.08, 0.39, 0.7)),
        *(("table", (x, 0.54, x + 0.3, 0.95)) for x in (0.03, 0.35, 0.67)),
    ],
}
PAINTS: tuple[RGB, ...] = ((190, 170, 140), (150, 90, 70), (130, 130, 140), (100, 80, 70))
WALLS: tuple[RGB, ...] = ((205, 195, 180), (180, 195, 200), (200, 185, 190), (190, 200, 180))


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    entries: dict[str, dict[bytes, Image.Image]] = {}
    for index in range(count):
        category = class_at(index, list(SCENES), "lsun")
        name, image = f"{stable_hash('lsun', index):040x}", scene(category, index)
        if index % 10 == 9:
            below = Path(category, *name[:6], f"{name}.webp")
            write_image(root / below, image)
        else:
            part = f"{category}_{SPLITS[index % 10 == 0]}_lmdb"
            entries.setdefault(part, {})[name.encode()] = image
    for part, images in entries.items():
        write_database(root / part, images)


def write_database(folder: Path, images: dict[bytes, Image.Image]) -> None:
    """Write the pictures as WebP under their keys."""
    import io

    import lmdb

    folder.parent.mkdir(parents=True, exist_ok=True)
    # Without a lock, whose file names the process.
    opened = lmdb.open(str(folder), map_size=1 << 28, sync=False, lock=False)
    with opened, opened.begin(write=True) as transaction:
        for key, image in images.items():
            buffer = io.BytesIO()
            image.save(buffer, "WEBP")
            transaction.put(key, buffer.getvalue())


def scene(category: str, index: int) -> Image.Image:
    """Draw a place under the sky, or in a room with a wall and a floor."""
    paint = pick(PAINTS, 1, "lsun", index, "paint")[0]
    box = jitter_box(FRAME.part(0.02, 0.02, 0.98, 0.98), "lsun", index, by=0.12)
    if category in OUTDOORS:
        place = gradient((150, 190, 235), (225, 230, 225))
        ImageDraw.Draw(place).rectangle(FRAME.part(0, 0.85, 1, 1), fill=(110, 140, 80))
        OUTDOORS[category](ImageDraw.Draw(place), box, paint)
        return place
    place = Image.new("RGB", (SIZE, SIZE), pick(WALLS, 1, "lsun", index, "wall")[0])
    pen = ImageDraw.Draw(place)
    pen.rectangle(FRAME.part(0, 0.7, 1, 1), fill=darken(paint, 0.8))
    for thing, part in THINGS.get(category, ()):
        icon(place, thing, box.part(*part), pick(("blue", "green", "red"), 1, "lsun", index)[0])
    if category in MEETINGS:
        MEETINGS[category](pen, box, paint)
    return place


def bridge(pen: ImageDraw.ImageDraw, box: Box, paint: RGB) -> None:
    """Draw arches over water."""
    pen.rectangle(FRAME.part(0, 0.68, 1, 1), fill=(70, 120, 180))
    pen.rectangle(FRAME.part(0, 0.36, 1, 0.76), fill=paint)
    for x in (0.06, 0.54):
        pen.ellipse(box.part(x, 0.46, x + 0.4, 1.1), fill=(90, 140, 195))
    pen.rectangle(FRAME.part(0, 0.76, 1, 1), fill=(70, 120, 180))


def church(pen: ImageDraw.ImageDraw, box: Box, paint: RGB) -> None:
    """Draw a nave and a pointed steeple with a cross."""
    pen.rectangle(box.part(0.4, 0.6, 0.95, 0.98), fill=paint)
    pen.polygon(polygon(box, [(0.36, 0.62), (0.67, 0.4), (0.99, 0.62)]), fill=darken(paint))
    pen.rectangle(box.part(0.1, 0.42, 0.4, 0.98), fill=paint)
    pen.polygon(polygon(box, [(0.06, 0.44), (0.25, 0.14), (0.44, 0.44)]), fill=darken(paint))
    pen.line([box.at(0.25, 0.0), box.at(0.25, 0.16)], fill=(30, 30, 30), width=3)
    pen.line([box.at(0.18, 0.05), box.at(0.32, 0.05)], fill=(30, 30, 30), width=3)


def tower(pen: ImageDraw.ImageDraw, box: Box, paint: RGB) -> None:
    """Draw a slender tower with a broad top."""
    pen.polygon(polygon(box, [(0.42, 0.2), (0.58, 0.2), (0.64, 1), (0.36, 1)]), fill=paint)
    pen.rectangle(box.part(0.32, 0.12, 0.68, 0.26), fill=darken(paint))
    for y in (0.36, 0.54, 0.72):
        pen.rectangle(box.part(0.47, y, 0.53, y + 0.08), fill=(30, 30, 30))


def classroom(pen: ImageDraw.ImageDraw, box: Box, paint: RGB) -> None:
    """Draw a green board with writing, and rows of desks."""
    pen.rectangle(box.part(0.1, 0.04, 0.9, 0.4), fill=(30, 80, 50), outline=(110, 75, 40), width=3)
    for y in (0.14, 0.24):
        pen.line([box.at(0.2, y), box.at(0.7, y)], fill=(240, 240, 240), width=2)
    for y in (0.52, 0.76):
        for x in (0.04, 0.38, 0.72):
            pen.rectangle(box.part(x, y, x + 0.24, y + 0.1), fill=darken(paint, 0.5))


def conference_room(pen: ImageDraw.ImageDraw, box: Box, paint: RGB) -> None:
    """Draw a white screen, and a long table with seats on both sides."""
    pen.rectangle(box.part(0.3, 0.02, 0.7, 0.3), fill=(250, 250, 250))
    for y in (0.42, 0.6, 0.78):
        for x in (0.04, 0.82):
            pen.ellipse(box.part(x, y, x + 0.14, y + 0.14), fill=(30, 30, 35))
    pen.polygon(polygon(box, [(0.32, 0.38), (0.68, 0.38), (0.8, 0.98), (0.2, 0.98)]), fill=paint)


OUTDOORS = {"bridge": bridge, "church_outdoor": church, "tower": tower}
MEETINGS = {"classroom": classroom, "conference_room": conference_room}
