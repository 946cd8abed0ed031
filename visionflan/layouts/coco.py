"""Read annotation files in the format of COCO, which other releases and mirrors use too."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from visionflan.errors import ReleaseError
from visionflan.layouts import inside, load_json

FILES = ("captions", "instances")


@dataclass
class CocoImage:
    """One image: its path, its captions, and the area that each object class covers."""

    image: Path | None = None
    captions: list[str] = field(default_factory=list)
    areas: Counter[str] = field(default_factory=Counter)


@dataclass
class CocoSplit:
    """The images of a split by id, and its object classes by supercategory."""

    scenes: defaultdict[int, CocoImage] = field(default_factory=lambda: defaultdict(CocoImage))
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)


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
        content = load_json(path, drop_segmentation)
        try:
            add_annotations(split_data, content)
            for image in content["images"]:
                split_data.scenes[image["id"]].image = inside(directory, image["file_name"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ReleaseError(f"{path} is not a COCO annotation file: {error!r}") from error
    return split_data


def drop_segmentation(record: dict[str, Any]) -> dict[str, Any]:
    """Drop the segmentation of an object, which is most of the file and not needed."""
    record.pop("segmentation", None)
    return record


def add_annotations(split_data: CocoSplit, content: Any) -> None:
    """Add the captions or the objects of one file."""
    categories = {entry["id"]: entry for entry in content.get("categories", ())}
    for annotation in sorted(content["annotations"], key=lambda annotation: annotation["id"]):
        scene = split_data.scenes[annotation["image_id"]]
        if "caption" in annotation:
            scene.captions.append(annotation["caption"])
        else:
            name = categories[annotation["category_id"]]["name"]
            scene.areas[name] += annotation["area"]
    for entry in categories.values():
        group = entry["supercategory"]
        split_data.classes[group] = (*split_data.classes.get(group, ()), entry["name"])
