"""A small build, recorded: the values of its manifest, ledger and instances do not change."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.helpers.board import MakeBoard, board_image, row_of

RECORDED = Path(__file__).parents[1] / "golden" / "board_build.json"
ROWS: list[dict[str, Any] | str] = [
    *(row_of(number) for number in range(9)),
    row_of(9, repaired=["trimmed_blanks"]),
    row_of(10, only="count"),
    row_of(11, only="ask"),
    row_of(0, key="again"),
    row_of(1, key="other", target="it is another"),
    row_of(12, text="half of one: \ud83d"),
    row_of(13, target=7),
    row_of(14, text="what is <image>?"),
    row_of(15, images=["images/none.jpg"]),
    row_of(16, images=["../outside.jpg"]),
    row_of(17, images=["images/page.jpg"]),
    row_of(18, images=["images/noise.jpg"]),
    row_of(19, images=["images/png.jpg"]),
    row_of(20, images=[]),
    '{"key": "cut',
]


def recorded_values(make: MakeBoard, root: Path) -> dict[str, Any]:
    """Return what a build of ROWS stores, without the hashes of images and their sizes."""
    (root / "images").mkdir(parents=True)
    (root / "images/page.jpg").write_bytes(b"<html></html>")
    (root / "images/noise.jpg").write_bytes(bytes(range(200, 100, -1)))
    (root / "images/png.jpg").write_bytes(board_image(19, "PNG"))
    build = make(ROWS, 15, seed=3, max_per_task=14, hold_out_tasks=("board/count",))
    manifest = build.manifest
    tasks = {
        task: {name: value for name, value in info.items() if name != "digest"}
        for task, info in manifest["tasks"].items()
    }
    totals = {name: value for name, value in manifest["totals"].items() if name != "image_bytes"}
    ledger = pq.read_table(build.path / "ledger.parquet").drop_columns("detail")
    return {
        "about": manifest["about"],
        "datasets": manifest["datasets"],
        "tasks": tasks,
        "totals": totals,
        "ledger": ledger.to_pylist(),
        "instances": [
            [instance.id, instance.split, instance.target] for instance in build.instances()
        ],
    }


def test_the_values_of_a_build_are_those_recorded(make: MakeBoard, tmp_path: Path) -> None:
    values = recorded_values(make, tmp_path / "data/board")
    assert values == json.loads(RECORDED.read_text())
