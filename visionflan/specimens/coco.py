"""Write a small COCO: two things in each picture, with their boxes and five captions."""

from pathlib import Path

from visionflan.drawing import SIZE, WHOLE, Box, canvas, jittered
from visionflan.drawing.icons import icon
from visionflan.hashing import pick, stable_hash
from visionflan.specimens import write_image, write_json

# Of each supercategory, the kinds that are drawn.
KINDS = {
    "vehicle": ("bicycle", "car", "airplane", "bus", "train", "boat"),
    "animal": ("bird", "cat", "dog", "horse", "elephant", "giraffe"),
    "sports": ("sports ball", "kite", "skateboard", "surfboard", "tennis racket"),
    "kitchen": ("bottle", "wine glass", "cup", "fork", "bowl"),
    "furniture": ("chair", "couch", "potted plant", "bed", "dining table"),
    "appliance": ("microwave", "oven", "toaster", "sink", "refrigerator"),
}
GROUPS = tuple(KINDS)
ICON_NAMES = {"sports ball": "ball", "couch": "sofa", "dining table": "table"}
CATEGORIES = [(group, name) for group, names in KINDS.items() for name in names]
# Of these only a part has the color, and so their captions do not tell it.
PLAIN = {"sports ball", "wine glass", "fork", "bed", "potted plant"}
COLORS = ("red", "green", "blue", "yellow", "orange", "purple")
CAPTIONS = (
    "{one} and {two}.",
    "{two} and {one}.",
    "there is {one} next to {two}.",
    "{one} with {two}.",
    "a picture of {one} and {two}.",
)


def write_coco(root: Path, split: str, indices: list[int]) -> None:
    """Write the pictures of a split, each drawn after its index, and its annotation files."""
    images: list[dict[str, object]] = []
    captions: list[dict[str, object]] = []
    things: list[dict[str, object]] = []
    for index in indices:
        number = 1000 + 7 * index
        name = f"{number:012d}.jpg"
        image = canvas("coco", index)
        phrases = []
        for slot, kind in enumerate(kinds_for(index)):
            color = pick(COLORS, 1, "coco", index, slot, "colour")[0]
            box = corner(index, slot)
            icon(image, ICON_NAMES.get(kind, kind), box, color)
            things.append({"id": 2 * number + slot, "image_id": number, **outlined(kind, box)})
            phrases.append(phrase(kind, color))
        write_image(root / split / name, image)
        images.append({"id": number, "file_name": name, "width": SIZE, "height": SIZE})
        for slot, form in enumerate(CAPTIONS):
            caption = form.format(one=phrases[0], two=phrases[1])
            caption = caption[0].upper() + caption[1:]
            captions.append({"id": 5 * number + slot, "image_id": number, "caption": caption})
    categories = [
        {"id": number, "name": name, "supercategory": group}
        for number, (group, name) in enumerate(CATEGORIES, start=1)
    ]
    instances = {"images": images, "annotations": things, "categories": categories}
    write_json(root / f"annotations/instances_{split}.json", instances)
    write_json(
        root / f"annotations/captions_{split}.json", {"images": images, "annotations": captions}
    )


def kinds_for(index: int) -> list[str]:
    """Choose two kinds of different supercategories; three pictures in a row have all of these.

    Each supercategory goes through its kinds in turn, from round to round at a pace of its own.
    """
    turn = index // 3
    chosen = []
    for slot in (2 * index, 2 * index + 1 + 2 * turn):
        group = slot % len(GROUPS)
        kinds = KINDS[GROUPS[group]]
        chosen.append(kinds[(turn + turn // len(kinds) * group) % len(kinds)])
    return chosen


def corner(index: int, slot: int) -> Box:
    """Return the box of one of two things in opposite corners, rising or falling."""
    low = (stable_hash("coco", index, "falls") + slot) % 2
    left, top = 0.44 * slot, 0.44 * low
    return jittered(WHOLE.part(left, top, left + 0.56, top + 0.56), "coco", index, slot)


def outlined(kind: str, box: Box) -> dict[str, object]:
    """Annotate a thing by the rectangle around it."""
    width, height = box.right - box.left, box.bottom - box.top
    corners = (box.at(0, 0), box.at(1, 0), box.at(1, 1), box.at(0, 1))
    return {
        "category_id": [name for _, name in CATEGORIES].index(kind) + 1,
        "bbox": [box.left, box.top, width, height],
        "area": width * height,
        "iscrowd": 0,
        "segmentation": [[part for point in corners for part in point]],
    }


def phrase(kind: str, color: str) -> str:
    """Name a thing with its article and, where all of it has the color, with that."""
    named = kind if kind in PLAIN else f"{color} {kind}"
    return f"{'an' if named[0] in 'aeiou' else 'a'} {named}"
