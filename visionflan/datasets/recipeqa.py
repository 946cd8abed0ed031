"""RecipeQA: illustrated cooking recipes from the web, with questions made from their steps.

Witnesses of the layout: the owners' code (hucvl/prn, `recipeqalib/readers.py`: questions under
`data`, each with `task`, `choice_list`, `answer`, `qid` and `recipe_id`, the choices of
`visual_coherence` being names of pictures) and training code (LiuYubo1995/RecipeQA: the files
`train.json` and `val.json`, and the pictures in `images/{train,val}/images-qa`). Another code
(imbalzy/RecipeQA-FInal-Project-2470) has a copy from Kaggle, with `train recipeqa.json` for a file
and `images/images-qa/train/images-qa` for a folder; it is read too. Nobody was seen to use answers
of the test split, which is not read.

The paper's site has one task, `visual_coherence`: three pictures are of one recipe, the fourth is
of another. As in the public sample the four are put together into one picture under the letters A
to D, here in two rows so that little is lost when it is shrunk to a square, in the order of the
release, and the answer is a letter. The words of the recipe are not given. A recipe has several
questions on much the same pictures, which its `recipe_id` holds together.
"""

from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont, ImageOps

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import Box, canvas, jitter_box
from visionflan.drawing.icons import icon
from visionflan.hashing import pick, stable_hash
from visionflan.image_files import decode_image
from visionflan.image_sources import ComputedImage, read_image_file
from visionflan.layouts import is_folder, require
from visionflan.layouts.fields import (
    identifier,
    integer,
    optional_text,
    read_row_lists,
    text,
    text_list,
)
from visionflan.layouts.json_stream import json_field_values
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_json

LETTERS = "ABCD"
SIDE, CAPTION, GAP = 224, 28, 8
PAPER, INK = (250, 250, 250), (20, 20, 20)


class Row(NamedTuple):
    key: str
    folder: Path
    names: tuple[str, ...]
    answer: int
    recipe: str = ""

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="RecipeQA",
    homepage="https://hucvl.github.io/recipeqa/",
    license="unknown",
    terms="""
        According to the owners, the questions are made from copyright-free recipes under a variety
        of licenses, which the release gives for each recipe.
    """,
    citation="S. Yagcioglu, A. Erdem, E. Erdem and N. Ikizler-Cinbis (2018), RecipeQA: A Challenge "
    "Dataset for Multimodal Comprehension of Cooking Recipes, EMNLP",
    obtain="""
        Download the questions of training and validation and the archive of images from the
        homepage, and unpack the archive here.
    """,
    tree="""
        recipeqa/
            train.json
            val.json
            images/train/images-qa/bacon-pancake-poppers_1_1.jpg ...
            images/val/images-qa/...
    """,
    split_field="split",
    group_field="recipe",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    files = {
        split: [root / f"{split}.json", root / f"{split} recipeqa.json"]
        for split in ("train", "val")
    }
    require(*chain.from_iterable(files.values()))
    for split, paths in files.items():
        if (path := next(filter(Path.exists, paths), None)) is not None:
            yield from questions(split, path, pictures(root, split))


def questions(split: str, path: Path, folder: Path) -> Iterator[Row | BrokenRow]:
    """Read the questions of a split that are about which picture strays."""
    records = enumerate(json_field_values(path, "data"))
    yield from read_row_lists(path, records, partial(to_rows, split, folder))


def pictures(root: Path, split: str) -> Path:
    """Find the folder of the pictures of a split."""
    copied = root / "images" / "images-qa" / split / "images-qa"
    return copied if is_folder(copied) else root / "images" / split / "images-qa"


def to_rows(split: str, folder: Path, record: dict[str, Any]) -> list[Row | BrokenRow]:
    """Parse one question, if it is of this kind.

    Its choices must be four names, and its answer an index of them.
    """
    if text(record, "task") != "visual_coherence":
        return []
    key, names = f"{split}/{identifier(record, 'qid')}", text_list(record, "choice_list")
    answer = integer(record, "answer")
    if len(names) != len(LETTERS) or any(Path(name).name != name for name in names):
        detail = f"{names} are not the names of four images"
        return [BrokenRow(key, "malformed_choices", detail)]
    if answer not in range(len(LETTERS)):
        detail = f"the answer is {answer}, of four images"
        return [BrokenRow(key, "answer_out_of_range", detail)]
    return [Row(key, folder, names, answer, optional_text(record, "recipe_id"))]


def compose(first: Path, place: str) -> Image.Image:
    """Arrange pictures, named between slashes, in two rows, each under its letter."""
    page = Image.new("RGB", (2 * SIDE + 3 * GAP, 2 * (SIDE + CAPTION) + GAP), PAPER)
    pen = ImageDraw.Draw(page)
    for index, name in enumerate(place.split("/")):
        left = GAP + index % 2 * (SIDE + GAP)
        top = CAPTION + index // 2 * (SIDE + CAPTION)
        middle = (left + SIDE / 2, top - CAPTION / 2)
        font = ImageFont.load_default(CAPTION - 4)
        pen.text(middle, LETTERS[index], fill=INK, font=font, anchor="mm")
        image = decode_image(read_image_file(first.parent / name))
        fitted = ImageOps.pad(image, (SIDE, SIDE), color=PAPER)
        page.paste(fitted, (left, top))
    return page


@dataset.task(
    """
    Three of the pictures A to D show steps of the same recipe, and one comes from a different
    recipe. Find the one that does not belong with the others, and give its letter.
    """,
    title="RecipeQA visual coherence of recipe steps",
    official_name="recipe-qa+visual_coherence",
    category="Complex Reasoning",
    published_form='"The least similar image is X"',
)
def visual_coherence(row: Row) -> Example:
    image = ComputedImage(row.folder / row.names[0], "/".join(row.names), compose)
    return Example(image=image, target=LETTERS[row.answer])


FOODS = {"apple": "green", "banana": "yellow", "pizza": "red", "fish": "blue", "crab": "orange"}
TOOLS = ("knife", "fork", "spoon", "bowl", "bottle")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    data: dict[str, list[dict[str, object]]] = {"train": [], "val": []}
    for index in range(count):
        split = "val" if index % 5 == 4 else "train"
        answer = stable_hash("recipeqa", index) % 4
        food, other = pick(tuple(FOODS), 2, "recipeqa", index, "foods")
        tools = pick(TOOLS, 4, "recipeqa", index, "tools")
        choices = []
        for place, tool in enumerate(tools):
            dish, recipe = (other, index + count) if place == answer else (food, index)
            choices.append(f"{dish}-supper-{recipe}_{place}_0.jpg")
            path = root / "images" / split / "images-qa" / choices[-1]
            write_image(path, step(dish, recipe, tool, place))
        common = {"recipe_id": f"{food}-supper-{index}", "split": split, "context": []}
        images = {"choice_list": choices, "question": choices, "answer": answer}
        words = {"choice_list": ["Cut", "Bake"], "question": ["@placeholder", "Eat"], "answer": 0}
        data[split] += [
            {**common, **images, "qid": f"{index}-{other}-0", "task": "visual_coherence"},
            {**common, **words, "qid": f"{index}-0", "task": "textual_cloze"},
        ]
    for split, records in data.items():
        write_json(root / f"{split}.json", {"version": "1.0", "data": records})


def step(food: str, recipe: int, tool: str, place: int) -> Image.Image:
    """Draw a food with something from the kitchen, on the ground of its recipe."""
    image = canvas("recipeqa", recipe, size=64)
    icon(image, food, jitter_box(Box(2, 2, 46, 46), recipe, place), FOODS[food])
    icon(image, tool, Box(40, 34, 62, 62), "gray")
    return image
