"""Two builds are compared by id: the counts are those of a plain comparison, with the causes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.board import MakeBoard, board_image, row_of
from tests.helpers.stored_instances import INFO, instance
from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.builder.subset import write_subset
from visionflan.catalog import load
from visionflan.cli.main import main
from visionflan.dataset_code import write_specimen
from visionflan.diff import task_rows
from visionflan.diff.run import KINDS, BuildDiff, compare_task, diff_builds
from visionflan.diff.task_rows import diff_rows
from visionflan.storage import arrow_cache
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance, Turn
from visionflan.storage.schema import instance_table, write_table

Rows = dict[str, Instance]
DATASETS = ("caltech101", "tdiuc")
CHOICE = "tdiuc/vqa_color"


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("releases")
    for name in DATASETS:
        write_specimen(name, load(name), root / name, 24)
    return root


@pytest.fixture(scope="module")
def built(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    paths: dict[str, Path] = {}

    def make(**chosen: Any) -> Path:
        key = json.dumps(chosen, sort_keys=True)
        if key not in paths:
            paths[key] = tmp_path_factory.mktemp("built") / "build"
            build(releases, paths[key], BuildSettings(**chosen), workers=1)
        return paths[key]

    return make


def plain_counts(a: Rows, b: Rows) -> dict[str, int]:
    """Count rows by comparing them in Python."""
    common = [(a[name], b[name]) for name in a.keys() & b.keys()]
    moved = [p for p in common if p[0] != p[1] and p[0]._replace(split=p[1].split) == p[1]]
    return {
        "same": sum(row_a == row_b for row_a, row_b in common),
        "added": len(b.keys() - a.keys()),
        "lost": len(a.keys() - b.keys()),
        "changed": sum(row_a != row_b for row_a, row_b in common) - len(moved),
        "moved": len(moved),
    }


def rows_of(path: Path, task: str) -> Rows:
    directory = BuildDirectory(path)
    tasks = [task] if task in directory.tasks else []
    return {row.id: row for row in directory.instances(tasks=tasks)}


def check_counts(diff: BuildDiff, path_a: Path, path_b: Path) -> None:
    for task, entry in diff.tasks.items():
        counts = plain_counts(rows_of(path_a, task), rows_of(path_b, task))
        assert {name: getattr(entry, name) for name in counts} == counts
        ids = compare_task(task, diff.a, diff.b).ids
        assert sum(map(len, ids.values())) == sum(counts.values()) - counts["same"]
        assert all(len(members) == counts[kind] for kind, members in ids.items())


def test_builds_with_two_seeds_differ_by_the_seed(built: Callable[..., Path]) -> None:
    path_a, path_b = built(max_per_task=10), built(max_per_task=10, seed=1)
    diff = diff_builds(path_a, path_b)
    check_counts(diff, path_a, path_b)
    task = diff.tasks[CHOICE]
    assert task.added == task.lost > 0
    beyond = "beyond the maximum per task of {}, which sampled 10 of 12"
    assert task.reasons["lost"] == {beyond.format("B"): task.lost}
    assert task.reasons["added"] == {beyond.format("A"): task.added}
    assert task.reasons["changed"] == {"seed": None}
    assert diff.as_json()["settings"] == {"seed": (0, 1)}
    assert sum(entry.moved for entry in diff.tasks.values()) > 0


def test_a_smaller_maximum_loses_rows_and_changes_none(built: Callable[..., Path]) -> None:
    path_a, path_b = built(max_per_task=10), built(max_per_task=4)
    diff = diff_builds(path_a, path_b)
    check_counts(diff, path_a, path_b)
    assert diff.tasks[CHOICE].lost == 6
    assert not any(entry.added or entry.changed for entry in diff.tasks.values())


def test_builds_of_other_tasks_say_which_lack_them(
    built: Callable[..., Path], tmp_path: Path
) -> None:
    everything = built(max_per_task=10)
    diff = diff_builds(everything, built(max_per_task=10, tasks=["tdiuc"]))
    lost = diff.tasks["caltech101/image_classification"]
    assert lost.reasons == {"lost": {"not among the tasks of B": lost.lost}}
    part = write_subset(BuildDirectory(everything), tmp_path / "part", [CHOICE])
    diff = diff_builds(part.path, everything, ["tdiuc/vqa_c*"])
    assert set(diff.tasks) == {CHOICE, "tdiuc/vqa_counting"}
    added = diff.tasks["tdiuc/vqa_counting"]
    message = "A is a part of another build, without this task"
    assert added.reasons == {"added": {message: added.added}}


def test_tasks_with_equal_digests_are_not_read(built: Callable[..., Path], tmp_path: Path) -> None:
    copies = (tmp_path / "a", tmp_path / "b")
    for copy in copies:
        shutil.copytree(built(max_per_task=10), copy)
        for file in (copy / "instances").iterdir():
            file.write_bytes(b"?" * file.stat().st_size)
    assert not diff_builds(copies[0], copies[1]).differs


def test_a_changed_target_a_grown_release_and_a_dropped_row(make: MakeBoard) -> None:
    rows = [row_of(number) for number in range(6)]
    a = make(rows, images=8, out="a")
    damaged = {**rows[5], "images": ["images/none.jpg"]}
    changed = {**rows[4], "target": "another"}
    b = make([*rows[:4], changed, damaged, row_of(6), row_of(7)], out="b")
    task = diff_builds(a.path, b.path).tasks["board/ask"]
    assert (task.same, task.added, task.lost, task.changed) == (4, 2, 1, 1)
    assert task.reasons["lost"] == {"dropped from B as image_missing": 1}
    assert task.reasons["added"] == {"not read for A: the release board changed": 2}
    assert task.reasons["changed"] == {"the release board": None}
    assert task.fields == {"turns": 1, "target": 1, "references": 1}


NAMES = st.sampled_from("abcdefgh")
TEXTS = st.sampled_from(["<image>\nWhat is it?", "What is it?\n<image>", "Where is it?\n<image>"])
INSTANCES = st.builds(
    lambda key, split, images, text, options: instance(key, images)._replace(
        split=split,
        turns=(Turn("user", text), Turn("assistant", "it")),
        options=options,
    ),
    NAMES,
    st.sampled_from(["train", "held_out"]),
    st.lists(st.sampled_from("xy"), max_size=2).map(tuple),
    TEXTS,
    st.lists(st.sampled_from("pqr"), max_size=3).map(tuple),
)
TASKS = st.lists(INSTANCES, max_size=8, unique_by=lambda row: row.id)


def plain_fields(a: Rows, b: Rows) -> dict[str, int]:
    """Count the fields of changed rows in Python."""
    counts: dict[str, int] = {}
    for name in a.keys() & b.keys():
        row_a, row_b = a[name], b[name]
        if row_a._replace(split=row_b.split) == row_b:
            continue
        for field in ("split", "images", "turns", "options"):
            values = getattr(row_a, field), getattr(row_b, field)
            if values[0] == values[1]:
                continue
            label = field
            if field == "options" and sorted(values[0]) == sorted(values[1]):
                label = "options order"
            if (
                field == "turns"
                and len({v[0].text.replace("<image>", "").strip() for v in values}) == 1
            ):
                label = "image position"
            counts[label] = counts.get(label, 0) + 1
    return counts


@given(TASKS, TASKS, st.booleans())
@settings(max_examples=60)
def test_counts_and_fields_are_those_of_a_comparison_in_python(
    tmp_path_factory: pytest.TempPathFactory, a: list[Instance], b: list[Instance], mapped: bool
) -> None:
    directory = tmp_path_factory.mktemp("rows")
    for name, rows in (("a", a), ("b", b)):
        write_table(directory / name, instance_table(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task_rows, "IN_MEMORY_ROWS", 0 if mapped else 100)
        patch.setattr(arrow_cache, "ROWS_AT_ONCE", 3)
        diff = diff_rows(directory / "a", directory / "b", num_examples=20)
    rows_a, rows_b = ({row.id: row for row in rows} for rows in (a, b))
    expected = plain_counts(rows_a, rows_b)
    ids = {kind: ids.to_pylist() for kind, ids in zip(KINDS, diff.ids, strict=True)}
    counts = {kind: len(members) for kind, members in ids.items()}
    assert counts | {"same": diff.same} == expected
    for kind, members in ids.items():
        assert members == [row.id for row in diff.examples if row.kind == kind]
    assert diff.fields == plain_fields(rows_a, rows_b)
    assert len(diff.examples) == sum(expected.values()) - expected["same"]
    common = [row.id for row in a if row.id in rows_b]
    assert diff.is_reordered == (common != [row.id for row in b if row.id in rows_a])
    shutil.rmtree(directory)


def write_drawn(path: Path, keys: str) -> Path:
    with DirectoryWriter(path, {"name": "drawn"}) as writer:
        image = writer.add_image(board_image(1))
        writer.add_task("drawn/color", INFO)
        for key in keys:
            writer.add_instance(instance(key, (image,)))
    return path


def test_the_exit_code_is_that_of_git_where_it_is_requested(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(write_drawn(tmp_path / keys, keys)) for keys in ("abc", "bcd", "cba")]
    assert main(["diff", paths[0], paths[1]]) == 0
    assert main(["diff", paths[0], paths[1], "--exit-code"]) == 1
    assert main(["diff", paths[0], paths[0], "--exit-code"]) == 0
    assert main(["diff", paths[0], paths[2], "--exit-code"]) == 1
    assert "1 task of these with the rows in another order" in capsys.readouterr().out
    assert main(["diff", paths[0], paths[1], "--show", "1"]) == 0
    output = capsys.readouterr().out
    assert "    lost drawn/color/a\n" in output
    assert "    added drawn/color/d\n" in output
    assert "2 same, 1 added, 1 lost, 0 changed, 0 moved" in output
    assert main(["diff", paths[0], paths[1], "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["tasks"]["drawn/color"]["reasons"]["lost"] == {"no reason is recorded": 1}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"format": 2}, "has build format 2, not 3"),
        ({"tasks": {"drawn/color": {"written": 3}}}, "manifest.json is damaged"),
        ({"tasks": 1}, "manifest.json is damaged"),
        ({"files": {"images.index": 1}}, "images.index is missing or differs"),
    ],
)
def test_a_build_that_cannot_be_compared_is_refused_in_one_sentence(
    damage: dict[str, Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = (write_drawn(tmp_path / name, "ab") for name in "ab")
    manifest = json.loads((b / "manifest.json").read_bytes())
    (b / "manifest.json").write_text(json.dumps(manifest | damage))
    assert main(["diff", str(a), str(b)]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_damaged_instances_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = (write_drawn(tmp_path / keys, keys) for keys in ("ab", "bc"))
    file = b / "instances/drawn.color.parquet"
    file.write_bytes(b"?" * file.stat().st_size)
    assert main(["diff", str(a), str(b)]) == 1
    assert "instances/drawn.color.parquet is damaged" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["only_one"], ["--demo", "a", "b"]])
def test_wrong_usage_has_exit_code_2(arguments: list[str]) -> None:
    assert main(["diff", *arguments]) == 2
