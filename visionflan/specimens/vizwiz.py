"""Draw images for a specimen of VizWiz: one object, photographed well or badly."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFilter

from visionflan.drawing import BLACK, FRAME, SIZE, WHITE, canvas, jitter_box
from visionflan.drawing.icons import icon
from visionflan.drawing.styles import noise
from visionflan.hashing import pick, stable_hash
from visionflan.specimens import write_image, write_json

THINGS = ("bottle", "cup", "chair", "lamp", "house", "tree")
COLORS = ("red", "green", "blue", "yellow", "purple", "brown")
PRECANNED = "Quality issues are too severe to recognize visual content."
PARTS = ("vqa", "captions", "image_quality")
# Flaws that make a question unanswerable: too dark, subject out of frame.
UNANSWERABLE = frozenset({"DRK", "FRM"})


def write_release(root: Path, count: int) -> None:
    """Write the images of both splits, and the annotations of the three parts."""
    contents: dict[str, dict[str, list[Any]]] = {
        split: {part: [] for part in PARTS} for split in ("train", "val")
    }
    for index in range(count):
        split = "val" if index % 5 == 4 else "train"
        name = f"VizWiz_{split}_{index:08d}.jpg"
        kind = list(SHOTS)[(index + index // len(SHOTS)) % len(SHOTS)]
        turn = stable_hash("vizwiz", index // len(THINGS), "turn")
        object_name = THINGS[(index + turn) % len(THINGS)]
        (color,) = pick(COLORS, 1, "vizwiz", index, "colour")
        write_image(root / split / name, SHOTS[kind](index, object_name, color))
        parts = contents[split]
        parts["vqa"].append({"image": name, **make_question(index, kind, object_name, color)})
        parts["captions"].append((name, make_captions(index, kind, object_name, color)))
        quality = {"unrecognizable": 0, "flaws": {flaw: 5 * (flaw == kind) for flaw in SHOTS}}
        parts["image_quality"].append({"image": name, **quality})
    for split, parts in contents.items():
        write_json(root / "vqa" / f"{split}.json", parts["vqa"])
        write_json(root / "captions" / f"{split}.json", to_coco_format(parts["captions"]))
        write_json(root / "image_quality" / f"{split}.json", parts["image_quality"])


def make_question(index: int, kind: str, object_name: str, color: str) -> dict[str, Any]:
    """Return a question on the object or its color; one of ten annotators disagrees."""
    question_text, answer = "What is this?", object_name
    if kind != "BRT" and stable_hash("vizwiz", index, "ask") % 2:
        question_text, answer = "What color is it?", color
    texts = [answer] * 9 + [f"{answer} toy"]
    if kind in UNANSWERABLE:
        texts = ["unanswerable"] * 6 + ["unsuitable", "unsuitable image", "", answer]
    answers = [{"answer": text, "answer_confidence": "yes"} for text in texts]
    return {
        "question": question_text,
        "answers": answers,
        "answer_type": "unanswerable" if kind in UNANSWERABLE else "other",
        "answerable": int(kind not in UNANSWERABLE),
    }


def make_captions(index: int, kind: str, object_name: str, color: str) -> list[dict[str, Any]]:
    """Return five captions; some are uninformative or spam."""
    texts = [
        f"A {color} {object_name} before a light background.",
        f"One {object_name} that is {color}. ",
        f"Somebody has photographed a {color} {object_name}",
        f"The {object_name} is {color} and stands alone.",
    ]
    if kind in UNANSWERABLE:
        texts = ["Hardly anything can be seen."]
    texts = texts[: 1 + stable_hash("vizwiz", index, "captions") % len(texts)]
    good = [{"caption": text, "is_precanned": False, "is_rejected": False} for text in texts]
    precanned = {"caption": PRECANNED, "is_precanned": True, "is_rejected": False}
    spam = {"caption": "good good", "is_precanned": False, "is_rejected": True}
    return [*good, spam, *[precanned] * (4 - len(good))]


def to_coco_format(entries: list[tuple[str, list[dict[str, Any]]]]) -> dict[str, Any]:
    """Return images and captions in the format of COCO."""
    images = [{"id": number, "file_name": name} for number, (name, _) in enumerate(entries)]
    annotations = [
        {"id": 5 * number + index, "image_id": number, **caption}
        for number, (_, image_captions) in enumerate(entries)
        for index, caption in enumerate(image_captions)
    ]
    return {"images": images, "annotations": annotations}


def draw_clear(index: int, object_name: str, color: str) -> Image.Image:
    """Draw an object without flaws."""
    image = canvas("vizwiz", index)
    box = jitter_box(FRAME.part(0.08, 0.08, 0.92, 0.92), "vizwiz", index, by=0.2)
    icon(image, object_name, box, color)
    return image


def draw_blurred(index: int, object_name: str, color: str) -> Image.Image:
    """Draw an object out of focus."""
    return draw_clear(index, object_name, color).filter(ImageFilter.GaussianBlur(6))


def draw_overexposed(index: int, object_name: str, color: str) -> Image.Image:
    """Draw an object overexposed."""
    image = draw_clear(index, object_name, color)
    return Image.blend(image, Image.new("RGB", image.size, WHITE), 0.75)


def draw_dark(index: int, object_name: str, color: str) -> Image.Image:
    """Draw an object in the dark."""
    image = draw_clear(index, object_name, color)
    return Image.blend(image, Image.new("RGB", image.size, BLACK), 0.95)


def draw_cut_off(index: int, object_name: str, color: str) -> Image.Image:
    """Draw an object cut off by the frame."""
    image = canvas("vizwiz", index)
    across = (0.62, -0.62)[stable_hash("vizwiz", index, "across") % 2]
    box = jitter_box(FRAME.part(across, -0.6, across + 1, 0.4), "vizwiz", index, by=0.05)
    icon(image, object_name, box, color)
    return image


def draw_covered(index: int, object_name: str, color: str) -> Image.Image:
    """Draw an object with a finger in front of the lens."""
    image = draw_clear(index, object_name, color)
    left = 0.3 * (stable_hash("vizwiz", index, "finger") % 3) - 0.1
    finger = FRAME.part(left, 0.3, left + 0.5, 1.6)
    ImageDraw.Draw(image).ellipse(finger, fill=(225, 160, 135), outline=(190, 120, 100), width=3)
    return image


def draw_rotated(index: int, object_name: str, color: str) -> Image.Image:
    """Draw an object rotated by 90 degrees."""
    return draw_clear(index, object_name, color).rotate(
        (90, 270)[stable_hash("vizwiz", index, "turn") % 2]
    )


def draw_grainy(index: int, object_name: str, color: str) -> Image.Image:
    """Draw an object with coarse grain."""
    grain = noise(3, "vizwiz", index).resize((SIZE, SIZE)).convert("RGB")
    return Image.blend(draw_clear(index, object_name, color), grain, 0.5)


SHOTS: dict[str, Callable[[int, str, str], Image.Image]] = {
    "NON": draw_clear,
    "BLR": draw_blurred,
    "BRT": draw_overexposed,
    "DRK": draw_dark,
    "FRM": draw_cut_off,
    "OBS": draw_covered,
    "ROT": draw_rotated,
    "OTH": draw_grainy,
}
