"""ScienceQA: school questions on natural, social and language science, with explained answers.

Layout: the owners' repository (lupantech/ScienceQA): tools/generate_caption.py opens
`images/<split>/<id>/image.png` beside `problems.json` and takes those problems for illustrated
whose `image` is `image.png`; models/base_prompt.py takes `answer` as a place in `choices` and uses
`hint`, `lecture` and `solution`; tools/download.sh unpacks the pictures of the three splits. The
files may lie here or in `data/scienceqa` as in a clone, and the pictures in `images` or beside the
file. All splits have answers and are read. Problems without a picture are of no task.

Neither task is on the paper's public site, so that their names and the make-up of their texts are
ours: the passage that a problem may come with stands before its question; the explanation task
gives the answer and wants `solution`, which speaks of the problem, and not `lecture`, which is the
same for all problems on a skill. Problems without a solution cannot be explained and are counted
as such. In some problems the picture is only an ornament of the passage (issue 7 of the owners'
repository). Blank lines and runs of blanks are trimmed; tables in the passages keep their marks.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import BLACK, COLORS, FRAME, WHITE, Box, canvas, jitter_box, word
from visionflan.drawing.icons import icon
from visionflan.errors import UnusableError
from visionflan.hashing import pick, stable_hash
from visionflan.layouts import inside, json_mapping, require
from visionflan.layouts.fields import choice, mapping, optional_text, read_records, text, text_list
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_json


class Row(NamedTuple):
    key: str
    image: Path | None
    passage: str
    question: str
    choices: tuple[str, ...]
    answer: str
    solution: str
    split: str = ""


dataset = Dataset[Row](
    title="ScienceQA",
    homepage="https://scienceqa.github.io/",
    license="CC-BY-NC-SA-4.0",
    citation="Lu, Mishra, Xia, Qiu, Chang, Zhu, Tafjord, Clark, Kalyan (2022), Learn to Explain: "
    "Multimodal Reasoning via Thought Chains for Science Question Answering, NeurIPS",
    obtain="""
        From data/scienceqa of the repository lupantech/ScienceQA take problems.json, and unpack the
        three archives of images that its tools/download.sh names into a directory images beside it.
    """,
    tree="""
        scienceqa/
          problems.json
          images/{train,val,test}/1/image.png
    """,
    split_field="split",
    no_group="the release does not connect its problems",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    path = require(root / "problems.json", root / "data" / "scienceqa" / "problems.json")
    problems = ((name, (name, problem)) for name, problem in json_mapping(path).items())
    images = path.parent / "images"
    home = images if images.is_dir() else path.parent
    yield from read_records(path, problems, partial(to_row, home))


def to_row(home: Path, member: tuple[str, dict[str, Any]]) -> Row:
    """Parse one problem; its answer is given as the words of the choice."""
    key, problem = text(member, 0), mapping(member, 1)
    choices = tuple(map(tidy, text_list(problem, "choices")))
    image, split = optional_text(problem, "image"), text(problem, "split")
    return Row(
        key=key,
        image=inside(home, f"{split}/{key}/{image}") if image else None,
        passage=tidy(text(problem, "hint")),
        question=tidy(text(problem, "question")),
        choices=choices,
        answer=choice(problem, "answer", choices),
        solution=tidy(text(problem, "solution")),
        split=split_of(split),
    )


def tidy(words: str) -> str:
    """Trim blank lines, and runs of blanks within a line."""
    lines = (" ".join(line.split()) for line in words.splitlines())
    return "\n".join(line for line in lines if line)


@dataset.task(
    """
    This problem comes from a science lesson. Use the figure, the passage if there is one, and what
    you learned at school to answer the question below, and select the correct option.
    """,
    title="ScienceQA VQA",
    category="Reasoning",
)
def visual_question_answering(row: Row) -> Example | None:
    if row.image is None:
        return None
    text = "\n".join(part for part in (row.passage, row.question) if part)
    return Example(image=row.image, text=text, options=row.choices, target=row.answer)


@dataset.task(
    """
    A teacher has solved the science problem below and tells you the result. Explain to the class in
    a few sentences why it is right, using the figure and the facts or rules behind it.
    """,
    title="ScienceQA explanation generation",
    category="Rational and Script Generation",
    metric="rouge_l",
)
def explanation_generation(row: Row) -> Example | None:
    if row.image is None:
        return None
    if not row.solution:
        raise UnusableError("no_explanation", "the release explains no answer to this problem")
    parts = {
        "Passage": row.passage,
        "Question": row.question,
        "Choices": " ".join(f"({n}) {choice}" for n, choice in enumerate(row.choices, start=1)),
        "Answer": row.answer,
    }
    text = "\n".join(f"{name}: {part}" for name, part in parts.items() if part)
    return Example(image=row.image, text=text, target=row.solution)


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    problems = {"1": {**FROM_WORDS, "image": None, "split": "train"}}
    for index in range(count):
        image, problem = (magnets, solutions, animal)[index % 3](index)
        split = ("train", "train", "train", "val", "test")[index % 5]
        write_image(root / "images" / split / str(index + 2) / "image.png", image)
        problems[str(index + 2)] = {**problem, "image": "image.png", "split": split, "lecture": ""}
    write_json(root / "problems.json", problems)


FROM_WORDS = {
    "question": "Which word is a verb?",
    "choices": ["run", "red"],
    "answer": 0,
    "hint": "",
    "lecture": "",
    "solution": "To run is to do something.",
}
Made = tuple[Image.Image, dict[str, Any]]


def magnets(index: int) -> Made:
    """Draw two bar magnets end to end, and ask what they will do."""
    image = canvas("scienceqa", index)
    facing = ""
    for side in range(2):
        poles = ("NS", "SN")[stable_hash("scienceqa", index, "poles", side) % 2]
        facing += poles[1 - side]
        bar = jitter_box(Box(2, 24, 46, 55), "scienceqa", index)
        bar = Box(bar.left + 48 * side, bar.top, bar.right + 48 * side, bar.bottom)
        for half, pole in enumerate(poles):
            part = bar.part(half / 2, 0, (half + 1) / 2, 1)
            shade = COLORS["red" if pole == "N" else "blue"]
            ImageDraw.Draw(image).rectangle(part, fill=shade)
            word(image, pole, part.part(0.1, 0.2, 0.9, 0.8), WHITE)
    unlike = facing[0] != facing[1]
    first, second = ("north" if pole == "N" else "south" for pole in facing)
    return image, {
        "question": "Will these magnets attract or repel each other?",
        "choices": ["attract", "repel"],
        "answer": 0 if unlike else 1,
        "hint": "Two magnets are placed as shown.\n\nMagnets that attract pull together. Magnets "
        "that repel push apart.",
        "solution": f"The {first} pole of one magnet is closest to the {second} pole of the other. "
        f"Poles that are {'different attract' if unlike else 'the same repel'}.",
    }


def solutions(index: int) -> Made:
    """Draw two jars with particles in them, and ask which solution is stronger."""
    image = canvas("scienceqa", index)
    pen = ImageDraw.Draw(image)
    outcome = index // 3 % 3
    few, many = (
        1 + stable_hash("scienceqa", index, "few") % 2,
        5 + stable_hash("scienceqa", index, "many") % 2,
    )
    counts = ((many, few), (few, many), (many, many))[outcome]
    color = pick(("green", "purple", "orange"), 1, "scienceqa", index)[0]
    for side, number in enumerate(counts):
        jar = jitter_box(Box(3, 6, 45, 70), "scienceqa", index)
        jar = Box(jar.left + 48 * side, jar.top, jar.right + 48 * side, jar.bottom)
        pen.rectangle(jar, fill=WHITE, outline=BLACK, width=2)
        for place in pick(range(6), number, "scienceqa", index, side):
            left, top = 0.1 + 0.45 * (place % 2), 0.06 + 0.31 * (place // 2)
            pen.ellipse(jar.part(left, top, left + 0.36, top + 0.25), fill=COLORS[color])
        word(image, "AB"[side], Box(jar.left, 74, jar.right, 94))
    choices = ["Solution A", "Solution B", "neither; their concentrations are the same"]
    reason = f"Solution A has {counts[0]} {color} particles and Solution B has {counts[1]}"
    return image, {
        "question": f"Which solution has a higher concentration of {color} particles?",
        "choices": choices,
        "answer": outcome,
        "hint": f"Each {color} ball represents one particle. Both solutions have the same volume.",
        "solution": f"{reason}, in the same volume. So the answer is: {choices[outcome]}.",
    }


KINDS = {
    "mammal": (("dog", "cow", "cat"), "it has fur and feeds its young with milk"),
    "bird": (("bird",), "it has feathers and a beak"),
    "fish": (("fish",), "it lives in water and has fins"),
    "insect": (("butterfly",), "it has six legs and an outer skeleton"),
    "crustacean": (("crab",), "it has two claws and a hard shell"),
}


def animal(index: int) -> Made:
    """Draw an animal, and ask to which group it belongs."""
    kind = list(KINDS)[index // 3 % len(KINDS)]
    names, reason = KINDS[kind]
    name = pick(names, 1, "scienceqa", index)[0]
    image = canvas("scienceqa", index)
    color = pick(("brown", "orange", "blue", "red", "gray"), 1, "scienceqa", index, "colour")[0]
    icon(image, name, jitter_box(FRAME.part(0.04, 0.04, 0.96, 0.96), index, by=0.3), color)
    article = "an" if kind == "insect" else "a"
    choices = sorted([kind, *pick(list(KINDS), 3, "scienceqa", index, "wrong", avoid=[kind])])
    return image, {
        "question": "To which group does this animal belong?",
        "choices": choices,
        "answer": choices.index(kind),
        "hint": "",
        "solution": f"The picture shows a {name}. It is {article} {kind}, because {reason}.",
    }
