"""Read annotation files in the format of COCO, which other releases and mirrors use too."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError
from visionflan.layouts import inside, json_mapping, load_json
from visionflan.layouts.fields import (
    FieldError,
    integer,
    items,
    mapping,
    number,
    read_records,
    text,
)

FILES = ("captions", "instances")


@dataclass
class CocoImage:
    """One image: its path, its captions, and the area that each object class covers."""

    image: Path | None = None
    captions: list[str] = field(default_factory=list)
    areas: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))


@dataclass
class CocoSplit:
    """The images of a split by id, its object classes by supercategory, and what is broken."""

    scenes: defaultdict[int, CocoImage] = field(default_factory=lambda: defaultdict(CocoImage))
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    broken: list[BrokenRow] = field(default_factory=list)


class Annotation(NamedTuple):
    """A caption of an image, or the class and the area of an object in it."""

    identifier: int
    image_id: int
    words: str
    area: float


def annotation_files(root: Path, split: str) -> list[Path]:
    """Return the paths of the annotation files of a split that this package reads."""
    return [root / f"annotations/{name}_{split}.json" for name in FILES]


def read_split(root: Path, split: str) -> CocoSplit:
    """Join the available annotation files of a split by image id.

    The images are in a directory named as the split, which mirrors put into `images`.
    """
    directory = own if (own := root / split).is_dir() else root / "images" / split
    split_data = CocoSplit()
    for path in filter(Path.exists, annotation_files(root, split)):
        try:
            read_file(split_data, directory, path)
        except FieldError as error:
            raise ReleaseError(f"{path} is not a COCO annotation file: {error}") from error
    return split_data


def read_file(split_data: CocoSplit, directory: Path, path: Path) -> None:
    """Add the images of one file, and their captions or their objects."""
    content = mapping(load_json(path, drop_segmentation))
    names = add_categories(split_data, content)

    def add_image(record: Any) -> None:
        scene = split_data.scenes[integer(record, "id")]
        scene.image = inside(directory, text(record, "file_name"))

    def to_annotation(record: Any) -> Annotation:
        annotation_id, image_id = integer(record, "id"), integer(record, "image_id")
        if "caption" in record:
            return Annotation(annotation_id, image_id, text(record, "caption"), 0.0)
        category = integer(record, "category_id")
        if category not in names:
            raise FieldError(f"category_id is {category}, which is no category")
        return Annotation(annotation_id, image_id, names[category], number(record, "area"))

    records = enumerate(items(content, "annotations"))
    annotations = list(read_records(path, records, to_annotation))
    split_data.broken += [row for row in annotations if isinstance(row, BrokenRow)]
    for row in sorted(row for row in annotations if not isinstance(row, BrokenRow)):
        scene = split_data.scenes[row.image_id]
        if names:
            scene.areas[row.words] += row.area
        else:
            scene.captions.append(row.words)
    records = enumerate(items(content, "images"))
    split_data.broken += filter(None, read_records(path, records, add_image))


def drop_segmentation(record: dict[str, Any]) -> dict[str, Any]:
    """Drop the segmentation of an object, which is most of the file and not needed."""
    record.pop("segmentation", None)
    return record


def add_categories(split_data: CocoSplit, content: dict[str, Any]) -> dict[int, str]:
    """Add the object classes of a file, and return their names; captions have none."""
    names = {}
    for entry in items(content, "categories") if "categories" in content else ():
        group, name = text(entry, "supercategory"), text(entry, "name")
        names[integer(entry, "id")] = name
        split_data.classes[group] = (*split_data.classes.get(group, ()), name)
    return names


def read_captions(
    path: Path, is_wanted: Callable[[dict[str, Any]], bool]
) -> Iterator[tuple[str, tuple[str, ...]] | BrokenRow]:
    """Yield the file name and the captions of each image of a file, and what is broken in it."""
    content = json_mapping(path)
    names: dict[int, str] = {}
    captions: dict[int, list[str]] = {}

    def add_image(record: Any) -> None:
        names[integer(record, "id")] = text(record, "file_name")

    def add_caption(record: Any) -> None:
        image_id, caption = integer(record, "image_id"), text(record, "caption")
        if image_id not in names:
            raise FieldError(f"image_id is {image_id}, which is no image of the file")
        if is_wanted(record):
            captions.setdefault(image_id, []).append(caption)

    try:
        images, annotations = items(content, "images"), items(content, "annotations")
    except FieldError as error:
        raise ReleaseError(f"{path} has no images with annotations: {error}") from error
    yield from filter(None, read_records(path, enumerate(images), add_image))
    yield from filter(None, read_records(path, enumerate(annotations), add_caption))
    for image_id, name in names.items():
        yield name, tuple(captions.get(image_id, ()))
