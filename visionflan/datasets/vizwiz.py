"""VizWiz: photographs that blind people took, with their questions, captions and flaws.

Witnesses of the layout, in which the pictures of all three parts lie in `train` and `val`:
- questions: the builder in google-research/big_vision (big_vision/datasets/vizwizvqa/vizwizvqa.py):
  a list of records with `image`, `question` and ten `answers`, of which a few are empty;
- captions: training code that reads the raw files: `images` and `annotations` as in COCO, where an
  annotation that `is_rejected` (spam) or `is_precanned` ("Quality issues are too severe to
  recognize visual content.") is left out, as here;
- quality: the authors of MultiInstruct (VT-NLP/MultiInstruct,
  data_preprocessor/vizwiz+image_quality.py): a list of records with `image` and `flaws`, how many
  of five annotators saw each of eight kinds; the words for the kinds follow theirs.
The archives of the three parts hold files of the same names and are unpacked into folders of their
own here. Each part is read where it is there; the test splits have no answers.

`question_answer` shows options, as the public sample of the paper's data does. There they are the
annotators' own answers, of which several are right ("kidney beans", "dark red kidney beans"). Here
the right one is the most frequent answer, which at least two must have given; the wrong ones were
given to questions about other images, have the same form, answer a question that begins alike, and
share no word with any of the ten. `unanswerable`, which some wrote as `unsuitable` or `unsuitable
image`, is an option where it is right or nobody said it. Where three or more answers set yes
against no, the question stays open.

`image_captioning` asks for all captions of the image and says how many. `image_quality` asks for
the flaw that most annotators saw; where two are equally frequent, neither is more right.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.errors import UnusableError
from visionflan.layouts import coco, fields, inside, require
from visionflan.layouts.answer_pools import (
    OPPOSITE,
    UNANSWERABLE,
    UNSUITABLE,
    AnswerPools,
    most_frequent,
)
from visionflan.layouts.fields import read_records
from visionflan.layouts.json_stream import json_values
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import vizwiz as specimens_vizwiz

SPLITS = ("train", "val")
PRECANNED = "quality issues are too severe to recognize visual content"
FLAWS = {
    "NON": "no flaws",
    "BLR": "blur",
    "BRT": "too bright",
    "DRK": "too dark",
    "FRM": "bad framing",
    "OBS": "obscured",
    "ROT": "rotation",
    "OTH": "another flaw",
}


class Question(NamedTuple):
    key: str
    image: Path
    question: str
    answers: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)


class Captioned(NamedTuple):
    key: str
    image: Path
    captions: tuple[str, ...]

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)


class Judged(NamedTuple):
    key: str
    image: Path
    flaws: tuple[str, ...]

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)


Row = Question | Captioned | Judged

dataset = Dataset[Row](
    title="VizWiz",
    homepage="https://vizwiz.org/",
    license="CC-BY-4.0",
    citation="D. Gurari, Q. Li, A. J. Stangl, A. Guo, C. Lin, K. Grauman, J. Luo and J. P. Bigham "
    "(2018), VizWiz Grand Challenge: Answering Visual Questions from Blind People, CVPR; D. "
    "Gurari, Y. Zhao, M. Zhang and N. Bhattacharya (2020), Captioning Images Taken by People Who "
    "Are Blind, ECCV; T.-Y. Chiu, Y. Zhao and D. Gurari (2020), Assessing Image Quality Issues for "
    "Real-World Problems, CVPR",
    obtain="""
        Download the training and validation images from the page of any of the three parts (visual
        question answering, image captioning, image quality issues) and unpack them here; unpack the
        annotations of each part into the directory vqa, captions or image_quality.
    """,
    tree="""
        train/VizWiz_train_00009403.jpg
        val/VizWiz_val_00000000.jpg
        vqa/train.json, val.json
        captions/train.json, val.json
        image_quality/train.json, val.json
    """,
    split_field="split",
    no_group="the release does not tell who took an image",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    part_files = [
        (part, split, path)
        for part in PARTS
        for split in SPLITS
        for path in places(root / part, split)
    ]
    if not part_files:
        require(*(root / part / "train.json" for part in PARTS))
    for part, split, path in part_files:
        yield from PARTS[part](root / split, f"{split}/{part}", path)


def places(folder: Path, split: str) -> list[Path]:
    """Find the file of a split in a folder, or in the folder that its archive has inside."""
    inner = ("", "annotations", "Annotations")
    candidates = (folder / name / f"{split}.json" for name in inner)
    return [path for path in candidates if path.is_file()][:1]


def read_questions(images: Path, prefix: str, path: Path) -> Iterator[Question | BrokenRow]:
    """Read the questions, each with answers that are wrong for it."""
    rows = list(
        read_records(path, enumerate(json_values(path)), partial(to_question, images, prefix))
    )
    yield from (row for row in rows if isinstance(row, BrokenRow))
    questions = [row for row in rows if not isinstance(row, BrokenRow)]
    pools = AnswerPools(questions)
    yield from (row._replace(wrong=pools.wrong(row)) for row in questions)


def to_question(images: Path, prefix: str, record: dict[str, Any]) -> Question:
    name, question = fields.text(record, "image"), fields.text(record, "question")
    entries = fields.items(record, "answers")
    answers = (fields.answer(entry, "answer").strip() for entry in entries)
    return Question(
        key=f"{prefix}/{name}",
        image=inside(images, name),
        question=" ".join(question.split()),
        answers=tuple(filter(None, answers)),
        wrong=(),
    )


def read_captions(images: Path, prefix: str, path: Path) -> Iterator[Captioned | BrokenRow]:
    """Gather the captions of each image that say what it shows."""
    for image in coco.read_captions(path, is_description):
        if isinstance(image, BrokenRow):
            yield image
        else:
            name, captions = image
            different = dict.fromkeys(caption.strip() for caption in captions)
            yield Captioned(
                f"{prefix}/{name}", inside(images, name), tuple(filter(None, different))
            )


def is_description(annotation: dict[str, Any]) -> bool:
    """Return whether a caption describes its image; mirrors omit the flags of the release."""
    marks = (name for name in ("is_rejected", "is_precanned") if name in annotation)
    written = " ".join(fields.text(annotation, "caption").split()).casefold().rstrip(".")
    return written != PRECANNED and not any(fields.flag(annotation, name) for name in marks)


def read_flaws(images: Path, prefix: str, path: Path) -> Iterator[Judged | BrokenRow]:
    """Read which flaws most annotators saw."""
    records = enumerate(json_values(path))
    yield from read_records(path, records, partial(to_judged, images, prefix))


def to_judged(images: Path, prefix: str, record: dict[str, Any]) -> Judged:
    name, flaws = fields.text(record, "image"), fields.mapping(record, "flaws")
    votes = {FLAWS[kind]: fields.integer(flaws, kind) for kind in flaws}
    most = max(votes.values())
    seen = tuple(flaw for flaw, count in votes.items() if count == most)
    return Judged(f"{prefix}/{name}", inside(images, name), seen)


PARTS: dict[str, Callable[[Path, str, Path], Iterator[Row | BrokenRow]]] = {
    "vqa": read_questions,
    "captions": read_captions,
    "image_quality": read_flaws,
}


dataset.specimen(specimens_vizwiz.write_release)


@dataset.task(
    """
    Someone who cannot see took this photo with a phone and asks you the question below. Choose the
    best answer. If the photo does not show enough, choose "unanswerable".
    """,
    official_name="vizwiz+question_answer",
    title="VizWiz answering visual questions from blind people",
    category="Perception",
)
def question_answer(row: Row) -> Example | None:
    if not isinstance(row, Question):
        return None
    target, votes = most_frequent(row.answers)
    if votes < 2:
        raise UnusableError("no_agreement", f"no two annotators agree in {row.answers}")
    if row.answers.count(OPPOSITE.get(target, "")) > 2:
        raise UnusableError("disputed", f"three or more answers go against {target!r}")
    options = [target, *row.wrong]
    if UNANSWERABLE not in options and not {UNANSWERABLE, *UNSUITABLE} & set(row.answers):
        options.append(UNANSWERABLE)
    if len(options) < 2:
        raise UnusableError("single_option", f"no other answer is surely wrong beside {target!r}")
    return Example(
        image=row.image,
        text=row.question,
        options=tuple(options),
        target=target,
        repaired=() if target in row.answers else ("unsuitable_as_unanswerable",),
    )


@dataset.task(
    """
    A blind person took this photo and would like to know what it shows. Write as many different
    captions as the number below says, one to a line, each a phrase or a sentence.
    """,
    official_name="VIZWIZ+image_captioning",
    title="VizWiz captioning image taken by blind people",
    category="Coarse-grained Captioning",
    metric="cider",
    published_form='"Caption 1: A Caption 2: B", in one line',
)
def image_captioning(row: Row) -> Example | None:
    if not isinstance(row, Captioned):
        return None
    if not row.captions:
        raise UnusableError("no_caption", "no caption describes the image")
    captions = [" ".join(caption.split()) for caption in row.captions]
    return Example(
        image=row.image,
        text=f"Number of captions: {len(captions)}",
        target="\n".join(captions),
        repaired=() if tuple(captions) == row.captions else ("trimmed_blanks",),
    )


@dataset.task(
    """
    A picture taken without looking at the screen often goes wrong. Judge this one as a photographer
    would: which flaw spoils it most, if there is one? Choose the option that names it.
    """,
    official_name="image_quality",
    title="VizWiz quality issue classification of image taken by blind people",
    category="Image Quality Classification",
)
def image_quality(row: Row) -> Example | None:
    if not isinstance(row, Judged):
        return None
    if len(row.flaws) > 1:
        raise UnusableError("tied_judgment", f"equally many saw {', '.join(row.flaws)}")
    return Example(image=row.image, options=tuple(FLAWS.values()), target=row.flaws[0])
