"""Held-out data is not trained on: by image, by near-duplicate, by task."""

from collections import Counter
from pathlib import Path
from typing import Any

from tests.helpers.board import MakeBoard, board_image, row_of, write_board
from visionflan.builder.summary import summary


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


def test_the_images_of_a_group_are_on_one_side(make: MakeBoard) -> None:
    rows: list[dict[str, Any] | str] = [row_of(n, video=f"video {n // 6}") for n in range(60)]
    directory = make(rows, 60, hold_out_images=0.2, tasks=("board/ask",))
    instances = list(directory.instances())
    sides = {(instance.group, instance.split) for instance in instances}
    assert {side for _, side in sides} == {"train", "held_out"}
    assert len(sides) == len({instance.group for instance in instances}) == 10


def test_official_validation_and_test_are_held_out_on_request(make: MakeBoard) -> None:
    parts = ["train", "train", "train", "validation", "test", ""]
    rows: list[dict[str, Any] | str] = [row_of(n, part=parts[n % 6]) for n in range(36)]
    directory = make(rows, 36, hold_out_images=0.0, hold_out_official=True, tasks=("board/ask",))
    assert {(instance.official_split, instance.split) for instance in directory.instances()} == {
        ("train", "train"),
        ("", "train"),
        ("validation", "held_out"),
        ("test", "held_out"),
    }
    assert directory.manifest["official_splits"]["board"] == {
        "train": {"train": 18},
        "none": {"train": 6},
        "validation": {"held_out": 6},
        "test": {"held_out": 6},
    }
    card = (directory.path / "README.md").read_text()
    assert "| `board` | 18 + 0 | 0 + 6 | 0 + 6 | 6 + 0 |" in card


def test_a_summary_names_official_test_rows_in_training(make: MakeBoard) -> None:
    rows: list[dict[str, Any] | str] = [row_of(n, part="test") for n in range(8)]
    directory = make(rows, 8, hold_out_images=0.0, tasks=("board/ask",))
    text = " ".join(summary(directory.path, directory.manifest).split())
    assert (
        "of an official validation or test split: 8 instances for training "
        "(--hold-out-official holds them out): board"
    ) in text


def test_an_unknown_official_split_costs_its_row(make: MakeBoard) -> None:
    directory = make([row_of(0, part="dev"), row_of(1)], 2, tasks=("board/ask",))
    assert directory.manifest["tasks"]["board/ask"]["dropped"] == {"unknown_split": 1}
