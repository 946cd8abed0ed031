"""SciCap: graph plots of computer science papers with their captions.

Witnesses of the layout: the owners' repository (tingyaohsu/SciCap, README: the folders of
`scicap_data.zip`, the number of figures in each split, and one record in full with
`contains-subfigure`, `paper-ID`, `figure-ID` and `0-originally-extracted`), and training code that
opens `SciCap-Caption-All/<split>/<figure>.json` and `SciCap-No-Subfig-Img/<split>/<figure-ID>`,
with the splits in small letters, which the README writes with a capital: both are read. The later
edition for a challenge (one file of annotations a split, from eight fields of science) is another
dataset.

Figures with subfigures are read where their images (`SciCap-Yes-Subfig-Img`, twice as many) are
there; without that folder they are left out. All three splits have captions and are read.

The task is not on the paper's public site, so that its name is ours. The target is the caption as
extracted from the paper and not the release's own forms in small letters; the number of the figure
before it ("Figure 2:"), which nobody can see, is taken off and counted. Captions keep what the
extraction made of formulas.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import SIZE, canvas
from visionflan.drawing.charts import chart
from visionflan.errors import ReleaseError
from visionflan.hashing import pick, stable_hash
from visionflan.layouts import inside, is_folder, load_json, require
from visionflan.layouts.fields import flag, optional_text, parse_record, text
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_json

SPLITS = ("train", "val", "test")
IMAGES = {False: "SciCap-No-Subfig-Img", True: "SciCap-Yes-Subfig-Img"}
# A number with neither mark nor capital after it is part of a sentence: "Figure 2 shows ...".
INDEX = re.compile(r"(?i:fig(?:ure|\.)?)\s*[A-Z]?\d+(?:[.-]\d+)*(?:\s*[:.|]\s*|\s+(?=[A-Z(]))")


class Row(NamedTuple):
    key: str
    image: Path
    caption: str
    paper: str = ""

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="SciCap",
    homepage="https://github.com/tingyaohsu/SciCap",
    license="CC-BY-NC-SA-4.0",
    terms="For non-commercial use only; the figures are those of papers on arXiv.",
    citation="T.-Y. Hsu, C. L. Giles and T.-H. Huang (2021), SciCap: Generating Captions for "
    "Scientific Figures, Findings of EMNLP",
    obtain="""
        Download scicap_data.zip through the link in the repository tingyaohsu/SciCap and unpack it.
    """,
    tree="""
        scicap/
            SciCap-Caption-All/{train,val,test}/1001.0025v1-Figure2-1.json ...
            SciCap-No-Subfig-Img/{train,val,test}/1001.0317v2-Figure7-1.png ...
            SciCap-Yes-Subfig-Img/{train,val,test}/1001.0025v1-Figure2-1.png ...
    """,
    split_field="split",
    group_field="paper",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    captions = require(root / "SciCap-Caption-All", root / "scicap_data" / "SciCap-Caption-All")
    splits = [folder for folder in sorted(captions.glob("*/")) if folder.name.lower() in SPLITS]
    if not splits:
        raise ReleaseError(f"{captions} has none of the folders train, val and test")
    for split in splits:
        for path in sorted(split.glob("*.json")):
            key = f"{split.name.lower()}/{path.stem}"
            row = parse_record(key, f"{path}", to_row, key, captions.parent, path)
            if row is not None:
                yield row


def to_row(key: str, release: Path, path: Path) -> Row | None:
    """Parse one figure, unless its images are not there."""
    record = load_json(path)
    folder = release / IMAGES[flag(record, "contains-subfigure")]
    if not is_folder(folder):
        return None
    image = inside(folder / path.parent.name, text(record, "figure-ID"))
    caption, paper = text(record, "0-originally-extracted"), optional_text(record, "paper-ID")
    return Row(key, image, caption, paper)


@dataset.task(
    """
    Write the caption of this figure from a computer science paper: one sentence or a few about what
    is plotted and what the plot shows, without the number of the figure.
    """,
    title="SciCap figure captioning",
    category="Fine-grained Captioning",
    metric="rouge_l",
)
def figure_captioning(row: Row) -> Example:
    caption = " ".join(row.caption.split())
    number = INDEX.match(caption)
    mended = {"trimmed_blanks": caption != row.caption, "figure_number": number is not None}
    return Example(
        image=row.image,
        target=caption[number.end() :] if number else caption,
        repaired=tuple(name for name, happened in mended.items() if happened),
    )


COURSES = {
    "rises": (1, 4, 7, 10),
    "falls": (10, 7, 4, 1),
    "stays level": (5, 5, 5, 5),
    "rises and then falls": (1, 9, 9, 1),
    "falls and then rises": (9, 1, 1, 9),
}
SHADES = ("red", "blue", "green", "purple", "brown", "black")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        name, parts = f"{1000 + index}.0001v1-Figure{1 + index % 7}-1", index % 3 == 2
        image, caption = (panels if parts else plot)(index)
        write_image(root / IMAGES[parts] / "train" / f"{name}.png", image)
        record = {
            "contains-subfigure": parts,
            "paper-ID": f"{1000 + index}.0001v1",
            "figure-ID": f"{name}.png",
            "figure-type": "Graph Plot",
            "0-originally-extracted": f"Figure {1 + index % 7}: {caption}",
        }
        write_json(root / "SciCap-Caption-All" / "train" / f"{name}.json", record)


def plot(index: int) -> tuple[Image.Image, str]:
    """Draw one curve, with a dot at each value or not, and tell its course."""
    course = list(COURSES)[stable_hash("course", index) % len(COURSES)]
    shade = SHADES[stable_hash("shade", index) % len(SHADES)]
    kind, words = (("line", "curve"), ("dot_line", "curve with dots"))[
        stable_hash("kind", index) % 2
    ]
    return curve(index, kind, course, shade), f"The {shade} {words} {course}."


def panels(index: int) -> tuple[Image.Image, str]:
    """Draw two different curves side by side."""
    left, right = pick(list(COURSES), 2, index, "courses")
    both = Image.new("RGB", (2 * SIZE, SIZE))
    for place, course in enumerate((left, right)):
        both.paste(curve(index, "line", course, SHADES[place]), (place * SIZE, 0))
    return both, f"(a) The {SHADES[0]} curve {left}. (b) The {SHADES[1]} curve {right}."


def curve(index: int, kind: str, course: str, shade: str) -> Image.Image:
    """Draw a curve of one course through four values."""
    image = canvas("figure", index)
    chart(image, kind, list(zip("1234", COURSES[course], strict=True)), shade)
    return image
