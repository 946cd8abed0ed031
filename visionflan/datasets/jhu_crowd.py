"""JHU-CROWD++: 4,372 pictures of crowds, each with a word for the scene and for the weather.

Layout: `<split>/images/0001.jpg` and `<split>/image_labels.txt` for train, val and test, with lines
of number, count of heads, scene, weather (a code) and whether it is a distractor (Graviti-AI/
tensorbay-python-sdk, tensorbay/opendataset/JHU_CROWD/loader.py; catalog.json beside it lists all
scenes). The labels of all three splits are public. The splits may lie in `jhu_crowd_v2.0`, as the
archive has them.

Known defect: scenes were typed in freely. The table has each as a person writes it: four that are
misspelt ("cocnert"), and several that are written in two ways ("waterpark", "water park") become
one, and are named as repaired where the word changes. Words that name no scene (countries, weather,
"distractor", "no-crowd", "group" and the like) make their row unusable.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import BLACK, COLORS, FRAME, RGB, SIZE, WHITE, Box, word
from visionflan.drawing.icons import icon
from visionflan.errors import UnusableError
from visionflan.hashing import hash_fraction, stable_hash
from visionflan.layouts import existing_paths, inside, text_lines
from visionflan.layouts.official_splits import split_of
from visionflan.plural import counted
from visionflan.specimens import write_image, write_lines

# The scenes whose words a person would not write so; the others lose hyphens and capitals alone.
MENDED = {
    "battle-ground": "battlefield",
    "celebratiobn": "celebration",
    "christmas": "Christmas celebration",
    "cocnert": "concert",
    "construction": "construction site",
    "convocation": "graduation ceremony",
    "crowd-gathering": "gathering",
    "disco": "discotheque",
    "flags": "crowd with flags",
    "foodcourt": "food court",
    "hiking": "hike",
    "inaugaration": "inauguration",
    "mall": "shopping mall",
    "parking": "parking lot",
    "play": "theater play",
    "prortest": "protest",
    "running": "running event",
    "sport": "sports event",
    "stores": "shops",
    "waterpark": "water park",
}
NO_SCENES = frozenset(
    {"Canada", "China", "Rain", "distractor", "group", "indoor", "new fog", "no-crowd", "wild"}
)
COLUMNS = 5


class Row(NamedTuple):
    key: str
    image: Path
    scene: str

    @property
    def split(self) -> str:
        """Return the official split."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="JHU-CROWD",
    homepage="http://www.crowd-counting.com/",
    license="unknown",
    citation="Sindagi, Yasarla and Patel (2022), JHU-CROWD++: Large-Scale Crowd Counting Dataset "
    "and A Benchmark Method, IEEE Transactions on Pattern Analysis and Machine Intelligence",
    obtain="""
        Download jhu_crowd_v2.0.zip through the homepage, and unpack it here.
    """,
    tree="""
        jhu_crowd_v2.0/
            train/image_labels.txt
            train/images/0001.jpg
            train/gt/0001.txt
            val/...
            test/...
    """,
    split_field="split",
    no_group="the release does not tell which images belong together",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    homes = (root / "jhu_crowd_v2.0", root)
    splits = [home / split for split in ("train", "val", "test") for home in homes]
    for labels in existing_paths(*(split / "image_labels.txt" for split in splits)):
        for number, line in enumerate(text_lines(labels), start=1):
            fields = line.split(",")
            key = f"{labels.parent.name}/{fields[0]}"
            if len(fields) == COLUMNS:
                image = inside(labels.parent / "images", f"{fields[0]}.jpg")
                yield Row(key, image, fields[2].strip())
            else:
                detail = f"{labels}:{number} has {counted(len(fields), 'field')}, not {COLUMNS}"
                yield BrokenRow(key, "malformed_record", detail)


@dataset.task(
    """
    This photograph shows a place where crowds gather. Name the place or the event in one to three
    words, such as "railway station", "stadium" or "protest".
    """,
    title="JHU-CROWD scene classification",
    official_name="JHU-CROWD+scene_type_recognition",
    category="Scene Classification",
    published_form='"The scene is located at a X."',
)
def scene_type_recognition(row: Row) -> Example:
    if row.scene in NO_SCENES:
        raise UnusableError("no_scene", f"{row.scene!r} is neither a place nor an event")
    target = MENDED.get(row.scene, row.scene.replace("-", " ").lower())
    return Example(
        image=row.image,
        target=target,
        repaired=("scene_in_plain_words",) if target != row.scene else (),
    )


SCENES = ("stadium", "beach", "street", "concert", "protest", "railway station", "Kite-festival")
GROUNDS: dict[str, tuple[RGB, RGB]] = {
    "stadium": ((190, 195, 205), (60, 165, 60)),
    "beach": ((60, 130, 210), (230, 205, 140)),
    "street": ((170, 200, 235), (135, 135, 140)),
    "concert": ((30, 15, 50), (20, 10, 30)),
    "protest": ((200, 205, 210), (165, 160, 155)),
    "railway station": ((215, 215, 205), (120, 115, 115)),
    "Kite-festival": ((150, 205, 250), (120, 180, 90)),
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    labels: dict[str, list[str]] = {}
    for index in range(count):
        scene = SCENES[index % len(SCENES)]
        split = ("train", "train", "val", "test")[stable_hash("jhu_crowd", index) % 4]
        name, heads = f"{index + 1:04d}", 14 + stable_hash("jhu_crowd", index, "heads") % 20
        home = root / "jhu_crowd_v2.0" / split
        image = place(scene, index)
        places = crowd(image, heads, index)
        write_image(home / "images" / f"{name}.jpg", image)
        write_lines(home / "gt" / f"{name}.txt", (f"{x} {y} 6 6 1 0" for x, y in places))
        labels.setdefault(split, []).append(f"{name},{heads},{scene},0,0")
    for split, lines in labels.items():
        write_lines(root / "jhu_crowd_v2.0" / split / "image_labels.txt", lines)


def place(scene: str, index: int) -> Image.Image:
    """Draw the place, with the things that tell which one it is in its upper half."""
    far, near = GROUNDS[scene]
    image = Image.new("RGB", (SIZE, SIZE), far)
    pen = ImageDraw.Draw(image)
    pen.rectangle(FRAME.part(0, 0.5, 1, 1), fill=near)
    x = 0.1 * hash_fraction("jhu_crowd", index, "x")
    color = ("red", "blue", "purple")[stable_hash("jhu_crowd", index, "colour") % 3]
    box = FRAME.part(x, 0.06, x + 0.5, 0.56)
    icons = {"street": "house", "railway station": "train", "Kite-festival": "kite"}
    icons["beach"] = "umbrella"
    if scene in icons:
        icon(image, icons[scene], box, color)
        icon(image, icons[scene], box.part(0.9, 0, 1.9, 1), color)
    elif scene == "stadium":
        pen.line([FRAME.at(0, 0.75), FRAME.at(1, 0.75)], fill=WHITE, width=3)
        pen.ellipse(FRAME.part(0.3 + x, 0.62, 0.6 + x, 0.88), outline=WHITE, width=3)
    elif scene == "concert":
        for lamp, left in enumerate((0.1, 0.42, 0.74)):
            beam = [FRAME.at(left + x, 0), FRAME.at(left - 0.1, 0.5), FRAME.at(left + 0.3, 0.5)]
            pen.polygon(beam, fill=COLORS[("yellow", "cyan", "red")[(lamp + index) % 3]])
    else:
        banner(image, box, color)
    return image


def banner(image: Image.Image, box: Box, color: str) -> None:
    """Draw two placards that say no."""
    pen = ImageDraw.Draw(image)
    for sheet in (box, box.part(0.95, 0.1, 1.85, 1.1)):
        pen.line([sheet.at(0.5, 0.5), sheet.at(0.5, 1.2)], fill=BLACK, width=4)
        pen.rectangle(sheet.part(0.05, 0.05, 0.95, 0.7), fill=WHITE, outline=BLACK, width=2)
        word(image, "NO", sheet.part(0.1, 0.08, 0.9, 0.66), COLORS[color])


def crowd(image: Image.Image, heads: int, index: int) -> list[tuple[int, int]]:
    """Draw small people all over the lower part, and tell where their heads are."""
    pen, places = ImageDraw.Draw(image), []
    for head in range(heads):
        x = 4 + round(88 * hash_fraction("jhu_crowd", index, head, "x"))
        y = 56 + round(34 * hash_fraction("jhu_crowd", index, head, "y"))
        tone = 60 + stable_hash("jhu_crowd", index, head) % 120
        pen.rectangle((x - 2, y + 3, x + 2, y + 9), fill=(tone, 60, 200 - tone))
        pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=(225, 190, 160), outline=BLACK)
        places.append((x, y))
    return places
