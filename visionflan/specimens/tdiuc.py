"""Draw the scenes of TDIUC's specimen, with questions of its eleven answerable types."""

from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan import drawing
from visionflan.drawing import BLACK, COLORS, FRAME, WHITE, Box, icons, polygon
from visionflan.hashing import pick, stable_hash


class TdiucExchange(NamedTuple):
    """A question of one type, with its answer."""

    question_type: str
    question: str
    answer: str


DrawnScene = tuple[Image.Image, list[TdiucExchange]]


def draw_scene(index: int) -> DrawnScene:
    """Draw one of four kinds of scenes, which together cover every question type."""
    return (two_things, sports_gear, activity, face_and_thing)[index % 4](index // 4)


THINGS = ("bird", "car", "chair", "cup", "fish", "house", "kite", "lamp")
PAINTS = ("red", "green", "blue", "yellow", "purple", "orange", "black")
CHOICE_OF_PATTERN = "Is the floor plain, striped, checked or spotted?"
# Patterns that go by several names are offered for choice.
PATTERN_QUESTIONS = {
    "plain": CHOICE_OF_PATTERN,
    "striped": "What is the pattern of the floor?",
    "checked": CHOICE_OF_PATTERN,
    "spotted": CHOICE_OF_PATTERN,
}


def two_things(index: int) -> DrawnScene:
    """Draw two objects of different colors side by side on a patterned floor."""
    image = drawing.canvas("tdiuc", "things", index)
    left, right = (
        THINGS[index % 8],
        THINGS[(index + 1 + stable_hash("tdiuc", index, "right") % 7) % 8],
    )
    paints = pick(PAINTS, 2, "tdiuc", index, "paints")
    patterns = list(PATTERN_QUESTIONS)
    pattern = patterns[stable_hash("tdiuc", index, "pattern") % len(patterns)]
    floor(ImageDraw.Draw(image), pattern)
    for thing, paint, x in zip((left, right), paints, (0.0, 0.5), strict=True):
        box = FRAME.part(x + 0.01, 0.14, x + 0.49, 0.66)
        box = drawing.jitter_box(box, "tdiuc", index, thing, by=0.12)
        icons.icon(image, thing, box, paint)
    (absent,) = pick(THINGS, 1, "tdiuc", index, "absent", avoid=(left, right))
    chosen = stable_hash("tdiuc", index, "chosen") % 2
    thing = (left, right)[chosen]
    return image, [
        TdiucExchange("color", f"What color is the {left}?", paints[0]),
        TdiucExchange("color", f"What color is the {right}?", paints[1]),
        TdiucExchange("positional_reasoning", "What is on the left side of the picture?", left),
        TdiucExchange("positional_reasoning", "What is on the right side of the picture?", right),
        TdiucExchange("object_presence", f"Is there a {thing} in the picture?", "yes"),
        TdiucExchange("object_presence", f"Is there a {absent} in the picture?", "no"),
        TdiucExchange("object_recognition", f"What is the {paints[chosen]} thing?", thing),
        TdiucExchange("attribute", PATTERN_QUESTIONS[pattern], pattern),
    ]


def floor(pen: ImageDraw.ImageDraw, pattern: str) -> None:
    """Draw a floor of one of the patterns over the lowest third."""
    box = FRAME.part(0, 0.68, 1, 1)
    pen.rectangle(box, fill=WHITE)
    for column in range(6):
        for row in range(2):
            cell = box.part(column / 6, row / 2, (column + 1) / 6, (row + 1) / 2)
            if pattern == "spotted":
                pen.ellipse(cell.part(0.15, 0.15, 0.85, 0.85), fill=COLORS["gray"])
            elif pattern == "plain" or (column + row * (pattern == "checked")) % 2:
                pen.rectangle(cell, fill=COLORS["gray"])


SPORTS = {
    "ball": "soccer",
    "tennis racket": "tennis",
    "surfboard": "surfing",
    "skateboard": "skateboarding",
    "bicycle": "cycling",
    "basketball": "basketball",
}


def sports_gear(index: int) -> DrawnScene:
    """Draw one to five pieces of gear for a sport."""
    image = drawing.canvas("tdiuc", "gear", index)
    gear = list(SPORTS)[(index + index // len(SPORTS)) % len(SPORTS)]
    number = 1 + (index + stable_hash("tdiuc", index // 5, "number")) % 5
    paint = pick(("red", "green", "blue", "purple"), 1, "tdiuc", index, "paint")[0]
    boxes = drawing.choose_cells(number, "tdiuc", index, columns=2, rows=2)
    if number > 4:
        boxes = [FRAME.part(x, y, x + 0.32, y + 0.32) for x, y in FIVE]
    for slot, cell in enumerate(boxes):
        box = drawing.jitter_box(cell, "tdiuc", index, slot)
        if gear == "basketball":
            basketball(ImageDraw.Draw(image), box)
        else:
            icons.icon(image, gear, box, paint)
    return image, [
        TdiucExchange("counting", "How many objects are shown?", str(number)),
        TdiucExchange("sport_recognition", "What sport is this gear for?", SPORTS[gear]),
    ]


FIVE = ((0.01, 0.01), (0.67, 0.01), (0.34, 0.34), (0.01, 0.67), (0.67, 0.67))


def basketball(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw an orange ball with black seams."""
    pen.ellipse(box, fill=COLORS["orange"], outline=BLACK)
    width = drawing.stroke(box, 0.05)
    pen.line([box.at(0.5, 0), box.at(0.5, 1)], fill=BLACK, width=width)
    pen.line([box.at(0, 0.5), box.at(1, 0.5)], fill=BLACK, width=width)
    pen.arc(box.part(-0.6, 0.1, 0.3, 0.9), -52, 52, fill=BLACK, width=width)
    pen.arc(box.part(0.7, 0.1, 1.6, 0.9), 128, 232, fill=BLACK, width=width)


# The object of each activity, and where it is drawn.
ACTIVITIES = {
    "reading": ("book", (0.42, 0.42, 0.92, 0.82)),
    "drinking": ("cup", (0.52, 0.3, 0.94, 0.7)),
    "eating": ("pizza", (0.46, 0.32, 0.98, 0.8)),
    "playing guitar": ("guitar", (0.4, 0.22, 0.96, 0.92)),
    "flying a kite": ("kite", (0.5, 0.0, 1.0, 0.52)),
    "cycling": ("bicycle", (0.34, 0.42, 1.0, 1.0)),
}
SCENES = ("beach", "mountains", "forest", "city", "living room")


def activity(index: int) -> DrawnScene:
    """Draw a person who does an activity in a scene."""
    location = SCENES[(index + stable_hash("tdiuc", index // 5, "scene")) % len(SCENES)]
    action = list(ACTIVITIES)[(index + stable_hash("tdiuc", index // 6, "doing")) % len(ACTIVITIES)]
    thing, edges = ACTIVITIES[action]
    image = drawing.canvas("tdiuc", "activity", index)
    backdrop(ImageDraw.Draw(image), location)
    if location == "living room":
        icons.icon(image, "sofa", FRAME.part(0, 0.36, 1, 0.94), "green")
    paint = pick(("red", "blue", "purple", "yellow"), 2, "tdiuc", index, "paint")
    body = FRAME.part(0.02, 0.24, 0.66, 0.98)
    icons.icon(image, "person", drawing.jitter_box(body, "tdiuc", index), paint[0])
    if thing == "kite":
        pen = ImageDraw.Draw(image)
        pen.line([FRAME.at(0.6, 0.68), FRAME.at(0.75, 0.3)], fill=BLACK, width=2)
    icons.icon(image, thing, FRAME.part(*edges), paint[1])
    return image, [
        TdiucExchange("scene_recognition", "Where was this picture taken?", location),
        TdiucExchange("activity_recognition", "What is the person doing?", action),
    ]


def backdrop(pen: ImageDraw.ImageDraw, location: str) -> None:
    """Draw a background scene."""
    pen.rectangle(FRAME, fill=(150, 205, 245))
    BACKDROPS[location](pen)


def beach(pen: ImageDraw.ImageDraw) -> None:
    """Draw sand in front of the sea, and a sun."""
    pen.rectangle(FRAME.part(0, 0.4, 1, 0.62), fill=(30, 110, 190))
    pen.rectangle(FRAME.part(0, 0.6, 1, 1), fill=(240, 215, 140))
    pen.ellipse(FRAME.part(0.06, 0.04, 0.26, 0.24), fill=COLORS["yellow"])


def mountains(pen: ImageDraw.ImageDraw) -> None:
    """Draw two gray peaks behind snow."""
    for left in (-0.15, 0.4):
        peak = FRAME.part(left, 0.06, left + 0.75, 0.72)
        pen.polygon(polygon(peak, [(0, 1), (0.5, 0), (1, 1)]), fill=(110, 112, 125))
        pen.polygon(polygon(peak, [(0.36, 0.28), (0.5, 0), (0.64, 0.28)]), fill=WHITE)
    pen.rectangle(FRAME.part(0, 0.7, 1, 1), fill=WHITE)


def forest(pen: ImageDraw.ImageDraw) -> None:
    """Draw dark green trees close together."""
    pen.rectangle(FRAME, fill=(70, 120, 70))
    for left in (0.0, 0.26, 0.52, 0.78):
        pen.rectangle(FRAME.part(left + 0.07, 0.4, left + 0.15, 0.9), fill=(70, 45, 25))
        pen.ellipse(FRAME.part(left - 0.04, 0.0, left + 0.26, 0.55), fill=(20, 80, 35))
    pen.rectangle(FRAME.part(0, 0.86, 1, 1), fill=(95, 75, 45))


def city(pen: ImageDraw.ImageDraw) -> None:
    """Draw tall buildings with lit windows behind a road."""
    for left, top in ((0.0, 0.2), (0.28, 0.02), (0.58, 0.3), (0.8, 0.1)):
        pen.rectangle(FRAME.part(left, top, left + 0.24, 0.85), fill=(95, 95, 110))
        for row in range(4):
            window = top + 0.06 + 0.15 * row
            pen.rectangle(
                FRAME.part(left + 0.07, window, left + 0.17, window + 0.07), fill=(250, 230, 150)
            )
    pen.rectangle(FRAME.part(0, 0.82, 1, 1), fill=(60, 60, 65))


def living_room(pen: ImageDraw.ImageDraw) -> None:
    """Draw a pink wall with a window over a wooden floor."""
    pen.rectangle(FRAME, fill=(250, 205, 205))
    pen.rectangle(FRAME.part(0, 0.78, 1, 1), fill=(150, 95, 50))
    pen.rectangle(FRAME.part(0.06, 0.06, 0.4, 0.4), fill=(150, 205, 245), outline=BLACK, width=3)
    pen.line([FRAME.at(0.23, 0.06), FRAME.at(0.23, 0.4)], fill=BLACK, width=3)


BACKDROPS = {
    "beach": beach,
    "mountains": mountains,
    "forest": forest,
    "city": city,
    "living room": living_room,
}
USES = {
    "chair": "sitting",
    "bed": "sleeping",
    "cup": "drinking",
    "knife": "cutting",
    "umbrella": "keeping dry",
    "book": "reading",
    "clock": "telling the time",
    "guitar": "playing music",
}
MOODS = ("happy", "sad", "angry", "surprised")


def face_and_thing(index: int) -> DrawnScene:
    """Draw a face with a mood next to a useful object."""
    image = drawing.canvas("tdiuc", "face", index)
    mood = MOODS[(index + stable_hash("tdiuc", index // 4, "mood")) % len(MOODS)]
    thing = list(USES)[(index + stable_hash("tdiuc", index // 8, "use")) % len(USES)]
    boxes = [FRAME.part(0.01, 0.2, 0.52, 0.74), FRAME.part(0.53, 0.24, 0.99, 0.72)]
    if stable_hash("tdiuc", index, "mirror") % 2:
        boxes = [FRAME.part(0.48, 0.2, 0.99, 0.74), FRAME.part(0.01, 0.24, 0.47, 0.72)]
    face_box, object_box = (
        drawing.jitter_box(box, "tdiuc", index, n) for n, box in enumerate(boxes)
    )
    face(ImageDraw.Draw(image), face_box, mood)
    icons.icon(image, thing, object_box, pick(("red", "blue", "green"), 1, "tdiuc", index)[0])
    return image, [
        TdiucExchange("sentiment_understanding", "How does the person feel?", mood),
        TdiucExchange(
            "utility_affordance", "What is the thing beside the face used for?", USES[thing]
        ),
    ]


def face(pen: ImageDraw.ImageDraw, box: Box, mood: str) -> None:
    """Draw a round face in one of four moods."""
    pen.ellipse(box, fill=(255, 220, 120), outline=BLACK)
    width = drawing.stroke(box, 0.08)
    for x in (0.3, 0.7):
        pen.ellipse(box.part(x - 0.07, 0.3, x + 0.07, 0.46), fill=BLACK)
    if mood == "surprised":
        pen.ellipse(box.part(0.36, 0.56, 0.64, 0.9), fill=BLACK)
    elif mood == "happy":
        pen.chord(box.part(0.2, 0.36, 0.8, 0.86), 10, 170, fill=(190, 30, 40), outline=BLACK)
    elif mood == "sad":
        pen.arc(box.part(0.25, 0.64, 0.75, 1.04), 195, 345, fill=BLACK, width=width)
        pen.ellipse(box.part(0.62, 0.5, 0.78, 0.72), fill=COLORS["blue"])
    else:
        pen.line([box.at(0.3, 0.74), box.at(0.7, 0.74)], fill=BLACK, width=width)
        pen.line([box.at(0.12, 0.14), box.at(0.44, 0.3)], fill=(190, 30, 40), width=width)
        pen.line([box.at(0.88, 0.14), box.at(0.56, 0.3)], fill=(190, 30, 40), width=width)
