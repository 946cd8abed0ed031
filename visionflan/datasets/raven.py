"""RAVEN: 70,000 generated matrix problems, of which eight panels are seen and the ninth is missing.

Layout: a folder for each of seven configurations, and in it a pair `RAVEN_<number>_<split>.npz` and
`.xml` for each problem, as the generator writes it (WellyZhang/RAVEN, src/dataset/main.py) and the
owners' loader reads it (src/model/utility/dataset_utility.py): `image` holds 16 grey panels of 160
by 160, eight of the matrix and eight to choose from, and `target` the place of the right one among
the latter. The names RAVEN-10000 of the release and of its folder are those that training code uses
(HuggingFaceM4/RAVEN gives 6,000 + 2,000 + 2,000 problems a configuration). All three splits come
with their answers and are read; the published example of the task is from the test split.

A problem is one composed picture, as in the published example, whose panels stand four in a row
under the names Image 1 to 8 and Option 1 to 8, in the false colors of a plotting library. Here the
order is the same, but the panels keep their greys, and letters tell the eight of the matrix from
the numbered ones.

Known defect: each wrong panel is the right one with one attribute changed (main.py again), so that
the right one can be guessed from the eight alone, as that which has most in common with the others.
"""

from collections.abc import Iterator
from math import cos, pi, sin
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.errors import ReleaseError
from visionflan.hashing import shuffled, stable_hash
from visionflan.image_sources import ComputedImage
from visionflan.layouts import require
from visionflan.layouts.arrays import load_npz
from visionflan.layouts.fields import integer
from visionflan.layouts.official_splits import split_of

PANEL, GAP, CAPTION = 160, 12, 24
NAMES = "ABCDEFGH12345678"


class Row(NamedTuple):
    key: str
    problem: Path
    target: int

    @property
    def split(self) -> str:
        """Return the official split, which ends the key."""
        return split_of(self.key.rpartition("_")[2])


dataset = Dataset[Row](
    title="RAVEN",
    homepage="http://wellyzhang.github.io/project/raven.html",
    license="GPL-3.0-only",
    citation="Zhang, Gao, Jia, Zhu and Zhu (2019), RAVEN: A Dataset for Relational and Analogical "
    "Visual rEasoNing, CVPR",
    obtain="Download RAVEN-10000-release.zip through the project page and unpack it here.",
    tree="""
        raven/
          RAVEN-10000/
            {center_single,distribute_four,distribute_nine,...}/
              RAVEN_0_train.npz
              RAVEN_0_train.xml
    """,
    split_field="split",
    no_group="each problem is one image",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    release = require(root / "RAVEN-10000", root)
    problems = sorted(release.glob("*/RAVEN_*.npz"))
    if not problems:
        raise ReleaseError(f"{release} has no RAVEN_*.npz in any folder: unpack the release there")
    for problem in problems:
        key = f"{problem.parent.name}/{problem.stem}"
        try:
            target = integer((load_npz(problem, "target")["target"].item(),), 0)
        except (ReleaseError, ValueError) as error:
            yield BrokenRow(key, "unreadable_array", f"{error}")
            continue
        if 0 <= target < 8:
            yield Row(key, problem, target)
        else:
            yield BrokenRow(key, "target_out_of_range", f"the target is {target}, of eight panels")


def compose(problem: Path, place: str) -> Image.Image:
    """Draw all panels of a problem four in a row, each under its name."""
    panels = load_npz(problem, "image")["image"].reshape(16, PANEL, PANEL)
    size = 4 * PANEL + 5 * GAP, 4 * (PANEL + CAPTION) + GAP
    page = Image.new("L", size, 200)
    pen = ImageDraw.Draw(page)
    for index, (name, panel) in enumerate(zip(NAMES, panels, strict=True)):
        left = GAP + index % 4 * (PANEL + GAP)
        top = CAPTION + index // 4 * (PANEL + CAPTION)
        middle = (left + PANEL / 2, top - CAPTION / 2)
        pen.text(middle, name, fill=0, font=ImageFont.load_default(CAPTION - 4), anchor="mm")
        page.paste(Image.fromarray(panel), (left, top))
    return page


@dataset.task(
    """
    The panels A to H are the first eight cells of a grid with three rows and three columns, read
    row by row. All rows of the grid follow the same rules for the number, position, shape, size and
    shade of what is drawn. Find which of the panels 1 to 8 completes the third row, and give its
    number.
    """,
    official_name="RAVEN+next_pattern",
    title="RAVEN relational and analogical visual reasoning",
    category="Complex Reasoning",
    published_form='"Option X"',
)
def next_pattern(row: Row) -> Example:
    return Example(image=ComputedImage(row.problem, "panels", compose), target=str(row.target + 1))


class Figure(NamedTuple):
    corners: int
    size: int
    shade: int


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        split = ("train", "train", "train", "val", "test")[index % 5]
        path = root / "RAVEN-10000" / "center_single" / f"RAVEN_{index}_{split}.npz"
        matrix, options, target = problem(index)
        tone = stable_hash(index, "tone") % 40
        panels = np.stack([panel(figure, tone) for figure in [*matrix, *options]])
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, image=panels, target=target, predict=target)


def problem(index: int) -> tuple[list[Figure], list[Figure], int]:
    """Make a matrix in which each row keeps its form and shade, and each column its size."""
    corners, shades = shuffled(range(3, 8), index, "corners"), shuffled(range(5), index, "shades")
    grows = stable_hash(index, "grows") % 2 == 0
    sizes = (0, 1, 2) if grows else (2, 1, 0)
    matrix = [Figure(corners[row], size, shades[row]) for row in range(3) for size in sizes]
    right = matrix.pop()
    wrong = [right._replace(corners=other) for other in corners if other != right.corners]
    wrong += [right._replace(shade=other) for other in shades if other != right.shade]
    wrong += [right._replace(size=other) for other in sizes if other != right.size]
    target = index % 8
    options = shuffled(wrong, index, "wrong")[:7]
    return matrix, [*options[:target], right, *options[target:]], target


def panel(figure: Figure, tone: int) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    """Draw one figure in the middle of a white panel; seven corners stand for a circle."""
    image = Image.new("L", (PANEL, PANEL), 255)
    pen = ImageDraw.Draw(image)
    radius, fill = 32 + 20 * figure.size, figure.shade * 42 + tone
    middle = PANEL / 2
    if figure.corners == 7:
        box = (middle - radius, middle - radius, middle + radius, middle + radius)
        pen.ellipse(box, fill=fill, outline=0, width=3)
    else:
        angles = [2 * pi * corner / figure.corners for corner in range(figure.corners)]
        points = [(middle + radius * sin(a), middle - radius * cos(a)) for a in angles]
        pen.polygon(points, fill=fill, outline=0, width=3)
    return np.asarray(image)
