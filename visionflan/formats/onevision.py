"""YAML that lists LLaVA's JSON files with a sampling strategy, as of LLaVA-OneVision.

LLaVA-NeXT (`llava/train/train.py`) trains on the `datasets` of such a list: each has a `json_path`
and a `sampling_strategy`, which is `all`, or `first`, `end` or `random` with a number of records or
a percentage, such as `random:10%`. A file is looked for where its path points, and by its name next
to the list. Records are drawn by the hash of the seed and their ids, where LLaVA-NeXT shuffles
without a seed.

What is written has a JSON file for each task, with those of several images apart, and paths
relative to the directory of the list; `image_folder` is `images` in it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from visionflan.atomic_write import write_text
from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError
from visionflan.formats.base import Format
from visionflan.formats.exporting import with_progress, write_images
from visionflan.formats.llava import JSON, to_record
from visionflan.formats.shared.annotation_files import MULTI_IMAGE, export_split, resolve
from visionflan.formats.shared.joined_release import (
    JoinedRelease,
    common_directory,
    locate_images,
)
from visionflan.formats.shared.json_files import JsonList
from visionflan.formats.shared.json_lists import ListedFile, SampledRelease, read_list
from visionflan.formats.shared.json_release import JsonRelease
from visionflan.formats.shared.yaml_lists import is_yaml_list, yaml_files, yaml_lists
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Split


def write(build: BuildDirectory, instances: Instances, directory: Path, split: Split) -> None:
    """Write `<split>.yaml`, a JSON file for each task in directories of the split, and images."""
    names = []
    for task, group in groupby(with_progress(instances, split), key=lambda one: one.task):
        files = {
            end: JsonList(task_file(directory, split + end, task)) for end in ("", MULTI_IMAGE)
        }
        for instance in group:
            write_images(build, instance, directory / "images")
            file = files[MULTI_IMAGE if len(instance.images) > 1 else ""]
            file.path.parent.mkdir(exist_ok=True)
            file.add(to_record(build, instance))
        for file in files.values():
            file.close()
            if file.path.exists():
                names.append(file.path.relative_to(directory).as_posix())
    entries = [f"  - json_path: {json.dumps(name)}\n    sampling_strategy: all\n" for name in names]
    write_text(directory / f"{split}.yaml", "".join(["datasets:\n", *entries]))


def task_file(directory: Path, folder: str, task: str) -> Path:
    """Return the path of the JSON file of a task."""
    return directory / folder / f"{task.replace('/', '.')}.json"


@dataclass(frozen=True)
class OneVisionRelease(JoinedRelease):
    """The files of a list, or of one for each split.

    `seed` decides which records a random strategy takes.
    """

    seed: int = 0

    def with_seed(self, seed: int) -> "OneVisionRelease":
        """Return the release with another seed."""
        parts = (
            replace(part, seed=seed) if isinstance(part, SampledRelease) else part
            for part in self.parts
        )
        return replace(self, seed=seed, parts=tuple(parts))


def find_release(path: Path, images: Path | None = None) -> OneVisionRelease:
    """Find the lists of a release and the files of each."""
    path = resolve(path)
    lists = find_lists(path)
    entries = [entry for listing in lists for entry in listed_files(listing, images)]
    parts = tuple(entry for entry in entries if not isinstance(entry, BrokenRow))
    broken = tuple(entry for entry in entries if isinstance(entry, BrokenRow))
    return OneVisionRelease(path, common_directory(parts, lists[0].parent), parts, broken)


def find_lists(path: Path) -> list[Path]:
    """Return a list, or those of the splits in a directory, or the only one there."""
    if not path.exists():
        raise ReleaseError(f"{path} does not exist")
    if not path.is_dir():
        return [path]
    lists = yaml_lists(path)
    if lists and all(map(export_split, lists)):
        # A list of an export that is damaged is read too: it is refused.
        return [file for file in yaml_files(path) if file in lists or export_split(file)]
    if len(lists) == 1:
        return lists
    names = ", ".join(one.name for one in lists) or "none"
    raise ReleaseError(
        f"{path} must contain exactly one list of JSON files, found {names}: pass the path of one"
    )


def listed_files(listing: Path, images: Path | None) -> Iterator[SampledRelease | BrokenRow]:
    """Yield the file of each entry of a list, or what is wrong with it."""
    split = export_split(listing) or "train"
    for entry in read_list(listing):
        if isinstance(entry, BrokenRow):
            yield entry
        elif file := find_file(listing, entry):
            release = locate_images(JsonRelease(JSON, (file,), file.parent), listing, images)
            yield SampledRelease(release, entry.strategy, 0, split)
        else:
            key = f"{listing.name}: {entry.path}"
            yield BrokenRow(key, "unread_file", "it is neither there nor next to the list")


def find_file(listing: Path, entry: ListedFile) -> Path | None:
    """Return the JSON file of an entry: where its path points, or next to the list."""
    written = Path(entry.path.replace("\\", "/"))
    for path in (listing.parent / written, listing.parent / written.name):
        try:
            if path.is_file():
                return path
        except (OSError, ValueError):  # a name that no file can have
            return None
    return None


def recognize(path: Path) -> bool:
    """Return whether a path is a list of JSON files, or a directory with one."""
    return bool(yaml_lists(path)) if path.is_dir() else is_yaml_list(path)


FORMAT = Format(
    "onevision",
    files="{split}/*.json",
    write=write,
    read=find_release,
    recognize=recognize,
    more_files={"multi_image": "{split}" + f"{MULTI_IMAGE}/*.json"},
)
