"""Write a small MME: one image per subtask, with a question to answer yes and one to answer no."""

from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

from visionflan.drawing import COLORS, FRAME, canvas, grid_cell, shape, word
from visionflan.drawing.icons import icon
from visionflan.specimens import write_image, write_lines

Draw = Callable[[Image.Image], None]

MIDDLE = FRAME.part(0.15, 0.15, 0.85, 0.85)
TOP, BOTTOM = FRAME.part(0.1, 0.08, 0.9, 0.35), FRAME.part(0.2, 0.4, 0.8, 0.96)
# The release stores the images of these in another directory than their questions.
SEPARATE_IMAGES = ("artwork", "celebrity", "landmark", "posters", "scene")


def draw_object(name: str, color: str = "brown") -> Draw:
    """Draw one object."""
    return lambda image: icon(image, name, MIDDLE, color)


def draw_titled(title: str, name: str, color: str = "blue") -> Draw:
    """Draw an object below a title."""

    def draw(image: Image.Image) -> None:
        word(image, title, TOP)
        icon(image, name, BOTTOM, color)

    return draw


def draw_text(text: str) -> Draw:
    """Draw text."""
    return lambda image: word(image, text, FRAME.part(0.05, 0.1, 0.95, 0.9))


def draw_three_stars(image: Image.Image) -> None:
    """Draw three stars in a row."""
    for column in range(3):
        shape(image, "star", "orange", grid_cell(column, 1, 3, 3))


def draw_person_in_red_box(image: Image.Image) -> None:
    """Draw a person in a red box, with the name above."""
    icon(image, "person", FRAME.part(0.3, 0.3, 0.7, 0.9), "green")
    box = FRAME.part(0.25, 0.25, 0.75, 0.95)
    ImageDraw.Draw(image).rectangle(box, outline=COLORS["red"], width=3)
    word(image, "ADA", FRAME.part(0.2, 0.02, 0.8, 0.22))


def draw_side_by_side(image: Image.Image) -> None:
    """Draw a dog to the left of a car."""
    icon(image, "dog", grid_cell(0, 0, 2, 1), "brown")
    icon(image, "car", grid_cell(1, 0, 2, 1), "blue")


# For each subtask: what is drawn, the question, and its correct and wrong completion.
SUBTASKS: dict[str, tuple[Draw, str, str, str]] = {
    "existence": (draw_object("dog"), "Is there a {} in this image?", "dog", "bus"),
    "count": (draw_three_stars, "Are there a total of {} stars in the image?", "three", "five"),
    "position": (draw_side_by_side, "Is the dog on the {} side of the car?", "left", "right"),
    "color": (draw_object("car", "red"), "Is there a {} car in the image?", "red", "green"),
    "posters": (
        draw_titled("THE CLOCK", "clock"),
        "Is this movie titled {}?",
        "the clock",
        "the sea",
    ),
    "celebrity": (
        draw_person_in_red_box,
        "Is the person inside the red box named {}?",
        "Ada",
        "Bert",
    ),
    "scene": (draw_titled("GARDEN", "tree", "green"), "Is this place a {}?", "garden", "kitchen"),
    "landmark": (
        draw_object("pyramid", "orange"),
        "Is this a picture of a {}?",
        "pyramid",
        "lighthouse",
    ),
    "artwork": (
        draw_object("sunflower", "yellow"),
        "Does this artwork show a {}?",
        "flower",
        "boat",
    ),
    "OCR": (draw_text("HARBOUR"), 'Is the word in the logo "{}"?', "harbour", "barber"),
    "commonsense_reasoning": (
        draw_titled("STOP", "car"),
        "Should I {} when I see the sign in the picture?",
        *("stop", "go faster"),
    ),
    "numerical_calculation": (
        draw_text("12 + 30 = ?"),
        "Is the answer to the arithmetic question in the image {}?",
        *("42", "402"),
    ),
    "text_translation": (
        draw_text("chat"),
        "Is it appropriate to translate the French in the image into English '{}'?",
        *("cat", "dog"),
    ),
    "code_reasoning": (
        draw_text("print(2 * 4)"),
        "The image shows a python code. Is the output of the code '{}'?",
        *("8", "6"),
    ),
}


def write_mme(root: Path) -> None:
    """Write the directories of the subtasks, in both layouts that the release mixes."""
    for subtask, (draw, question, correct, wrong) in SUBTASKS.items():
        image = canvas("mme", subtask)
        draw(image)
        separate = subtask in SEPARATE_IMAGES
        directory = root / subtask / "images" if separate else root / subtask
        texts = root / subtask / "questions_answers_YN" if separate else root / subtask
        write_image(directory / ("0001.jpg" if separate else "0001.png"), image)
        questions = ((question.format(correct), "Yes"), (question.format(wrong), "No"))
        write_lines(
            texts / "0001.txt",
            (f"{text} Please answer yes or no.\t{answer}" for text, answer in questions),
        )
