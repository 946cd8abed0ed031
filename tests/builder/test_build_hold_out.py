"""Held-out data is not trained on: by image, by near-duplicate, by task."""

from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers.board import MakeBoard, board_image, row_of, write_board
from visionflan.builder.summary import summary

BUILDS = count()  # each example of a property builds into another directory


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


@pytest.mark.parametrize("first", ["train", "test"])
def test_a_duplicate_of_an_official_test_row_is_not_trained_on(make: MakeBoard, first: str) -> None:
    parts = ["train", "test"] if first == "train" else ["test", "train"]
    rows: list[dict[str, Any] | str] = [
        row_of(n, key=f"{n} {copy}", part=part, text="The same?")
        for n in range(20)
        for copy, part in enumerate(parts)
    ]
    rows.append(row_of(20, part="train"))
    directory = make(rows, 21, hold_out_official=True, tasks=("board/ask",))
    instances = list(directory.instances())
    assert len(instances) == 21
    assert [row.key for row in instances if row.split == "train"] == ["k20"]
    assert {row.official_split for row in instances if row.split == "held_out"} == {"test"}
    assert directory.manifest["tasks"]["board/ask"]["dropped"] == {"duplicate": 20}


def test_a_duplicate_joins_the_groups_of_both_rows(make: MakeBoard) -> None:
    """Of each pair of videos one shows an image of the other, with the same question."""
    rows: list[dict[str, Any] | str] = [
        row_of(n, key=f"{n} {video}", video=video, text="The same?")
        for pair in range(8)
        for n, video in [
            (3 * pair, f"{pair} a"),
            (3 * pair + 1, f"{pair} a"),
            (3 * pair + 1, f"{pair} b"),
            (3 * pair + 2, f"{pair} b"),
        ]
    ]
    directory = make(rows, 24, hold_out_images=0.4, tasks=("board/ask",))
    sides: dict[int, set[str]] = {}
    for row in directory.instances():
        sides.setdefault(int(row.key.split()[0]) // 3, set()).add(row.split)
    assert all(len(of_pair) == 1 for of_pair in sides.values())
    assert set.union(*sides.values()) == {"train", "held_out"}


def test_a_test_row_that_is_not_sampled_keeps_its_image_and_group_out(make: MakeBoard) -> None:
    rows: list[dict[str, Any] | str] = []
    for n in range(40):
        parts = {"part": "test" if n % 2 else "train", "video": f"v{n}"}
        rows += [
            row_of(n, key=f"{n} a", text="Trained?", part="train", video=f"v{n}"),
            row_of(n + 40 * (n % 4 == 3), key=f"{n} b", text="Tested?", **parts),
        ]
    directory = make(rows, 80, hold_out_official=True, max_per_task=20, tasks=("board/ask",))
    sides = {(int(row.key.split()[0]) % 2, row.split) for row in directory.instances()}
    assert sides == {(0, "train"), (1, "held_out")}


def test_a_dropped_test_row_keeps_its_image_out(make: MakeBoard) -> None:
    """The image of a test row with a key that was there is also in a file of another name."""
    rows: list[dict[str, Any] | str] = [row_of(n, part="train") for n in range(4)]
    rows.append(row_of(0, text="Other?", images=["images/copy.jpg"], part="test"))
    rows.append(row_of(1, part="test", images=["images/1.jpg", "images/none.jpg"], text="Two?"))
    directory = make(rows, 4, hold_out_official=True, tasks=("board/ask",))
    sides = {row.key: row.split for row in directory.instances()}
    assert sides["k0"] == "train"  # there is no such file
    write_copy = directory.path.parent / "data/board/images/copy.jpg"
    write_copy.write_bytes(board_image(0))
    again = make(rows, 4, out="again", hold_out_official=True, tasks=("board/ask",))
    sides = {row.key: row.split for row in again.instances()}
    assert sides["k0"] == "held_out"
    assert sides["k2"] == sides["k3"] == "train"


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    lines=st.lists(
        st.tuples(
            st.integers(0, 5),
            st.sampled_from(["Same?", "Other?"]),
            st.sampled_from(["", "train", "validation", "test"]),
            st.sampled_from(["", "x", "y", "z"]),
        ),
        min_size=2,
        max_size=14,
    ),
    limit=st.integers(1, 14),
)
def test_no_image_or_group_of_an_official_test_row_is_trained_on(
    make: MakeBoard,
    lines: list[tuple[int, str, str, str]],
    limit: int,
) -> None:
    rows: list[dict[str, Any] | str] = [
        row_of(n, key=f"row {index}", text=text, part=part, video=video)
        for index, (n, text, part, video) in enumerate(lines)
    ]
    digests = set()
    for ordered in (rows, rows[::-1]):
        options = {"hold_out_official": True, "max_per_task": limit, "tasks": ("board/ask",)}
        directory = make(ordered, 6, out=f"out {next(BUILDS)}", **options)
        digests.add(directory.digest)
    tested = [line for line in lines if line[2] in ("validation", "test")]
    images, groups = {n for n, *_ in tested}, {video for *_, video in tested} - {""}
    trained = [row.key for row in directory.instances("train")]
    for n, _, part, video in (lines[int(key.split()[1])] for key in trained):
        assert n not in images
        assert video not in groups
        assert part not in ("validation", "test")
