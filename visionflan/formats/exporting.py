"""Write a build directory in the formats of others, one instance after another."""

import json
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from visionflan.atomic_write import commit_file, fsync_path, write_text
from visionflan.builder.dataset_card import CONTACT_SHEET, card, front_matter
from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import BuildError
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.image_checks import SUFFIXES
from visionflan.storage.instance import Instance, Split, Turn

ExportFormat = Literal["llava", "hf"]

GROUP_ROWS = 100
GROUP_BYTES = 64 << 20
SHARD_BYTES = 256 << 20

MARKER = re.compile(rf"\n?{IMAGE_MARKER}\n?")

TEXT = pa.string()
HF = pa.schema(
    {
        "id": TEXT,
        "dataset": TEXT,
        "task": TEXT,
        "messages": pa.list_(
            pa.struct({"role": TEXT, "content": pa.list_(pa.struct({"type": TEXT, "text": TEXT}))})
        ),
        "images": pa.list_(pa.struct({"bytes": pa.binary(), "path": TEXT})),
    }
)
VALUE = {"dtype": "string", "_type": "Value"}
FEATURES = {
    "id": VALUE,
    "dataset": VALUE,
    "task": VALUE,
    "messages": [{"role": VALUE, "content": [{"type": VALUE, "text": VALUE}]}],
    "images": [{"_type": "Image"}],
}


def export(
    build: BuildDirectory, out: Path, form: ExportFormat, tasks: Collection[str] = ()
) -> int:
    """Write the instances of each split into a new folder, and give their number.

    The folder appears when it is whole.
    """
    if unknown := sorted(set(tasks) - set(build.tasks)):
        raise BuildError(f"{build.path} holds no instances of {', '.join(unknown)}")
    write, count = WRITERS[form], 0
    with new_folder(out) as folder:
        splits: list[Split] = []
        for split in get_args(Split):
            instances = build.instances(split, list(tasks) or None)
            if len(instances):
                splits.append(split)
                count += len(instances)
                write(build, instances, folder, split)
        write_text(folder / "README.md", exported_card(build, form, splits))
        shutil.copy(build.path / CONTACT_SHEET, folder / CONTACT_SHEET)
    return count


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Give a folder to write into, which is given its name at the end."""
    if out.exists() and (out.is_file() or any(out.iterdir())):
        raise BuildError(f"{out} is not empty: choose a new folder")
    folder = out.with_name(f".{out.name}.tmp")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
        fsync_path(folder)
        folder.replace(out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def file_name(build: BuildDirectory, image_id: str) -> str:
    """Name an image by its content, with the suffix of what it is."""
    return image_id + SUFFIXES[build.image_header(image_id)[2]][0]


def progress(instances: Instances, split: str) -> Iterable[Instance]:
    """Go through the instances with a bar."""
    bar: Iterable[Instance] = tqdm(
        instances, desc=f"exporting {split}", unit=" instances", disable=None, leave=False
    )
    return bar


def write_llava(build: BuildDirectory, instances: Instances, folder: Path, split: str) -> None:
    """Write `<split>.json`, a list of conversations, and the images beside it."""
    images = folder / "images"
    images.mkdir(exist_ok=True)
    with (folder / f"{split}.json").open("w", encoding="utf-8") as file:
        separator = "[\n"
        for instance in progress(instances, split):
            for image_id in instance.images:
                path = images / file_name(build, image_id)
                if not path.exists():
                    path.write_bytes(build.image(image_id))
            file.write(separator + json.dumps(llava_record(build, instance), ensure_ascii=False))
            separator = ",\n"
        file.write("\n]\n")
        file.flush()
        os.fsync(file.fileno())


def llava_record(build: BuildDirectory, instance: Instance) -> dict[str, Any]:
    """Give an instance as LLaVA and the Vision-Flan release write one."""
    names = [file_name(build, image_id) for image_id in instance.images]
    roles = {"user": "human", "assistant": "gpt"}
    return {
        "id": instance.id,
        **({"image": names[0] if len(names) == 1 else names} if names else {}),
        "task_name": build.tasks[instance.task].official_name,
        "conversations": [
            {"from": roles[turn.role], "value": turn.text} for turn in instance.turns
        ],
    }


def write_hf(build: BuildDirectory, instances: Instances, folder: Path, split: str) -> None:
    """Write Parquet that `datasets` and TRL read, with the images in each row."""
    shards = HFShards(folder, split)
    for instance in progress(instances, split):
        shards.add(hf_row(build, instance))
    shards.close()


def hf_row(build: BuildDirectory, instance: Instance) -> dict[str, Any]:
    """Give an instance as a row of messages and images."""
    return {
        "id": instance.id,
        "dataset": instance.dataset,
        "task": instance.task,
        "messages": [
            {"role": turn.role, "content": message_content(turn)} for turn in instance.turns
        ],
        "images": [
            {"bytes": build.image(image_id), "path": file_name(build, image_id)}
            for image_id in instance.images
        ],
    }


def message_content(turn: Turn) -> list[dict[str, str | None]]:
    """Give a turn as typed pieces: an image where each marker stands, and the words between."""
    pieces: list[dict[str, str | None]] = []
    for place, words in enumerate(MARKER.split(turn.text)):
        if place:
            pieces.append({"type": "image", "text": None})
        if words:
            pieces.append({"type": "text", "text": words})
    return pieces


class HFShards:
    """Parquet files `<split>-00000.parquet` and on, each of about as many bytes."""

    def __init__(self, folder: Path, split: str) -> None:
        self.folder, self.split, self.number = folder, split, 0
        self.rows: list[dict[str, Any]] = []
        self.file: pq.ParquetWriter | None = None
        self.bytes = self.waiting_bytes = 0
        told = json.dumps({"info": {"features": FEATURES}})
        self.schema = HF.with_metadata({"huggingface": told})

    @property
    def path(self) -> Path:
        """The shard being written."""
        return self.folder / f"{self.split}-{self.number:05}.parquet"

    @property
    def temporary(self) -> Path:
        """Its name until it is whole."""
        return self.path.with_suffix(".tmp")

    def add(self, row: dict[str, Any]) -> None:
        """Add a row."""
        self.rows.append(row)
        size = sum(len(image["bytes"]) for image in row["images"])
        self.bytes, self.waiting_bytes = self.bytes + size, self.waiting_bytes + size
        if len(self.rows) >= GROUP_ROWS or self.waiting_bytes >= GROUP_BYTES:
            self.write()
        if self.bytes >= SHARD_BYTES:
            self.close()

    def write(self) -> None:
        """Write the waiting rows as one row group."""
        if self.file is None:
            self.file = pq.ParquetWriter(
                self.temporary, self.schema, compression={"images.list.element.bytes": "none"}
            )
        self.file.write_table(pa.Table.from_pylist(self.rows, schema=self.schema))
        self.rows, self.waiting_bytes = [], 0

    def close(self) -> None:
        """Finish the shard that is being written."""
        if self.rows:
            self.write()
        if self.file is not None:
            self.file.close()
            commit_file(self.temporary, self.path)
            self.file, self.bytes = None, 0
            self.number += 1


WRITERS: dict[ExportFormat, Callable[[BuildDirectory, Instances, Path, str], None]] = {
    "llava": write_llava,
    "hf": write_hf,
}


def exported_card(build: BuildDirectory, form: ExportFormat, splits: list[Split]) -> str:
    """Give the build's card with the files of this format."""
    endings = {"llava": ".json", "hf": "-*.parquet"}
    files: dict[str, str] = {split: f"{split}{endings[form]}" for split in splits}
    whole = card(build.manifest)
    head = "\n".join(front_matter(build.manifest["totals"]["instances"], files))
    body = whole[whole.index("\n# ") + 1 : whole.index("## Files")]
    told = ", ".join(f"`{name}`" for name in files.values())
    return f"{head}\n{body}## Files\n\n{told}, exported from the build named above.\n"
