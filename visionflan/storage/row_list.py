"""Lists of row ids: a part of a build in a small file, which a stage trains on.

A file is JSON lines: an object with what the list was made of, then the id of one row a line, as a
JSON string. A plain text file with one id a line is read too; it does not say of which build it is.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from visionflan.atomic_write import write_text
from visionflan.errors import BuildError
from visionflan.plural import counted
from visionflan.storage.directory import BuildDirectory

ROW_LIST_FORMAT = 1
HEADER = "visionflan_rows"  # the key of the header whose value is the format


@dataclass(frozen=True)
class RowList:
    """A list of row ids, in the order in which they were selected.

    Attributes:
        path: its file.
        ids: the ids of instances.
        header: what it was made of, such as `build`, the digest of the build, and `method`; empty
            for a plain text file.
        digest: the sha256 of the file.
    """

    path: Path
    ids: pa.StringArray
    header: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""

    def origin(self) -> dict[str, Any]:
        """Return what run.json says of the list."""
        return {
            "path": str(self.path),
            "sha256": self.digest,
            "rows": len(self.ids),
            **{name: value for name, value in self.header.items() if name not in (HEADER, "rows")},
        }

    def positions(self, build: BuildDirectory) -> NDArray[np.int64]:
        """Return the positions of the rows in the table of a build, in the order of the list.

        Raises BuildError if the list is of another build, or has rows that the build does not have.
        """
        listed_build = self.header.get("build")
        if listed_build not in (None, build.digest):
            raise BuildError(
                f"{self.path} is a list for the build with the digest {listed_build:.12}, and "
                f"{build.path} has the digest {build.digest:.12}: name that build, or select rows "
                "of this one"
            )
        found_at = pc.index_in(self.ids, value_set=build.table["id"].combine_chunks())
        if missing := found_at.null_count:
            example = self.ids.filter(found_at.is_null())[0].as_py()
            raise BuildError(
                f"{self.path} lists {counted(missing, 'row')} that {build.path} does not have, "
                f"such as {example!r:.200}: name the build that it was selected from"
            )
        positions: NDArray[np.int64] = found_at.to_numpy().astype(np.int64)
        return positions


def write_row_list(path: Path, ids: Iterable[str], header: Mapping[str, Any]) -> None:
    """Write a list of rows of a build; `header` has its digest as `build`."""
    names = list(ids)
    first = {HEADER: ROW_LIST_FORMAT, **header, "rows": len(names)}
    lines = chain([first], names)
    write_text(path, "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines))


def read_row_list(path: Path) -> RowList:
    """Read a list of rows. Raises BuildError if it is damaged, empty or repeats a row."""
    if not path.is_file():
        raise BuildError(
            f"{path} is not a file: name a list of rows, as `visionflan select` writes"
        )
    content = path.read_bytes()
    try:
        lines = [line for line in content.decode("utf-8-sig").split("\n") if line.strip()]
    except UnicodeDecodeError as error:
        raise BuildError(f"{path} is no list of rows: it is not UTF-8 text") from error
    header = read_header(path, lines[0]) if lines else {}
    ids = list(parse_ids(path, lines[1:])) if header else [line.strip() for line in lines]
    if not ids:
        raise BuildError(f"{path} lists no row")
    if (stated := header.get("rows", len(ids))) != len(ids):
        raise BuildError(
            f"{path} is cut or was changed: it has {counted(len(ids), 'row')}, and its first line "
            f"says {stated}"
        )
    if repeated := [name for name, count in Counter(ids).items() if count > 1]:
        raise BuildError(f"{path} lists {repeated[0]!r:.200} more than once")
    return RowList(path, pa.array(ids, pa.string()), header, sha256(content).hexdigest())


def read_header(path: Path, line: str) -> dict[str, Any]:
    """Return the header of a list; {} if its first line is an id."""
    if not line.lstrip().startswith("{"):
        return {}
    try:
        header = json.loads(line)
    except ValueError as error:
        raise BuildError(
            f"the first line of {path} is not valid JSON: select the rows again"
        ) from error
    if HEADER not in header:
        raise BuildError(
            f"{path} is no list of rows: its first line is an object without {HEADER!r}"
        )
    if header[HEADER] != ROW_LIST_FORMAT:
        raise BuildError(
            f"{path} has format {header[HEADER]}, not {ROW_LIST_FORMAT}: select the rows again "
            "with this version of visionflan"
        )
    return dict(header)


def parse_ids(path: Path, lines: Iterable[str]) -> Iterator[str]:
    """Yield the ids of the lines after a header."""
    for number, line in enumerate(lines, start=2):
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if not isinstance(value, str):
            raise BuildError(f"{path}, line {number}: {line!r:.80} is not an id as a JSON string")
        yield value


def row_list_digest(path: Path | None) -> str:
    """Return the sha256 of the file of a list of rows; "" for none."""
    return "" if path is None else read_row_list(path).digest
