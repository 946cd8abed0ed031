"""Tar archives of samples, as of WebDataset, img2dataset and Energon.

The members of a sample follow each other and have the same name up to the first dot of its last
part: `000000001.jpg` and `000000001.json` (`webdataset/tariterators.py`). The JSON has the
conversation in the form of LLaVA (`conversations`, or that list alone), of chat `messages` or of
the Cauldron (`texts`); a `caption` in it, or a member `.txt` as img2dataset writes one, is the
answer to an image without a question. An archive that is compressed is refused, since each of its
images would be read from its beginning. The directory `.nv-meta`, with which Energon reads the
archives, is written too, and its list of splits is read.
"""

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visionflan.atomic_write import atomic_path
from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError, UnusableError
from visionflan.formats.base import ConversationRecord, Format
from visionflan.formats.exporting import exported_task, image_file_name, with_progress
from visionflan.formats.shared.annotation_files import file_split, official_split, resolve
from visionflan.formats.shared.energon_index import DIRECTORY, energon_index
from visionflan.formats.shared.energon_splits import (
    EnergonSplits,
    missing_archives,
    read_splits,
)
from visionflan.formats.shared.tar_members import TarMember, is_tar
from visionflan.formats.shared.tar_samples import has_samples, tar_samples
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance, Split

SHARD_BYTES = 256 << 20
NUM_PROBED = 8  # archives of a directory that are looked at to see what they are
ROLES = {"user": "human", "assistant": "gpt"}


def write(build: BuildDirectory, instances: Instances, directory: Path, split: Split) -> None:
    """Write the shards `<split>-00000.tar` and following, of about SHARD_BYTES each."""
    numbered = enumerate(with_progress(instances, split))
    more = next(numbered, None)
    shard = 0
    with energon_index(directory) as index:
        while more is not None:
            name, samples = f"{split}-{shard:05}.tar", []
            with (
                atomic_path(directory / name) as temporary,
                tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as archive,
            ):
                while more is not None and archive.offset < SHARD_BYTES:
                    number, instance = more
                    # Energon wants keys that no other archive of the directory has.
                    samples.append(add_sample(archive, build, f"{split}-{number:09}", instance))
                    more = next(numbered, None)
                end = archive.offset
            index.add_shard(name, samples, end)
            shard += 1


def add_sample(
    archive: tarfile.TarFile, build: BuildDirectory, key: str, instance: Instance
) -> list[TarMember]:
    """Add an instance, and return its members: its images, then its JSON."""
    several = len(instance.images) > 1
    members = []
    for index, image_id in enumerate(instance.images):
        suffix = Path(image_file_name(build, image_id)).suffix
        name = f"{key}{f'.{index}' if several else ''}{suffix}"
        members.append(add_member(archive, name, build.image(image_id)))
    record = json.dumps(to_record(build, instance), ensure_ascii=False)
    return [*members, add_member(archive, f"{key}.json", record.encode())]


def add_member(archive: tarfile.TarFile, name: str, content: bytes) -> TarMember:
    """Add a file, whose header does not depend on when and by whom it is written."""
    header = tarfile.TarInfo(name)
    header.size = len(content)
    member = TarMember(name, archive.offset + tarfile.BLOCKSIZE, len(content))
    archive.addfile(header, io.BytesIO(content))
    return member


def to_record(build: BuildDirectory, instance: Instance) -> dict[str, Any]:
    """Convert an instance to the JSON of a sample."""
    return {
        "id": instance.id,
        "task_name": exported_task(build, instance),
        **({"system": instance.system} if instance.system else {}),
        "conversations": [
            {"from": ROLES[turn.role], "value": turn.text} for turn in instance.exchanges
        ],
    }


@dataclass(frozen=True)
class TarRelease:
    """A release of tar archives.

    Attributes:
        annotations: its archive, or the directory of several.
        images: the directory of its archives.
        files: its archives.
        splits: what Energon's list says about the archives of a directory, if it has one.
    """

    annotations: Path
    images: Path
    files: tuple[Path, ...]
    splits: EnergonSplits | None = None

    def conversations(self) -> Iterator[ConversationRecord | BrokenRow]:
        """Yield the parsed samples; an unusable one comes as a BrokenRow with its reason."""
        names = [file.relative_to(self.images).as_posix() for file in self.files]
        if self.annotations.is_dir():
            yield from missing_archives(self.annotations, names)
        for name, file in zip(names, self.files, strict=True):
            if left_out := self.left_out(name, file):
                yield left_out
            else:
                yield from file_conversations(file, name, self.splits)

    def left_out(self, name: str, file: Path) -> BrokenRow | None:
        """Return why an archive is not read, if it is not."""
        if self.splits:
            return self.splits.left_out(name)
        return official_split(file) if len(self.files) > 1 else None


def file_conversations(
    file: Path, name: str, splits: EnergonSplits | None = None
) -> Iterator[ConversationRecord | BrokenRow]:
    """Yield the parsed samples of one archive, with a note on members of each unknown kind."""
    split, noted = file_split(file) or "train", set[str]()
    for entry in tar_samples(file):
        if isinstance(entry, BrokenRow):
            yield entry
            continue
        if splits and (left_out := splits.left_out_sample(name, entry.key)):
            yield left_out
            continue
        try:
            record = entry.parse()
        except UnusableError as error:
            yield BrokenRow(f"{file.name}: {entry.key}", error.reason, error.detail)
            continue
        others = [other for other in entry.others if other not in noted]
        noted.update(others)
        notes = tuple(("columns_left_out", f"of {file.name}: .{other}") for other in others)
        yield record._replace(split=split, notes=(*record.notes, *notes))


def find_release(path: Path, images: Path | None = None) -> TarRelease:
    """Find the archives of a release: the file, or all in the directory."""
    path = resolve(path)
    if images is not None:
        raise ReleaseError(f"{path} contains its images itself: leave out --images")
    if not path.exists():
        raise ReleaseError(f"{path} does not exist")
    files = tar_files(path)
    if not files:
        raise ReleaseError(
            f"{path} has no tar archive that is not compressed: decompress it, or pass the path of "
            "one"
        )
    if not path.is_dir():
        return TarRelease(path, path.parent, (path,))
    return TarRelease(path, path, tuple(files), read_splits(path))


def tar_files(path: Path) -> list[Path]:
    """Return a file, or the archives of a directory, sorted; none unless one of them is sound.

    Those of a directory that was prepared for Energon may be in directories of their own.
    """
    pattern = "**/*.tar" if (path / DIRECTORY).is_dir() else "*.tar"
    files = sorted(path.glob(pattern)) if path.is_dir() else [path]
    files = [file for file in files if file.is_file() and file.parent.name != DIRECTORY]
    return files if any(map(is_tar, files)) else []


def recognize(path: Path) -> bool:
    """Return whether a path is an archive of samples, or a directory with one."""
    files = tar_files(path) if path.exists() else []
    return any(map(has_samples, filter(is_tar, files[:NUM_PROBED])))


FORMAT = Format(
    "webdataset",
    files="{split}-*.tar",
    write=write,
    read=find_release,
    recognize=recognize,
)
