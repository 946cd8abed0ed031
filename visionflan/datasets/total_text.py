"""Total-Text: photographs of horizontal, slanting and curved text, outlined word by word.

Witnesses of the layout: the owners' repository (cs-chan/Total-Text-Dataset, Groundtruth/Text/
README.md: outlines, transcription and orientation, in `.txt` or `.mat`) and open-mmlab/mmocr
(dataset_zoo/totaltext/textdet.py: `totaltext/Images/{Train,Test}/img1.jpg` and
`txt_format/{Train,Test}/poly_gt_img1.txt`; mmocr/datasets/preparers/parsers/totaltext_parser.py:
the form of a label). A label is what Python 2 printed of its arrays,
`x: [[153 161]], y: [[347 323]], ornt: [u'c'], transcriptions: [u'the']`, of which long arrays run
over several lines; an empty list stands where nothing was transcribed. Both parts are annotated,
and both are read. The `.mat` files say the same, and are not read.

The target lists the words row by row (see `layouts_text`), each as often as it is there. Words
marked `#` (not legible, or not English) are left out of it, and counted. The words of a scene have
no order that everybody would follow, so the answer is judged as a set.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from visionflan import layouts, specimens
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.hashing import pick
from visionflan.layouts.fields import number_list
from visionflan.layouts.scene_text import (
    Part,
    Piece,
    TextRow,
    bounding_box,
    read_part,
    transcription,
)
from visionflan.python_source import literal_value
from visionflan.specimens.scene_text import Sign

dataset = Dataset[TextRow](
    title="Total-Text",
    homepage="https://github.com/cs-chan/Total-Text-Dataset",
    license="non-commercial",
    terms="""
        The repository has the license BSD-3-Clause, but its page asks users to contact the owners
        before any commercial use.
    """,
    citation="C. K. Ch'ng, C. S. Chan and C. Liu (2020), Total-Text: Towards Orientation "
    "Robustness in Scene Text Detection, International Journal on Document Analysis and "
    "Recognition",
    obtain="""
        Follow the links on the homepage to the images and to the text-level ground truth in .txt
        format, and unpack both here.
    """,
    tree="""
        Images/
            Train/img61.jpg
            Test/img1.jpg
        txt_format/
            Train/poly_gt_img61.txt
            Test/poly_gt_img1.txt
    """,
    split_field="split",
    no_group="nothing in the release connects its images",
)


@dataset.reader
def read(root: Path) -> Iterator[TextRow | BrokenRow]:
    labels = root / "txt_format"
    for folder in layouts.existing_paths(labels / "Train", labels / "Test"):
        images = layouts.require(root / "Images", root / "totaltext" / "Images") / folder.name
        part = Part(folder.name, sorted(folder.glob("poly_gt_*.txt")), images)
        yield from read_part(part, lambda stem: stem.removeprefix("poly_gt_"), read_words)


WORD = re.compile(
    r"^x:\s*\[\[([-\d.\s]*)\]\],\s*y:\s*\[\[([-\d.\s]*)\]\],"
    r"\s*ornt:\s*\[.*\],\s*transcriptions:\s*(\[.*\])\s*$",
    re.MULTILINE,
)


def read_words(path: Path) -> Iterator[Piece]:
    text = layouts.load_text(path)
    matches = WORD.findall(text)
    if len(matches) != len(re.findall(r"^x:", text, re.MULTILINE)):
        raise ValueError("a label is not of the form x, y, ornt, transcriptions")
    for xs, ys, words in matches:
        box = bounding_box(number_list(xs.split()), number_list(ys.split()))
        yield Piece(",".join(literal_value(words)), box)


@dataset.task(
    """
    Words may appear anywhere in this scene, straight, slanted or curved. Write every word that you
    can read, with its capital letters and digits as shown, row by row from the top and from left to
    right within each row. Separate the words with semicolons.
    """,
    """
    Which words can you read in this scene? List all of them, curved and slanted ones too, in the
    order of reading: top row first, and each row from left to right. Copy capital letters and
    digits as they are, and use a semicolon after each word except the last.
    """,
    """
    With semicolons as separators, copy each legible word from the photo. Start with the highest row
    and go from left to right in every row. Upper and lower case and digits must match what is
    shown, whether the word is straight or follows a curve.
    """,
    """
    You are transcribing the signs and logos in street photos, one word at a time. Do it for this
    photo: take the rows from top to bottom and the words of a row from left to right, keep the case
    of every letter and all digits, and separate the words by semicolons. Do not skip text that is
    slanted or curved, but leave out what is too small or too blurred to read.
    """,
    """
    Find all the legible text here, no matter how it is bent or tilted. Write it word for word, from
    the top row to the bottom row and from left to right, exactly as it is capitalized, digits
    included. Between two words, write a semicolon.
    """,
    title="Total-Text scene text detection and recognition",
    official_name="Total-Text+text_detection",
    category="Document-Level OCR",
    metric="set_f1",
)
def text_detection(row: TextRow) -> Example:
    return transcription(row)


WORDS = ("EXIT", "STOP", "Cafe", "BUS", "TAXI", "Shop", "24", "Joe's")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        part = "Test" if index % 4 == 3 else "Train"
        words = pick(WORDS, 1 + index % 2, "total text", index)
        sign = Sign(tuple(words), "#", "total text", index)
        name = f"img{index + 1}"
        specimens.write_image(root / "Images" / part / f"{name}.jpg", sign.image)
        labels = [label(*piece) for piece in sign.pieces]
        # The release lists words as they were annotated, and not from top to bottom.
        specimens.write_lines(root / "txt_format" / part / f"poly_gt_{name}.txt", labels[::-1])


def label(text: str, outline: list[tuple[int, int]]) -> str:
    """Write a label as the release does, with a line end in a long array."""
    xs, ys = (list(map(str, along)) for along in zip(*outline, strict=True))
    across = " ".join(xs[:10]) + "\n  " + " ".join(xs[10:])
    kind = "#" if text == "#" else "c"
    return f"x: [[{across}]], y: [[{' '.join(ys)}]], ornt: [u'{kind}'], transcriptions: [u{text!r}]"
