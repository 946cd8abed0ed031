"""Write a small MME: of each subtask one picture, about which one question is rightly denied."""

from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

from visionflan.drawing import COLORS, WHOLE, canvas, grid_cell, shape, word
from visionflan.drawing.icons import icon
from visionflan.specimens import write_image, write_lines

Draw = Callable[[Image.Image], None]

MIDDLE = WHOLE.part(0.15, 0.15, 0.85, 0.85)
TOP, BOTTOM = WHOLE.part(0.1, 0.08, 0.9, 0.35), WHOLE.part(0.2, 0.4, 0.8, 0.96)
# The release keeps the pictures of these apart from their questions.
IN_FOLDERS = ("artwork", "celebrity", "landmark", "posters", "scene")


def thing(name: str, color: str = "brown") -> Draw:
    """Draw one thing."""
    return lambda image: icon(image, name, MIDDLE, color)


def titled(title: str, name: str, color: str = "blue") -> Draw:
    """Draw one thing under some words."""

    def draw(image: Image.Image) -> None:
        word(image, title, TOP)
        icon(image, name, BOTTOM, color)

    return draw


def written(text: str) -> Draw:
    """Write words."""
    return lambda image: word(image, text, WHOLE.part(0.05, 0.1, 0.95, 0.9))


def three_stars(image: Image.Image) -> None:
    """Draw three stars in a row."""
    for column in range(3):
        shape(image, "star", "orange", grid_cell(column, 1, 3, 3))


def in_red_box(image: Image.Image) -> None:
    """Draw a person in a red box, and the name beside it."""
    icon(image, "person", WHOLE.part(0.3, 0.3, 0.7, 0.9), "green")
    box = WHOLE.part(0.25, 0.25, 0.75, 0.95)
    ImageDraw.Draw(image).rectangle(box, outline=COLORS["red"], width=3)
    word(image, "ADA", WHOLE.part(0.2, 0.02, 0.8, 0.22))


def side_by_side(image: Image.Image) -> None:
    """Draw a dog on the left of a car."""
    icon(image, "dog", grid_cell(0, 0, 2, 1), "brown")
    icon(image, "car", grid_cell(1, 0, 2, 1), "blue")


# Of each subtask: what is drawn, the question, and what makes it right and wrong.
PICTURES: dict[str, tuple[Draw, str, str, str]] = {
    "existence": (thing("dog"), "Is there a {} in this image?", "dog", "bus"),
    "count": (three_stars, "Are there a total of {} stars in the image?", "three", "five"),
    "position": (side_by_side, "Is the dog on the {} side of the car?", "left", "right"),
    "color": (thing("car", "red"), "Is there a {} car in the image?", "red", "green"),
    "posters": (titled("THE CLOCK", "clock"), "Is this movie titled {}?", "the clock", "the sea"),
    "celebrity": (in_red_box, "Is the person inside the red box named {}?", "Ada", "Bert"),
    "scene": (titled("GARDEN", "tree", "green"), "Is this place a {}?", "garden", "kitchen"),
    "landmark": (
        thing("pyramid", "orange"),
        "Is this a picture of a {}?",
        "pyramid",
        "lighthouse",
    ),
    "artwork": (
        thing("sunflower", "yellow"),
        "Does this artwork show a {}?",
        "flower",
        "boat",
    ),
    "OCR": (written("HARBOUR"), 'Is the word in the logo "{}"?', "harbour", "barber"),
    "commonsense_reasoning": (
        titled("STOP", "car"),
        "Should I {} when I see the sign in the picture?",
        *("stop", "go faster"),
    ),
    "numerical_calculation": (
        written("12 + 30 = ?"),
        "Is the answer to the arithmetic question in the image {}?",
        *("42", "402"),
    ),
    "text_translation": (
        written("chat"),
        "Is it appropriate to translate the French in the image into English '{}'?",
        *("cat", "dog"),
    ),
    "code_reasoning": (
        written("print(2 * 4)"),
        "The image shows a python code. Is the output of the code '{}'?",
        *("8", "6"),
    ),
}


def write_mme(root: Path) -> None:
    """Write the folders of the subtasks, in both layouts that the release mixes."""
    for part, (draw, question, right, wrong) in PICTURES.items():
        image = canvas("mme", part)
        draw(image)
        apart = part in IN_FOLDERS
        directory = root / part / "images" if apart else root / part
        texts = root / part / "questions_answers_YN" if apart else root / part
        write_image(directory / ("0001.jpg" if apart else "0001.png"), image)
        questions = ((question.format(right), "Yes"), (question.format(wrong), "No"))
        write_lines(
            texts / "0001.txt",
            (f"{text} Please answer yes or no.\t{answer}" for text, answer in questions),
        )
