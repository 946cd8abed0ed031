"""DVQA: three million questions, made by template, on drawn bar charts.

Witnesses of the layout: the owners' README (kushalkafle/DVQA_dataset: all images in one folder as
`bar_{split}_xxxxxxxx.png`, questions in `{split}_qa.json`) and two loaders that show a record as
shipped (`image`, `question`, `answer`, `question_id`, `answer_bbox`, and the kind of question as
`template_id`, which the README calls `question_type`: both are read). The owners' script
(kushalkafle/PReFIL `data/get_DVQA_data.sh`) unpacks the images to `images` and the questions to
`qa`; both may also lie in the dataset's folder itself. The questions for that other model, with
`image_filename`, hold answers in another form and are not read. All three splits have answers.

The two tasks: the paper keeps one task on DVQA and the public site shows two, `_1` and `_2`, whose
instructions say the same; of the three sample questions there, `_1` has one on structure and one of
reasoning ("Which group has the smallest summed value?") and `_2` one of reasoning ("Which object is
the least preferred?"). Nothing published says what parts them. Tasks must not overlap, so they are
parted here by the release's own kinds: `_1` asks what can be read off the chart (kinds `structure`
and `data`), `_2` what takes comparing or calculating (kind `reasoning`).

Values are in figures and counts in words ("three"), as the README says; the instructions say so.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import bars, canvas
from visionflan.hashing import pick, shuffled, stable_hash
from visionflan.layouts import existing_paths, inside
from visionflan.layouts.fields import answer, identifier, read_records, text
from visionflan.layouts.json_stream import json_values
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_json

SPLITS = ("train", "val_easy", "val_hard")


class Row(NamedTuple):
    key: str
    image: Path
    kind: str
    question: str
    answer: str

    @property
    def split(self) -> str:
        """Return the official split."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="DVQA",
    homepage="https://kushalkafle.com/projects/dvqa.html",
    license="unknown",
    terms="The owners' repository states no license.",
    citation="K. Kafle, S. Cohen, B. Price and C. Kanan (2018), DVQA: Understanding Data "
    "Visualizations via Question Answering, CVPR",
    obtain="""
        Download the images and the question-answer pairs through the links in the repository
        kushalkafle/DVQA_dataset, and unpack them into directories named images and qa.
    """,
    tree="""
        dvqa/
            images/bar_train_00000001.png, bar_val_easy_00000001.png, bar_val_hard_00000001.png ...
            qa/train_qa.json, val_easy_qa.json, val_hard_qa.json
    """,
    split_field="split",
    no_group="each chart is one image",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    images = root / "images" if (root / "images").is_dir() else root
    folder = root / "qa" if (root / "qa").is_dir() else root
    for path in existing_paths(*(folder / f"{split}_qa.json" for split in SPLITS)):
        split = path.name.removesuffix("_qa.json")
        records = enumerate(json_values(path))
        yield from read_records(path, records, partial(to_row, split, images))


def to_row(split: str, images: Path, record: dict[str, Any]) -> Row | BrokenRow:
    """Parse one question with its kind."""
    key = f"{split}/{identifier(record, 'question_id')}"
    kind = text(record, "template_id" if "template_id" in record else "question_type")
    if kind not in {"structure", "data", "reasoning"}:
        return BrokenRow(key, "unknown_kind", f"no question of DVQA is of kind {kind!r}")
    image = inside(images, text(record, "image"))
    question, words = text(record, "question"), answer(record, "answer")
    return Row(key, image, kind, question.strip(), words.strip())


@dataset.task(
    """
    Read this bar chart and answer the question about how it is drawn or what a part of it shows.
    Give only the answer: yes or no, a label copied from the chart, a value in digits, or a count
    spelled out as a word.
    """,
    """
    The question below is about the design of this bar chart, or about something that can be read
    from it. What is the answer? Write just yes or no, a label as it is printed in the chart, a
    value in digits, or a count as a word.
    """,
    """
    Reply with yes, with no, with a label from the chart, with a value in digits or with a count in
    letters, whichever answers the question below. It concerns what the chart shows or how its bars
    are drawn.
    """,
    """
    Someone is looking at this chart and wants to know what the question below asks. Check the bars,
    the axis and the legend for them, and give the answer alone: digits for a value, a word for a
    count, the exact label for a name, or yes or no.
    """,
    """
    Look up the answer to the question below in the bar chart. If it is a count, spell it out; if it
    is a value on the axis, use digits; if it is a name, copy the label; otherwise, just say yes or
    no.
    """,
    title="DVQA chart question answering",
    official_name="DVQA+charts_question_answer_1",
    category="OCR",
)
def charts_question_answer_1(row: Row) -> Example | None:
    if row.kind == "reasoning":
        return None
    return Example(image=row.image, text=row.question, target=row.answer)


@dataset.task(
    """
    Compare the bars, or calculate with them, to answer the question below about this chart. Give a
    single label from the chart, one number (in digits if it is a value, as a word if it is a
    count), or just yes or no.
    """,
    title="DVQA chart reasoning",
    official_name="DVQA+charts_question_answer_2",
    category="OCR",
)
def charts_question_answer_2(row: Row) -> Example | None:
    if row.kind != "reasoning":
        return None
    return Example(image=row.image, text=row.question, target=row.answer)


NAMES = ("A", "B", "C", "D", "E")
NUMBERS = ("three", "four", "five")
BAR_COLORS = ("red", "blue", "green", "orange", "purple")
HEIGHTS = (0.2, 0.4, 0.6, 0.8, 1.0)


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    data: list[dict[str, object]] = []
    for index in range(count):
        name = f"bar_train_{index + 1:08d}.png"
        image, questions = chart(index)
        write_image(root / "images" / name, image)
        data += [
            {
                "question_id": len(data) + place,
                "image": name,
                "template_id": kind,
                "question": question,
                "answer": answer,
                "answer_bbox": [],
            }
            for place, (kind, question, answer) in enumerate(questions, start=1)
        ]
    write_json(root / "qa" / "train_qa.json", data)


def chart(index: int) -> tuple[Image.Image, list[tuple[str, str, str]]]:
    """Draw three to five bars of different heights and colors, and ask about them."""
    number = 3 + index % 3
    names = NAMES[:number]
    heights = shuffled(pick(HEIGHTS, number, index, "heights"), index, "order")
    colors = pick(BAR_COLORS, number, index, "colours")
    image = canvas("dvqa", index)
    bars(image, [*zip(names, heights, strict=True)], colors)
    by_height = dict(zip(heights, names, strict=True))
    colored = stable_hash("coloured", index) % number
    first, second = pick(range(number), 2, index, "compared")
    return image, [
        ("structure", "How many bars are there?", NUMBERS[number - 3]),
        ("data", f"What is the label of the {colors[colored]} bar?", names[colored]),
        ("reasoning", "Which bar has the largest value?", by_height[max(heights)]),
        ("reasoning", "Which bar has the smallest value?", by_height[min(heights)]),
        (
            "reasoning",
            f"Is the value of {names[first]} larger than that of {names[second]}?",
            "yes" if heights[first] > heights[second] else "no",
        ),
    ]
