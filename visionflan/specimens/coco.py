"""Write a small COCO: two objects in each image, with their boxes and five captions."""

from pathlib import Path

from visionflan.drawing import FRAME, SIZE, Box, canvas, jitter_box
from visionflan.drawing.icons import icon
from visionflan.hashing import pick, stable_hash
from visionflan.specimens import write_image, write_json

# The classes that are drawn, by supercategory.
CLASSES = {
    "vehicle": ("bicycle", "car", "airplane", "bus", "train", "boat"),
    "animal": ("bird", "cat", "dog", "horse", "elephant", "giraffe"),
    "sports": ("sports ball", "kite", "skateboard", "surfboard", "tennis racket"),
    "kitchen": ("bottle", "wine glass", "cup", "fork", "bowl"),
    "furniture": ("chair", "couch", "potted plant", "bed", "dining table"),
    "appliance": ("microwave", "oven", "toaster", "sink", "refrigerator"),
}
GROUPS = tuple(CLASSES)
ICON_NAMES = {"sports ball": "ball", "couch": "sofa", "dining table": "table"}
CATEGORIES = [(group, name) for group, names in CLASSES.items() for name in names]
# Only a part of these objects has the color, so their captions do not mention it.
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
    """Write the images of a split, drawn from their indices, and its annotation files."""
    images: list[dict[str, object]] = []
    captions: list[dict[str, object]] = []
    objects: list[dict[str, object]] = []
    for index in indices:
        number = 1000 + 7 * index
        name = f"{number:012d}.jpg"
        image = canvas("coco", index)
        phrases = []
        for position, class_name in enumerate(choose_classes(index)):
            color = pick(COLORS, 1, "coco", index, position, "colour")[0]
            box = corner_box(index, position)
            icon(image, ICON_NAMES.get(class_name, class_name), box, color)
            objects.append(
                {"id": 2 * number + position, "image_id": number, **annotation(class_name, box)}
            )
            phrases.append(phrase(class_name, color))
        write_image(root / split / name, image)
        images.append({"id": number, "file_name": name, "width": SIZE, "height": SIZE})
        for position, template in enumerate(CAPTIONS):
            caption = template.format(one=phrases[0], two=phrases[1])
            caption = caption[0].upper() + caption[1:]
            captions.append({"id": 5 * number + position, "image_id": number, "caption": caption})
    categories = [
        {"id": number, "name": name, "supercategory": group}
        for number, (group, name) in enumerate(CATEGORIES, start=1)
    ]
    instances = {"images": images, "annotations": objects, "categories": categories}
    write_json(root / f"annotations/instances_{split}.json", instances)
    write_json(
        root / f"annotations/captions_{split}.json", {"images": images, "annotations": captions}
    )


def choose_classes(index: int) -> list[str]:
    """Return two classes of different supercategories; three consecutive images cover all of these.

    Each supercategory cycles through its classes with its own period.
    """
    turn = index // 3
    classes = []
    for position in (2 * index, 2 * index + 1 + 2 * turn):
        group = position % len(GROUPS)
        group_classes = CLASSES[GROUPS[group]]
        classes.append(
            group_classes[(turn + turn // len(group_classes) * group) % len(group_classes)]
        )
    return classes


def corner_box(index: int, position: int) -> Box:
    """Return the box of one of two objects in opposite corners."""
    bottom = (stable_hash("coco", index, "falls") + position) % 2
    left, top = 0.44 * position, 0.44 * bottom
    return jitter_box(FRAME.part(left, top, left + 0.56, top + 0.56), "coco", index, position)


def annotation(class_name: str, box: Box) -> dict[str, object]:
    """Return the annotation of an object, whose outline is its box."""
    width, height = box.right - box.left, box.bottom - box.top
    outline = (box.at(0, 0), box.at(1, 0), box.at(1, 1), box.at(0, 1))
    return {
        "category_id": [name for _, name in CATEGORIES].index(class_name) + 1,
        "bbox": [box.left, box.top, width, height],
        "area": width * height,
        "iscrowd": 0,
        "segmentation": [[part for point in outline for part in point]],
    }


def phrase(class_name: str, color: str) -> str:
    """Return a class with its article, and with its color if the object has one color."""
    text = class_name if class_name in PLAIN else f"{color} {class_name}"
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"
