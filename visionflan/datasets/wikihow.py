"""wikiHow-image: instructions of wikiHow, step by step, most of them with a picture.

Witnesses of the layout: the code that made these tasks (VT-NLP/MultiInstruct, `data_preprocessor/
wikihow.py` on the archive of `download_scripts/wikihow.sh`) opens `data/<article>/wikihow.json`,
reads its `methods`, each with `name` and `steps`, of a step `headline` and `img`, and takes the
picture from `data/<article>/image`; the public samples show articles such as
`11102032_dry-cilantro` and pictures such as `method_1_step_6.jpg`. The release of Yang and others
(2021) has the same fields in one line an article of `WikihowText_data.json`, with the article's
`goal`; its pictures are named by `step_id` (README of YueYANG1996/wikiHow-VGSI), in a folder that
is taken to bear the name of their archive, `wiki_images`. Where both are there the first is read.

Known defects: articles may lack methods, and steps a picture; that code passes over them, and so
does this reader, for which a step without a picture still is a step. In the public samples the
steps before the one shown hold the answer of `wikihow_next_step`, since that code adds to a list
that it has already given away; here they end before the step that is shown. The samples name the
method alone; here the article comes first, by its goal or by the words in its folder's name.

The two ordering tasks have lettered options, as the paper's Appendix J has for the first of them;
the public samples list `previous` and `next` without letters. In both, the words are of a step that
has steps on either side, and the picture is of one of these, drawn by hash, so that the words alone
never tell: in that code the first step of a method always was the previous one. A step whose words
stand twice in a method has no order, and is counted as unusable. Wrong next steps are other steps
of the same method, four at most. Runs of blanks become single ones.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, canvas, jitter_box, shape
from visionflan.errors import ReleaseError, UnusableError
from visionflan.hashing import pick
from visionflan.layouts import inside, json_lines, load_json, require
from visionflan.layouts.fields import identifier, items, optional_text, parse_record
from visionflan.specimens import write_image, write_json


class Row(NamedTuple):
    key: str
    task: str
    steps: tuple[str, ...]
    pictures: tuple[Path | None, ...]
    place: int
    article: str = ""


dataset = Dataset[Row](
    title="wikiHow",
    homepage="https://www.wikihow.com/wikiHow:Creative-Commons",
    license="CC-BY-NC-SA-3.0",
    terms="""
        The license is that of wikiHow's texts. The images have their own terms, which the release
        of 2021 names in img_license.
    """,
    citation="Y. Yang, A. Panagopoulou, Q. Lyu, L. Zhang, M. Yatskar and C. Callison-Burch (2021), "
    "Visual Goal-Step Inference using wikiHow, EMNLP",
    obtain="""
        Unpack wikihow.tar.gz, to which download_scripts/wikihow.sh of the repository
        VT-NLP/MultiInstruct links, here; or put WikihowText_data.json and the unpacked
        wiki_images.zip here, to which the repository YueYANG1996/wikiHow-VGSI links.
    """,
    tree="""
        wikihow/
            data/11102032_dry-cilantro/wikihow.json
            data/11102032_dry-cilantro/image/method_1_step_6.jpg ...
        or
        wikihow/
            WikihowText_data.json
            wiki_images/10000798_0_0.png ...
    """,
    no_split="the articles are published undivided",
    group_field="article",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    data = require(root / "data", root / "WikihowText_data.json")
    for key, place, article in folders(data) if data.is_dir() else lines(data):
        if isinstance(article, BrokenRow):
            yield article
            continue
        steps = parse_record(key, f"the article in {place}", read_article, key, place, article)
        yield from [steps] if isinstance(steps, BrokenRow) else steps


def folders(data: Path) -> Iterator[tuple[str, Path, Any]]:
    """Read articles that have a folder each."""
    for folder in sorted(path for path in data.iterdir() if path.is_dir()):
        try:
            yield folder.name, folder, load_json(folder / "wikihow.json")
        except ReleaseError as error:
            yield folder.name, folder, BrokenRow(folder.name, "malformed_json", f"{error}")


def lines(path: Path) -> Iterator[tuple[str, Path, Any]]:
    """Read articles that have a line each."""
    for line in json_lines(path):
        if isinstance(line, BrokenRow):
            yield line.key, path, line
        else:
            number, article = line
            named = isinstance(article, dict) and isinstance(article.get("file_id"), str | int)
            key = identifier(article, "file_id") if named else f"line {number}"
            yield key, path, article


def read_article(key: str, place: Path, article: dict[str, Any]) -> list[Row]:
    """Return the steps of an article, each with all steps of its method."""
    goal = optional_text(article, "goal")
    goal = goal or f"How to {key.partition('_')[2].replace('-', ' ')}"
    rows = []
    for number, method in enumerate(items(article, "methods") if "methods" in article else ()):
        name, steps = optional_text(method, "name"), items(method, "steps")
        task = f"{goal} ({name})" if name else goal
        headlines = tuple(optional_text(step, "headline") for step in steps)
        images = tuple(image_of(place, step) for step in steps)
        for at in range(len(steps)):
            rows.append(Row(f"{key}/{number}/{at}", task, headlines, images, at, key))
    return rows


def image_of(place: Path, step: dict[str, Any]) -> Path | None:
    """Return the image of a step, in the article's directory or by its id in that of all images."""
    name = optional_text(step, "img")
    if not name:
        return None
    if place.is_dir():
        return inside(place / "image", name)
    return inside(place.parent / "wiki_images", f"{identifier(step, 'step_id')}.png")


def example(
    image: Path, *lines: str, target: str, options: tuple[str, ...] = (), task: str
) -> Example:
    """Make an example whose text is the task and these lines, without blanks to spare."""
    text = (f"Task: {task}", *lines)
    texts = (*text, target, *options)
    return Example(
        image=image,
        text="\n".join(map(tidy, text)),
        target=tidy(target),
        options=tuple(map(tidy, options)),
        repaired=("trimmed_blanks",) if tuple(map(tidy, texts)) != texts else (),
    )


def tidy(words: str) -> str:
    """Replace runs of spaces by single ones."""
    return " ".join(words.split())


@dataset.task(
    """
    Someone is following the instructions for the task below and is at the step that the picture
    shows. The steps before it are listed. Write the step that comes after the one in the picture,
    as one short sentence that tells the reader what to do.
    """,
    title="wikiHow-image next step generation",
    official_name="wikihow_next_step",
    category="Rational and Script Generation",
    metric="rouge_l",
)
def wikihow_next_step(row: Row) -> Example | None:
    image = row.pictures[row.place]
    if image is None or row.place + 1 == len(row.steps):
        return None
    before = [step for step in row.steps[: row.place] if tidy(step)]
    listed = [f"{number}. {step}" for number, step in enumerate(before, start=1)] or ["none"]
    target = row.steps[row.place + 1]
    return example(image, "Steps before:", *listed, target=target, task=row.task)


@dataset.task(
    """
    The photograph or drawing belongs to one step of the task named below. From the steps offered,
    all from the same set of instructions, select the one that comes directly afterward.
    """,
    title="wikiHow-image immediate next step selection",
    official_name="wikihow_immediate_next_step_selection",
    category="Complex Reasoning",
)
def wikihow_immediate_next_step_selection(row: Row) -> Example | None:
    image = row.pictures[row.place]
    if image is None or row.place + 1 == len(row.steps):
        return None
    current, right = row.steps[row.place : row.place + 2]
    taken = {"", tidy(current).casefold(), tidy(right).casefold()}
    others = {tidy(step).casefold(): step for step in row.steps}
    pool = [step for folded, step in others.items() if folded not in taken]
    if not pool:
        return None
    wrong = pick(pool, 4, row.key, "wrong next steps")
    return example(image, target=right, options=(right, *wrong), task=row.task)


def ordered(row: Row, purpose: str, before: str, after: str) -> Example | None:
    """Make an example on the order of a step in words and a picture of one beside it."""
    if not 0 < row.place < len(row.steps) - 1:
        return None
    sides = ((row.pictures[row.place - 1], before), (row.pictures[row.place + 1], after))
    shown_sides = [(picture, answer) for picture, answer in sides if picture is not None]
    if not shown_sides:
        return None
    words = [tidy(step).casefold() for step in row.steps]
    if not words[row.place] or words.count(words[row.place]) > 1:
        sentence = f"{row.steps[row.place]!r} is empty or stands in the method more than once"
        raise UnusableError("step_without_order", sentence)
    ((image, answer),) = pick(shown_sides, 1, row.key, purpose)
    words_given = f"Step: {row.steps[row.place]}"
    return example(image, words_given, target=answer, options=("previous", "next"), task=row.task)


@dataset.task(
    """
    The picture and the step below stand next to each other in the instructions for the task. Does
    the step come before what the picture shows (previous) or after it (next)?
    """,
    title="wikiHow-image image text step ordering",
    official_name="wikihow_image_text_step_order",
    category="Complex Reasoning",
    published_form='"next" or "previous", without a letter',
)
def wikihow_image_text_step_order(row: Row) -> Example | None:
    return ordered(row, "image text", before="next", after="previous")


@dataset.task(
    """
    You have just read the step below, and the picture shows the one directly before or after it in
    the same instructions. Is what you see in the picture the next step or the previous one?
    """,
    title="wikiHow-image text image step ordering",
    official_name="wikihow_text_image_step_order",
    category="Complex Reasoning",
    published_form='"next" or "previous", without a letter',
)
def wikihow_text_image_step_order(row: Row) -> Example | None:
    return ordered(row, "text image", before="previous", after="next")


Part = tuple[str, str, tuple[float, float, float, float]]

# Of each drawing the steps, in words and in the shapes that they add; the color * varies.
DRAWINGS: dict[str, dict[str, tuple[Part, ...]]] = {
    "house": {
        "Draw a square for the walls.": (("square", "*", (0.15, 0.42, 0.85, 1)),),
        "Put a roof on the walls.": (("triangle", "brown", (0, 0.05, 1, 0.48)),),
        "Add a door.": (("square", "black", (0.22, 0.62, 0.48, 1)),),
        "Paint a yellow window.": (("square", "yellow", (0.52, 0.56, 0.82, 0.8)),),
        "Finish with the sun.": (("circle", "orange", (0, 0, 0.28, 0.28)),),
    },
    "face": {
        "Draw a circle for the head.": (("circle", "*", (0.1, 0.15, 0.9, 0.95)),),
        "Add two eyes.": tuple(("circle", "black", (x, 0.38, x + 0.14, 0.52)) for x in (0.26, 0.6)),
        "Place a nose between the eyes.": (("triangle", "yellow", (0.4, 0.42, 0.6, 0.66)),),
        "Draw the mouth below the nose.": (("square", "black", (0.28, 0.7, 0.72, 0.82)),),
        "Put a hat on the head.": (("triangle", "brown", (0.15, 0, 0.85, 0.34)),),
    },
    "flower": {
        "Draw a pot.": (("square", "brown", (0.25, 0.72, 0.75, 1)),),
        "Let a stem grow out of the pot.": (("square", "green", (0.45, 0.3, 0.55, 0.76)),),
        "Add a leaf to the stem.": (("triangle", "green", (0.52, 0.46, 0.82, 0.68)),),
        "Put the blossom on the stem.": (("star", "*", (0.22, 0, 0.78, 0.52)),),
        "Draw the middle of the blossom.": (("circle", "black", (0.41, 0.19, 0.59, 0.36)),),
    },
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(max(1, count // 5)):
        thing = list(DRAWINGS)[index % len(DRAWINGS)]
        folder = root / "data" / f"{1000 + index}_draw-a-{thing}"
        steps: list[dict[str, object]] = []
        for number, words in enumerate(DRAWINGS[thing]):
            pictured = index % 7 != 6 or number < 4
            name = f"method_0_step_{number}.jpg"
            if pictured:
                write_image(folder / "image" / name, drawn(index, thing, number))
            steps.append({"headline": words, "img": name if pictured else None})
        method = {"name": "Drawing by Hand", "steps": steps}
        write_json(folder / "wikihow.json", {"methods": [method]})
    write_json(root / "data" / "999_draw-nothing" / "wikihow.json", {"parts": []})


def drawn(index: int, thing: str, number: int) -> Image.Image:
    """Draw a thing as far as it has come after a step."""
    image = canvas("wikihow", index)
    (main,) = pick(("red", "blue", "green", "orange", "purple"), 1, "wikihow", index)
    region = jitter_box(FRAME.part(0.05, 0.05, 0.95, 0.95), "wikihow", index, by=0.25)
    for parts in list(DRAWINGS[thing].values())[: number + 1]:
        for name, color, place in parts:
            shape(image, name, main if color == "*" else color, region.part(*place))
    return image
