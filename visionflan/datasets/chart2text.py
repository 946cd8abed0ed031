"""Chart2Text: charts from a statistics portal with the text that the portal wrote about each.

Witnesses of the layout: the owners' repository (JasonObeid/Chart2Text: `dataset/captions/<n>.txt`
and `dataset/multiColumn/captions/<n>.txt`, 6,763 simple charts and 1,542 of several series) and
training code that pairs these with the pictures of JasonObeid/Chart2TextImages,
`images/statista/<n>.png` and `multiColumn/images/statista/<n>.png`. `images/matplot` there holds
the same charts drawn anew and is not read. The two repositories may lie in this folder under their
own names, or what is in them side by side. The later and larger Chart-to-text (vis-nlp) numbers its
charts otherwise and is another dataset. All charts are read; the splits of the owners exist only as
text made ready for their model.

The captions are cut into tokens ("In 2019 , there were 73 , 000 rooms ( ... ) ."): the blanks
around marks are taken out again, and counted. Much of what a caption says of a chart's background
is not to be seen in it, and headings may run into the sentences that follow.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import canvas
from visionflan.drawing.charts import chart
from visionflan.hashing import pick, stable_hash
from visionflan.layouts import load_text, require
from visionflan.layouts.detokenize import join_tokens
from visionflan.layouts.fields import parse_record
from visionflan.specimens import write_image, write_text

KINDS = {"simple": "", "multiColumn": "multiColumn"}


class Row(NamedTuple):
    key: str
    image: Path
    caption: str


dataset = Dataset[Row](
    title="Chart2Text",
    homepage="https://github.com/JasonObeid/Chart2Text",
    license="unknown",
    terms="""
        The owners' repositories state no license. Charts and texts are those of Statista and keep
        its terms.
    """,
    citation="J. Obeid and E. Hoque (2020), Chart-to-Text: Generating Natural Language "
    "Descriptions for Charts by Adapting the Transformer Model, INLG",
    obtain="""
        Clone the repositories JasonObeid/Chart2Text and JasonObeid/Chart2TextImages into this
        dataset's directory.
    """,
    tree="""
        chart2text/
            Chart2Text/dataset/
                captions/0.txt ...
                multiColumn/captions/0.txt ...
            Chart2TextImages/
                images/statista/0.png ...
                multiColumn/images/statista/0.png ...
    """,
    no_split="the owners' split is text for their model that does not number the charts",
    no_group="each chart is one image",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    texts = require(root / "Chart2Text/dataset/captions", root / "dataset/captions").parent
    images = require(root / "Chart2TextImages", root)
    for kind, folder in KINDS.items():
        for path in sorted((texts / folder / "captions").glob("*.txt")):
            key = f"{kind}/{path.stem}"
            image = images / folder / "images" / "statista" / f"{path.stem}.png"
            yield parse_record(key, f"{path}", to_row, key, image, path)


def to_row(key: str, image: Path, path: Path) -> Row:
    return Row(key, image, load_text(path))


@dataset.task(
    """
    Write a short passage (one to six sentences) about this chart for newspaper readers: what was
    measured, where and when, which entry leads, and how the others compare or how the numbers
    develop. Mention the most telling numbers.
    """,
    title="CHART2TEXT chart captioning",
    official_name="CHART2TEXT+chart_caption",
    category="Fine-grained Captioning",
    metric="rouge_l",
)
def chart_caption(row: Row) -> Example:
    caption = row.caption.strip()
    joined = join_tokens(caption)
    return Example(
        image=row.image,
        target=joined,
        repaired=("joined_tokens",) if joined != caption else (),
    )


NAMES = ("A", "B", "C", "D")
SHADES = ("red", "blue", "green", "purple", "brown", "black")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    texts, images = root / "Chart2Text" / "dataset", root / "Chart2TextImages"
    for index in range(count):
        folder = list(KINDS.values())[index % 2]
        image, caption = bars(index) if index % 4 < 2 else curve(index)
        write_text(texts / folder / "captions" / f"{index}.txt", f"{caption}\n")
        write_image(images / folder / "images" / "statista" / f"{index}.png", image)


def bars(index: int) -> tuple[Image.Image, str]:
    """Draw bars of different heights, and tell the greatest and the least."""
    heights = pick(range(1, 11), 4, index, "heights")
    values = list(zip(NAMES, heights, strict=True))
    image = canvas("bars", index)
    chart(image, "vbar_categorical", values, SHADES[stable_hash("shade", index) % len(SHADES)])
    (first, most), (last, least) = max(values, key=second), min(values, key=second)
    return image, (
        f"With a value of {most} , {first} had the highest figure . "
        f"The lowest was that of {last} ( {least} ) ."
    )


def curve(index: int) -> tuple[Image.Image, str]:
    """Draw a line that rises or falls all the way, and tell from where to where."""
    rises = index // 4 % 2 == 0
    heights = sorted(pick(range(1, 11), 4, index, "heights"), reverse=not rises)
    image = canvas("curve", index)
    values = list(zip(NAMES, heights, strict=True))
    chart(image, "line", values, SHADES[stable_hash("shade", index) % len(SHADES)])
    verb = "rose" if rises else "fell"
    return image, f"The figure {verb} from {heights[0]} in A to {heights[-1]} in D ."


def second(pair: tuple[str, int]) -> int:
    """Return the value of a named value."""
    return pair[1]
