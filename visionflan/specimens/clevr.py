"""Draw scenes of solids as in CLEVR, and generate questions with correct answers."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.drawing import COLORS, WHITE, Box, canvas, darken, grid_cell, polygon
from visionflan.hashing import hash_fraction, pick, shuffled, stable_hash
from visionflan.specimens import write_image, write_json

SHAPES = ("cube", "sphere", "cylinder")
COLOR_NAMES = ("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow")
MATERIALS = ("rubber", "metal")
SIZES = {"large": 0.96, "small": 0.56}


class Solid(NamedTuple):
    """An object, and its column and row in a two by two grid."""

    shape: str
    color: str
    size: str
    material: str
    column: int
    row: int


class QuestionAnswer(NamedTuple):
    """A question with its correct answer."""

    question: str
    answer: str


Allowed = Mapping[str, Sequence[str]]
ANY_COLOR: Allowed = dict.fromkeys(SHAPES, COLOR_NAMES)


def scene(*identity: str | int, allowed: Allowed = ANY_COLOR) -> list[Solid]:
    """Return one to four solids of different colors in different cells, from back to front.

    Each gets the first unused color that is allowed for its shape.
    """
    count = 1 + stable_hash(*identity, "count") % 4
    remaining = shuffled(COLOR_NAMES, *identity, "colour")
    solids = []
    for cell_index in sorted(pick(range(4), count, *identity, "place")):
        shape = SHAPES[stable_hash(*identity, "shape", cell_index) % 3]
        color = next(color for color in remaining if color in allowed[shape])
        remaining.remove(color)
        size = list(SIZES)[stable_hash(*identity, "size", cell_index) % 2]
        material = MATERIALS[stable_hash(*identity, "material", cell_index) % 2]
        solids.append(
            Solid(shape, color, size, material, column=cell_index % 2, row=cell_index // 2)
        )
    return solids


def draw_scene(solids: list[Solid], *identity: str | int) -> Image.Image:
    """Draw a scene on a light floor."""
    image = canvas(*identity)
    pen = ImageDraw.Draw(image)
    for solid in solids:
        cell = grid_cell(solid.column, solid.row, 2, 2)
        side = SIZES[solid.size] * (1 - 0.08 * hash_fraction(*identity, solid.color, "side"))
        left = (1 - side) * hash_fraction(*identity, solid.color, "left")
        top = (1 - side) * hash_fraction(*identity, solid.color, "top")
        box = cell.part(left, top, left + side, top + side)
        SOLIDS[solid.shape](pen, box, solid)
    return image


def cube(pen: ImageDraw.ImageDraw, box: Box, solid: Solid) -> None:
    """Draw a cube with its front, top and right side visible."""
    color = COLORS[solid.color]
    pen.rectangle(box.part(0.0, 0.28, 0.72, 1.0), fill=color)
    pen.polygon(polygon(box, [(0, 0.28), (0.28, 0), (1, 0), (0.72, 0.28)]), fill=darken(color, 0.8))
    side = [(0.72, 0.28), (1, 0), (1, 0.72), (0.72, 1)]
    pen.polygon(polygon(box, side), fill=darken(color, 0.55))
    shine(pen, box.part(0.06, 0.36, 0.66, 0.94), solid)


def sphere(pen: ImageDraw.ImageDraw, box: Box, solid: Solid) -> None:
    """Draw a sphere lit from the upper left."""
    color = COLORS[solid.color]
    pen.ellipse(box, fill=darken(color, 0.6))
    pen.ellipse(box.part(0.02, 0.02, 0.88, 0.88), fill=color)
    shine(pen, box.part(0.16, 0.16, 0.76, 0.76), solid)


def cylinder(pen: ImageDraw.ImageDraw, box: Box, solid: Solid) -> None:
    """Draw an upright cylinder, narrower than its height."""
    color = COLORS[solid.color]
    pen.ellipse(box.part(0.18, 0.72, 0.82, 1.0), fill=color)
    pen.rectangle(box.part(0.18, 0.14, 0.82, 0.86), fill=color)
    pen.rectangle(box.part(0.62, 0.14, 0.82, 0.86), fill=darken(color, 0.7))
    pen.ellipse(box.part(0.18, 0.0, 0.82, 0.28), fill=darken(color, 0.45))
    shine(pen, box.part(0.2, 0.34, 0.6, 0.9), solid)


def shine(pen: ImageDraw.ImageDraw, box: Box, solid: Solid) -> None:
    """Draw the reflection that distinguishes metal from rubber."""
    if solid.material == "metal":
        pen.polygon(polygon(box, [(0.1, 0.6), (0.6, 0.1), (0.85, 0.1), (0.1, 0.85)]), fill=WHITE)


SOLIDS: dict[str, Callable[[ImageDraw.ImageDraw, Box, Solid], None]] = {
    "cube": cube,
    "sphere": sphere,
    "cylinder": cylinder,
}


def name(solid: Solid, solids: list[Solid], *hidden: str) -> str | None:
    """Return the shortest unique name of a solid without the hidden attributes, or None."""
    for attributes in (("shape",), ("size", "shape"), ("color",), ("color", "shape")):
        text = describe(solid, attributes)
        matches = [candidate for candidate in solids if describe(candidate, attributes) == text]
        if len(matches) == 1 and not set(attributes) & set(hidden):
            return text
    return None


def describe(solid: Solid, attributes: tuple[str, ...]) -> str:
    """Describe a solid by some attributes, in the word order of CLEVR."""
    values = [getattr(solid, attribute) for attribute in attributes]
    return " ".join(values if "shape" in attributes else [*values, "thing"])


QUERIES = {
    "color": "What color is the {}?",
    "shape": "The {} is what shape?",
    "size": "How big is the {}?",
    "material": "What is the {} made of?",
}
# Colors and shapes are repeated: they are the clearest in a small image.
QUERY_WEIGHTS = ("color", "color", "color", "shape", "shape", "size", "material")


def queries(solids: list[Solid], *identity: str | int) -> list[QuestionAnswer]:
    """Return questions on one attribute of the solids that can be named without it.

    A scene has questions on one attribute only, so that no question answers another.
    """
    attribute = QUERY_WEIGHTS[stable_hash(*identity, "attribute") % len(QUERY_WEIGHTS)]
    named_solids = [(solid, name(solid, solids, attribute)) for solid in solids]
    return [
        QuestionAnswer(QUERIES[attribute].format(solid_name), getattr(solid, attribute))
        for solid, solid_name in named_solids
        if solid_name
    ]


def counts(solids: list[Solid], *identity: str | int) -> list[QuestionAnswer]:
    """Return questions on the number of objects, the count of a shape, and a shape's presence."""
    counted_shape, queried_shape = shuffled(SHAPES, *identity, "shapes")[:2]
    shape_counts = Counter(solid.shape for solid in solids)
    return [
        QuestionAnswer("How many things are there?", str(len(solids))),
        QuestionAnswer(
            f"What number of {counted_shape}s are there?", str(shape_counts[counted_shape])
        ),
        QuestionAnswer(
            f"Is there a {queried_shape}?", "yes" if shape_counts[queried_shape] else "no"
        ),
    ]


def questions(solids: list[Solid], *identity: str | int) -> list[QuestionAnswer]:
    """Return three questions about a scene: one or two on an attribute, the others on counts."""
    exchanges = shuffled(queries(solids, *identity), *identity, "queries")[:2]
    exchanges += shuffled(counts(solids, *identity), *identity, "counts")[: 3 - len(exchanges)]
    return shuffled(exchanges, *identity, "questions")


def human_questions(solids: list[Solid]) -> list[QuestionAnswer]:
    """Return questions as a person asks them: on the number of objects, and on one at a side."""
    exchanges = [QuestionAnswer("how many objects are on the table?", str(len(solids)))]
    for side, is_at_side in SIDES.items():
        matches = [solid for solid in solids if is_at_side(solid)]
        if len(matches) == 1 < len(solids):
            exchanges.append(QuestionAnswer(f"What color is the object {side}?", matches[0].color))
            exchanges.append(QuestionAnswer(f"which shape do you see {side}", matches[0].shape))
    return exchanges


SIDES: dict[str, Callable[[Solid], bool]] = {
    "on the left": lambda solid: solid.column == 0,
    "on the right": lambda solid: solid.column == 1,
    "in the back": lambda solid: solid.row == 0,
    "in front": lambda solid: solid.row == 1,
}


def write_scenes(
    release: Path, prefix: str, splits: dict[str, int], allowed: Mapping[str, Allowed] | None = None
) -> None:
    """Write a release with `splits[name]` images per split, and the questions about them.

    `allowed` restricts the colors of shapes, by split.
    """
    for split, count in splits.items():
        questions_by_image: dict[str, list[QuestionAnswer]] = {}
        for index in range(count):
            identity = (prefix, split, index)
            solids = scene(*identity, allowed=(allowed or {}).get(split, ANY_COLOR))
            filename = f"{prefix}_{split}_{index:06d}.png"
            write_image(release / "images" / split / filename, draw_scene(solids, *identity))
            questions_by_image[filename] = questions(solids, *identity)
        path = release / "questions" / f"{prefix}_{split}_questions.json"
        write_questions(path, split, questions_by_image)


def write_human_questions(path: Path, prefix: str, split: str, count: int) -> None:
    """Write one human question about each image of a split."""
    questions_by_image = {}
    for index in range(count):
        identity = (prefix, split, index)
        exchanges = human_questions(scene(*identity))
        questions_by_image[f"{prefix}_{split}_{index:06d}.png"] = pick(
            exchanges, 1, *identity, "plain"
        )
    write_questions(path, split, questions_by_image)


def write_questions(
    path: Path, split: str, questions_by_image: dict[str, list[QuestionAnswer]]
) -> None:
    """Write a question file in the official layout."""
    records: list[dict[str, object]] = []
    for filename, pairs in questions_by_image.items():
        for question, answer in pairs:
            records.append(
                {
                    "image_index": int(Path(filename).stem[-6:]),
                    "image_filename": filename,
                    "question_index": len(records),
                    "split": split,
                    "question": question,
                    "answer": answer,
                }
            )
    write_json(path, {"info": {"split": split, "version": "1.0"}, "questions": records})
