"""DAQUAR: questions about indoor scenes, each answered by one or more words from a closed set.

Layout: the archive of the owners' page, of which jayantk/lsp keeps the text files in data/daquar.
A question and its answer stand on two lines, the question ends in the name of its picture ("... in
the image3 ?"), and words of an answer that are several things are separated by commas. The list of
894 classes (`qa.894.raw.{train,test}.txt`) has 6,795 and 5,673 questions, all of which were read
here; that of 37 classes repeats a part of them and is not read. The owners' tutorial
(mateuszmalinowski/visual_turing_test-tutorial) has the same rows in a form of its own. A mirror
that much training code uses has the lines in one file, `all_qa_pairs.txt`, and the pictures in
`images`; it is read where the owners' files are not there, and its `train_images_list.txt` and
`test_images_list.txt` give the split.

Mended in the words of the release: the number after "image" (every row), underscores in names
(2,300 rows), two misspellings (refridgerator, excercise), and an answer that is given twice for one
question. Slips of the annotators such as "in fornt of" are left as they are.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, Box, canvas, choose_cells, grid_cell, jitter_box
from visionflan.drawing.icons import icon
from visionflan.hashing import pick, stable_hash
from visionflan.layouts import existing_paths, load_text, require
from visionflan.layouts.official_splits import read_split_lists, split_of
from visionflan.specimens import write_image, write_lines

PICTURE = re.compile(r"image ?(\d+)")
STRAY_BLANK = re.compile(r"\bth eimage\b")
MISSPELT = {"refridgerator": "refrigerator", "excercise": "exercise"}


class Row(NamedTuple):
    key: str
    image: Path
    question: str
    answer: str
    split: str = ""


dataset = Dataset[Row](
    title="DAQUAR",
    homepage="https://www.mpi-inf.mpg.de/departments/computer-vision-and-machine-learning/research/"
    "vision-and-language/visual-turing-challenge/",
    license="unknown",
    terms="The images are those of the NYU Depth Dataset V2 and keep its terms.",
    citation="Malinowski, Fritz (2014), A Multi-World Approach to Question Answering about "
    "Real-World Scenes based on Uncertain Input, NIPS",
    obtain="""
        From the homepage, download the training and test questions of all 894 classes and the
        archive nyu_depth_images.tar, and unpack it beside them.
    """,
    tree="""
        daquar/
          qa.894.raw.train.txt
          qa.894.raw.test.txt
          nyu_depth_images/image3.png
    """,
    split_field="split",
    no_group="the release does not tell which images show one room",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    official = {split: root / f"qa.894.raw.{split}.txt" for split in ("train", "test")}
    mirror = root / "all_qa_pairs.txt"
    there = existing_paths(*official.values(), mirror)
    lists = {split: path for split, path in official.items() if path in there} or {"all": mirror}
    images = require(root / "nyu_depth_images", root / "images")
    mirrored = read_split_lists(root, "{}_images_list.txt", ("train", "test"))
    for split, path in lists.items():
        lines = load_text(path).rstrip("\n").split("\n")
        for place, question in enumerate(lines[::2]):
            answer = lines[2 * place + 1] if 2 * place + 1 < len(lines) else ""
            named = PICTURE.findall(question)
            if not named or PICTURE.search(answer):
                detail = f"line {2 * place + 1} of {path} is not a question that names its image"
                yield BrokenRow(f"{split}/{place}", "malformed_record", detail)
            else:
                image = images / f"image{named[-1]}.png"
                part = mirrored.get(image.stem, "") if split == "all" else split_of(split)
                yield Row(f"{split}/{place}", image, question.strip(), answer.strip(), part)


@dataset.task(
    """
    This photograph was taken indoors. Find what the question asks about, and give the name, color
    or number in lower case. If several things belong in the answer, list them separated by
    semicolons.
    """,
    title="DAQUAR VQA",
    official_name="DAQUAR+object_question_answer",
    category="Perception",
    metric="set_f1",
)
def object_question_answer(row: Row) -> Example:
    question_text = PICTURE.sub("image", row.question).removesuffix("?").strip()
    question_text = STRAY_BLANK.sub("the image", question_text)
    answers_given = [answer.strip() for answer in row.answer.split(",")]
    spelt = [spelling_mended(words) for words in (question_text, *answers_given)]
    words = [each.replace("_", " ") for each in spelt]
    answers = list(dict.fromkeys(words[1:]))
    mended = {
        "image_number": PICTURE.search(row.question) is not None,
        "stray_blank": STRAY_BLANK.search(PICTURE.sub("image", row.question)) is not None,
        "misspelling": spelt != [question_text, *answers_given],
        "underscore": words != spelt,
        "repeated_answer": len(answers) < len(answers_given),
    }
    return Example(
        image=row.image,
        text=f"{words[0][:1].upper()}{words[0][1:]}?",
        target="; ".join(answers),
        repaired=tuple(name for name, happened in mended.items() if happened),
    )


def spelling_mended(words: str) -> str:
    """Correct the two words that the release misspells throughout."""
    for wrong, right in MISSPELT.items():
        words = words.replace(wrong, right)
    return words


# What is drawn, and what the release would call it.
THINGS = {
    "bed": "bed",
    "sofa": "sofa",
    "lamp": "lamp",
    "television": "television",
    "refrigerator": "refridgerator",
    "toilet": "toilet",
    "potted plant": "potted_plant",
    "chair": "chair",
}
TINTS = ("red", "blue", "green", "purple", "orange", "brown")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lines: dict[str, list[str]] = {"train": [], "test": []}
    for index in range(count):
        image, question_text, answer = (beside, colored, counted, both)[index % 4](index)
        write_image(root / "nyu_depth_images" / f"image{index + 1}.png", image)
        split = "test" if index % 5 == 4 else "train"
        lines[split] += [f"{question_text} in the image{index + 1} ?", answer]
    for split, written in lines.items():
        write_lines(root / f"qa.894.raw.{split}.txt", written)


def beside(index: int) -> tuple[Image.Image, str, str]:
    """Draw two things side by side, and ask for the one at a side of the other."""
    image, names = pair(index)
    sought = stable_hash("daquar", index, "side") % 2
    side = ("left", "right")[sought]
    return image, f"what is on the {side} side of the {names[1 - sought]}", names[sought]


def colored(index: int) -> tuple[Image.Image, str, str]:
    """Draw one thing, and ask for its color."""
    image = canvas("daquar", index)
    name = pick(("sofa", "chair", "refrigerator", "cup"), 1, "daquar", index, "thing")[0]
    color = TINTS[index // 4 % len(TINTS)]
    icon(image, name, jitter_box(FRAME.part(0.05, 0.05, 0.95, 0.95), index, by=0.2), color)
    return image, f"what is the colour of the {THINGS.get(name, name)}", color


def counted(index: int) -> tuple[Image.Image, str, str]:
    """Draw one to six of a thing, and ask how many there are."""
    image = canvas("daquar", index)
    number = 1 + index // 4 % 6
    name = pick(("chair", "lamp", "bottle", "cup"), 1, "daquar", index, "thing")[0]
    color = pick(TINTS, 1, "daquar", index, "tint")[0]
    for place, box in enumerate(choose_cells(number, "daquar", index)):
        icon(image, name, jitter_box(box, index, place), color)
    return image, f"how many {name}s are there", str(number)


def both(index: int) -> tuple[Image.Image, str, str]:
    """Draw two things side by side, and ask for the names of both."""
    image, names = pair(index)
    return image, "what are the two objects", ", ".join(names)


def pair(index: int) -> tuple[Image.Image, list[str]]:
    """Draw two different things side by side, and give their names from left to right."""
    image = canvas("daquar", index)
    drawn = pick(tuple(THINGS), 2, "daquar", index, "pair")
    for place, name in enumerate(drawn):
        cell: Box = grid_cell(place, stable_hash("daquar", index, place) % 2, 2, 2)
        icon(image, name, cell, pick(TINTS, 1, "daquar", index, name)[0])
    return image, [THINGS[name] for name in drawn]
