"""Boards with odd rows among twenty valid ones, and what the ledger says of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.helpers.board import board_image, row_of, write_board
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.storage.directory import BuildDirectory

Bad = Callable[[Path], dict[str, Any] | str]  # writes what the row needs; returns the row
Ledger = dict[str, dict[str, Any]]

JPEG, PNG = board_image(5), board_image(5, "PNG")


def written(name: str, content: bytes) -> Bad:
    """Return a function that writes a file and a line with it as the image."""

    def write(root: Path) -> dict[str, Any]:
        (root / name).write_bytes(content)
        return row_of(0, images=[name])

    return write


def line(**more: Any) -> Bad:
    return lambda _: row_of(0, **{"text": "What is odd here?", **more})


def build_with(tmp_path: Path, defects: dict[str, Bad]) -> tuple[BuildDirectory, Ledger]:
    """Build a board with twenty valid rows and some defects; return it and its ledger by key."""
    root = write_board(tmp_path / "data/board", [], 20)
    rows: list[dict[str, Any] | str] = [row_of(n) for n in range(20)]
    for name, bad in defects.items():
        row = bad(root)
        rows.insert(7, row if isinstance(row, str) else {**row, "key": name})
    write_board(root, rows)
    settings = BuildSettings(tasks=("board/ask",), hold_out_images=0.0)
    build(tmp_path / "data", tmp_path / "out", settings, workers=1)
    entries = pq.read_table(tmp_path / "out/ledger.parquet").to_pylist()
    return BuildDirectory(tmp_path / "out", verify=True), {entry["key"]: entry for entry in entries}
