"""Write the files by which Megatron-Energon reads tar archives, as its `energon prepare` does.

Each archive has a file `.tar.idx` next to it with the offsets of its samples and of its end. The
directory `.nv-meta` has the archives with their numbers of samples (`.info.json`), the archives of
each split (`split.yaml`), the type of the samples (`dataset.yaml`), and an index of all members by
the keys of their samples (`index.sqlite`), with an id that changes with it (`index.uuid`). Names,
fields and tables are those of `megatron/energon/flavors/webdataset/` (`config.py`, `structs.py`,
`itar.py`, `indexing.py`).
"""

import hashlib
import json
import sqlite3
import struct
import tarfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from visionflan.atomic_write import atomic_path, write_text
from visionflan.errors import BuildError
from visionflan.formats.shared.annotation_files import file_split
from visionflan.formats.shared.tar_members import TarMember
from visionflan.formats.shared.tar_samples import split_name

DIRECTORY, INFO, SPLITS = ".nv-meta", ".info.json", "split.yaml"
VERSION = "7.4.1"  # of Energon, whose files these are
PARTS = {"train": "train", "held_out": "val"}  # what Energon reads to train and to validate
OTHER_PARTS = ("test",)  # which its `lint` looks for too
SAMPLE_TYPE = "__module__: megatron.energon\n__class__: CrudeWebdataset\n"
TABLES = """
    CREATE TABLE IF NOT EXISTS samples (
        tar_file_id INTEGER NOT NULL,
        sample_key TEXT NOT NULL UNIQUE,
        sample_index INTEGER NOT NULL,
        byte_offset INTEGER,
        byte_size INTEGER
    );
    CREATE TABLE IF NOT EXISTS sample_parts (
        tar_file_id INTEGER,
        sample_index INTEGER,
        part_name TEXT,
        content_byte_offset INTEGER,
        content_byte_size INTEGER
    );
    CREATE INDEX IF NOT EXISTS idx_samples_by_tar_and_idx
        ON samples(tar_file_id, sample_index);
    CREATE INDEX IF NOT EXISTS idx_sample_parts_seq
        ON sample_parts(tar_file_id, sample_index, content_byte_offset);
    CREATE INDEX IF NOT EXISTS idx_sample_parts_full ON sample_parts(
        tar_file_id, sample_index, part_name, content_byte_offset, content_byte_size
    );
"""


@dataclass(frozen=True)
class EnergonIndex:
    """The index of the archives of a directory.

    Attributes:
        directory: where the archives are.
        database: the index of all members.
        counts: the number of samples of each archive; their order numbers the archives in the
            database.
    """

    directory: Path
    database: sqlite3.Connection
    counts: dict[str, int]

    def add_shard(self, name: str, samples: Sequence[Sequence[TarMember]], end: int) -> None:
        """Add an archive, given the members of each sample and where the last one ends.

        The header of each member must be one block.
        """
        number = len(self.counts)
        self.counts[name] = len(samples)
        offsets = [members[0].offset - tarfile.BLOCKSIZE for members in samples] + [end]
        with atomic_path(self.directory / f"{name}.idx") as temporary:
            temporary.write_bytes(struct.pack(f"<{len(offsets)}Q", *offsets))
        self.database.executemany(
            "INSERT INTO samples VALUES (?, ?, ?, ?, ?)",
            (
                (number, split_name(members[0].name)[0], index, start, stop - start)
                for index, (members, (start, stop)) in enumerate(
                    zip(samples, pairwise(offsets), strict=True)
                )
            ),
        )
        self.database.executemany(
            "INSERT INTO sample_parts VALUES (?, ?, ?, ?, ?)",
            (
                (number, index, split_name(member.name)[1], member.offset, member.size)
                for index, members in enumerate(samples)
                for member in members
            ),
        )


@contextmanager
def energon_index(directory: Path) -> Iterator[EnergonIndex]:
    """Yield an index to add archives to, after those of the directory; write it at the end."""
    metadata = directory / DIRECTORY
    metadata.mkdir(parents=True, exist_ok=True)
    info, path = metadata / INFO, metadata / "index.sqlite"
    counts = json.loads(info.read_bytes())["shard_counts"] if info.exists() else {}
    try:
        # Some file systems cannot lock; the directory has its name only when it is complete.
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?nolock=1", uri=True)) as database:
            database.executescript(TABLES)
            index = EnergonIndex(directory, database, counts)
            yield index
            database.commit()
    except sqlite3.Error as error:
        raise BuildError(f"{path} cannot be written: {error}") from error
    # JSON is YAML too, and an import reads it without a parser of YAML.
    write_text(info, as_json({"energon_version": VERSION, "shard_counts": counts}))
    write_text(metadata / SPLITS, as_json({"split_parts": split_parts(counts), "exclude": []}))
    write_text(metadata / "dataset.yaml", SAMPLE_TYPE)
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    write_text(metadata / "index.uuid", f"{uuid.uuid5(uuid.NAMESPACE_OID, digest)}")


def as_json(value: object) -> str:
    """Return JSON in the order of its fields: that of the archives is their order in the index."""
    return json.dumps(value, indent=2) + "\n"


def split_parts(counts: dict[str, int]) -> dict[str, list[str]]:
    """Return the archives of each split by Energon's names of the splits."""
    parts: dict[str, list[str]] = {part: [] for part in (*PARTS.values(), *OTHER_PARTS)}
    for name in counts:
        parts[PARTS[file_split(Path(name)) or "train"]].append(name)
    return parts
