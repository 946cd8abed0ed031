"""Held-out data is not trained on: by image, by near-duplicate, by task."""

from collections import Counter
from pathlib import Path
from typing import Any

from tests.helpers.board import MakeBoard, board_image, row_of, write_board


def test_no_held_out_image_is_in_training(make: MakeBoard) -> None:
    rows: list[dict[str, Any] | str] = [
        row_of(n, key=f"{n} {turn}", text=f"Turn {turn}?", images=[f"images/{n}.jpg", *more])
        for n in range(60)
        for turn, more in enumerate([[], [], [f"images/{(n * 7 + 1) % 60}.jpg"] if n < 9 else []])
    ]
    directory = make(rows, 60, hold_out_images=0.2)
    groups = {
        split: {
            directory.image_group(image)
            for images in directory.instances(split).column("images")
            for image in images
        }
        for split in ("train", "held_out")
    }
    assert groups["train"]
    assert groups["held_out"]
    assert not groups["train"] & groups["held_out"]
    assert 5 <= len(groups["held_out"]) <= 25


def test_near_duplicate_images_are_on_one_side(make: MakeBoard, tmp_path: Path) -> None:
    write_board(tmp_path / "data/board", [], 30)
    for n in range(30):
        (tmp_path / f"data/board/images/{n + 100}.png").write_bytes(board_image(n, "PNG"))
    rows: list[dict[str, Any] | str] = [row_of(n) for n in range(30)]
    rows += [row_of(n, images=[f"images/{n}.png"]) for n in range(100, 130)]
    directory = make(rows, 0, hold_out_images=0.3, tasks=("board/ask",))
    side = dict(
        zip(directory.instances().column("key"), directory.instances().column("split"), strict=True)
    )
    assert Counter(side.values()).keys() == {"train", "held_out"}
    assert all(side[f"k{n}"] == side[f"k{n + 100}"] for n in range(30))
    assert directory.manifest["totals"]["groups"] == 30


def test_a_held_out_task_takes_its_images_out_of_training(make: MakeBoard) -> None:
    rows: list[dict[str, Any] | str] = [
        row_of(n, only="count" if n < 5 else "ask") for n in range(40)
    ]
    rows += [row_of(n, key=f"again{n}", only="ask") for n in range(5)]
    directory = make(rows, 40, hold_out_tasks=("board/count",), max_per_held_out_task=3)
    counts = directory.manifest["tasks"]
    assert (counts["board/count"]["train"], counts["board/count"]["held_out"]) == (0, 3)
    assert counts["board/count"]["over_cap"] == 2
    assert counts["board/ask"]["held_out"] == 3
    held_out_keys = directory.instances("held_out", ["board/ask"]).column("key")
    assert {key.removeprefix("again") for key in held_out_keys} == {
        key[1:] for key in directory.instances(tasks=["board/count"]).column("key")
    }


def test_every_task_has_something_held_out(make: MakeBoard) -> None:
    directory = make([row_of(n) for n in range(4)], 4, hold_out_images=0.01)
    for counts in directory.manifest["tasks"].values():
        assert counts["held_out"] >= 1
        assert counts["train"] >= 1
