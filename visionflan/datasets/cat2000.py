"""CAT2000: the 2,000 training pictures of a study of where people look, of 20 kinds.

Layout: a folder for each kind under `trainSet/Stimuli`, with pictures `001.jpg` and so on;
nico-chung/uol_dsm500_final (results/notebook03/section03/tbl_triage_sets.md) lists such paths, and
several training codes name the same 20 folders. A folder `Output` within each holds maps of
fixations over the pictures and is not read, nor is `testSet`, whose fixations are withheld.

The paper's site names the task after the archive, trainSet. The folders' names are said as a
person would, and one, `Satelite`, is spelt right.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageOps

from visionflan import drawing
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing.corruptions import corrupt
from visionflan.drawing.icons import icon
from visionflan.drawing.styles import styled_icon
from visionflan.drawing.textures import TEXTURES, texture
from visionflan.hashing import hash_fraction, pick, shuffled, stable_hash
from visionflan.layouts import class_folders, require
from visionflan.layouts.labels import accepted_names
from visionflan.specimens import write_image

KINDS = {
    "Action": "action",
    "Affective": "affective",
    "Art": "art",
    "BlackWhite": "black and white",
    "Cartoon": "cartoon",
    "Fractal": "fractal",
    "Indoor": "indoor",
    "Inverted": "inverted",
    "Jumbled": "jumbled",
    "LineDrawing": "line drawing",
    "LowResolution": "low resolution",
    "Noisy": "noisy",
    "Object": "object",
    "OutdoorManMade": "outdoor man-made",
    "OutdoorNatural": "outdoor natural",
    "Pattern": "pattern",
    "Random": "random",
    "Satelite": "satellite",
    "Sketch": "sketch",
    "Social": "social",
}


class Row(NamedTuple):
    key: str
    image: Path
    kind: str

    @property
    def split(self) -> str:
        """Return the official split."""
        return "train"


dataset = Dataset[Row](
    title="CAT2000",
    homepage="http://saliency.mit.edu/results_cat2000.html",
    license="unknown",
    terms="The owners collected the images from the web and do not say under which terms.",
    citation="Borji, Itti (2015), CAT2000: A Large Scale Fixation Dataset for Boosting Saliency "
    "Research, arXiv:1505.03581",
    obtain="Download trainSet.zip from the homepage and unpack it here.",
    tree="""
        trainSet/Stimuli/
            Action/001.jpg
            Affective/001.jpg    and so on for 20 kinds
    """,
    split_field="split",
    no_group="the release does not tell which images belong together",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    for name, image, folder in class_folders(require(root / "trainSet/Stimuli", root / "Stimuli")):
        if folder in KINDS:
            yield Row(name, image, KINDS[folder])
        else:
            yield BrokenRow(name, "unknown_label", f"{folder!r} is not one of the 20 kinds")


@dataset.task(
    """
    A collection for eye-tracking research sorts its pictures by what they show, how they were made
    or how they were distorted. The categories are: action, affective, art, black and white,
    cartoon, fractal, indoor, inverted, jumbled, line drawing, low resolution, noisy, object,
    outdoor man-made, outdoor natural, pattern, random, satellite, sketch, social. Affective
    pictures stir emotions; random ones have no common theme. Answer with the name of the category
    that this picture belongs to.
    """,
    official_name="trainSet+image_classification",
    title="CAT2000 picture kind classification",
    category="Image-Style Classification",
)
def image_classification(row: Row) -> Example:
    target = row.kind
    return Example(
        image=row.image, target=target, references=accepted_names(target, row.image.parent.name)
    )


def landscape(index: int) -> Image.Image:
    """Draw a tree, a meadow and a sky with the sun."""
    picture = Image.new("RGB", (drawing.SIZE, drawing.SIZE), (150, 200, 245))
    pen = ImageDraw.Draw(picture)
    horizon = 0.5 + 0.25 * hash_fraction("cat2000", index, "horizon")
    pen.rectangle(drawing.FRAME.part(0, horizon, 1, 1), fill=(90, 160, 70))
    left, right = drawing.FRAME.part(0, 0.06, 0.6, 1), drawing.FRAME.part(0.64, 0.02, 1, 0.4)
    icon(picture, "tree", drawing.jitter_box(left, "cat2000", index, by=0.2), "green")
    sun = drawing.jitter_box(right.part(0.1, 0.1, 0.8, 0.8), "cat2000", index, "sun", by=0.3)
    drawing.shape(picture, "circle", "yellow", sun)
    if stable_hash("cat2000", index, "mirror") % 2:
        return ImageOps.mirror(picture)
    return picture


def jumbled(index: int) -> Image.Image:
    """Shuffle the squares of a landscape."""
    scene, side = landscape(index), drawing.SIZE // 4
    picture = scene.copy()
    places = [(x * side, y * side) for x in range(4) for y in range(4)]
    for (x, y), place in zip(places, shuffled(places, "cat2000", index), strict=True):
        picture.paste(scene.crop((x, y, x + side, y + side)), place)
    return picture


def fractal(index: int) -> Image.Image:
    """Draw a triangle with triangles cut out of triangles."""
    picture = Image.new("RGB", (drawing.SIZE, drawing.SIZE), drawing.BLACK)
    color = drawing.COLORS[pick(("red", "yellow", "cyan", "orange"), 1, "cat2000", index)[0]]
    box = drawing.jitter_box(drawing.FRAME, "cat2000", index, by=0.15)
    boxes = [box]
    for _ in range(4):
        corners = ((0.25, 0.0), (0.0, 0.5), (0.5, 0.5))
        boxes = [box.part(x, y, x + 0.5, y + 0.5) for box in boxes for x, y in corners]
    for part in boxes:
        triangle = drawing.polygon(part, [(0.5, 0), (1, 1), (0, 1)])
        ImageDraw.Draw(picture).polygon(triangle, fill=color)
    return picture


def single(index: int) -> Image.Image:
    picture = drawing.canvas("cat2000", index)
    box = drawing.jitter_box(drawing.FRAME.part(0.1, 0.1, 0.9, 0.9), "cat2000", index, by=0.2)
    name = pick(("cup", "chair", "clock", "lamp"), 1, "cat2000", index, "thing")[0]
    icon(picture, name, box, pick(("red", "blue", "green"), 1, "cat2000", index)[0])
    return picture


def styled(style: str) -> Callable[[int], Image.Image]:
    """Draw an animal as a cartoon or in lines."""

    def draw(index: int) -> Image.Image:
        name = pick(("dog", "cat", "elephant", "horse"), 1, "cat2000", index, "animal")[0]
        box = drawing.jitter_box(drawing.FRAME, "cat2000", index, by=0.3)
        return styled_icon(name, style, box, "orange", "cat2000", index)

    return draw


def pattern(index: int) -> Image.Image:
    name = pick(list(TEXTURES)[:4], 1, "cat2000", index, "texture")[0]
    return texture(name, drawing.COLORS["purple"], "cat2000", index)


def spoiled(kind: str) -> Callable[[int], Image.Image]:
    """Apply one corruption to a landscape."""
    return lambda index: corrupt(landscape(index), kind, "cat2000", index)


DRAWN: dict[str, Callable[[int], Image.Image]] = {
    "OutdoorNatural": landscape,
    "Cartoon": styled("cartoon"),
    "Noisy": spoiled("impulse_noise"),
    "BlackWhite": lambda index: ImageOps.grayscale(landscape(index)),
    "Object": single,
    "Fractal": fractal,
    "LowResolution": spoiled("pixelate"),
    "Inverted": lambda index: ImageOps.flip(landscape(index)),
    "Pattern": pattern,
    "Jumbled": jumbled,
    "LineDrawing": styled("sketch"),
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        kind = list(DRAWN)[(index + index // len(DRAWN)) % len(DRAWN)]
        path = root / "trainSet" / "Stimuli" / kind / f"{index + 1:03d}.jpg"
        write_image(path, DRAWN[kind](index))
        write_image(
            path.parent / "Output" / f"{index + 1:03d}_SaliencyMap.jpg", Image.new("L", (8, 8))
        )
