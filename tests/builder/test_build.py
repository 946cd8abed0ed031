"""A build samples by hash, accounts for every row, and is reproducible."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.helpers.board import MakeBoard, board_image, files_of, row_of, upside_down, write_board
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.cli.main import main
from visionflan.hashing import stable_hash
from visionflan.storage.directory import BuildDirectory

pytestmark = pytest.mark.usefixtures("board")


def ledger(directory: BuildDirectory) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(directory.path / "ledger.parquet").to_pylist()
    return rows


def test_the_rows_of_lowest_hash_are_sampled(make: MakeBoard) -> None:
    directory = make([row_of(n) for n in range(60)], 60, max_per_task=10, seed=5)
    keys = directory.instances(tasks=["board/ask"]).column("key")
    expected = sorted(
        (f"k{n}" for n in range(60)), key=lambda key: stable_hash(5, "board/ask", key)
    )
    assert keys == expected[:10]
    other = directory.instances(tasks=["board/count"]).column("key")
    assert len(other) == 10
    assert set(other) != set(keys)


def test_more_rows_change_the_choice_only_by_what_they_displace(make: MakeBoard) -> None:
    few = make([row_of(n) for n in range(40)], 60, max_per_task=10)
    more = make([row_of(n) for n in range(60)], 60, out="more", max_per_task=10)
    for task in few.tasks:
        old = set(few.instances(tasks=[task]).column("key"))
        new = set(more.instances(tasks=[task]).column("key"))
        assert old != new
        assert not {key for key in new - old if int(key[1:]) < 40}


def test_every_row_is_accounted_for(make: MakeBoard) -> None:
    rows: list[dict[str, Any] | str] = []
    for n in range(60):
        rows.append(row_of(n, **({"only": "count"} if n % 5 == 0 else {})))
    rows += [
        "{broken",
        row_of(7),
        row_of(70),
        {"key": "odd", "images": []},
        row_of(8, target=" "),
    ]
    directory = make(rows, 60, max_per_task=20)
    tasks = directory.manifest["tasks"]
    entries = ledger(directory)
    assert directory.manifest["datasets"]["board"]["rows_read"] == 65
    assert directory.manifest["datasets"]["board"]["broken"] == {"malformed_json": 1}
    for task in ("board/ask", "board/count"):
        counts = tasks[task]
        assert counts["rows_read"] == 64
        dropped = [e for e in entries if e["task"] == task and e["kind"] == "dropped"]
        assert counts["dropped"] == dict(Counter(entry["reason"] for entry in dropped))
        assert counts["written"] == 20 == len(directory.instances(tasks=[task]))
        assert counts["rows_read"] == (
            counts["written"] + counts["not_applicable"] + counts["over_cap"] + len(dropped)
        )
    assert tasks["board/ask"]["not_applicable"] == 12
    assert [e["key"] for e in entries if e["task"] == "board/*"] == ["rows.jsonl:61"]


def test_bad_images_are_replaced_by_the_next_rows_by_hash(make: MakeBoard, tmp_path: Path) -> None:
    write_board(tmp_path / "data/board", [], 100)
    order = sorted((f"k{n}" for n in range(100)), key=lambda key: stable_hash(0, "board/ask", key))
    for key in order[:37]:
        (tmp_path / f"data/board/images/{key[1:]}.jpg").write_bytes(b"<html>")
    rows: list[dict[str, Any] | str] = [row_of(n, only="ask") for n in range(100)]
    directory = make(rows, 0, max_per_task=10)
    assert directory.instances().column("key") == order[37:47]
    counts = directory.manifest["tasks"]["board/ask"]
    assert counts["dropped"] == {"image_is_html": 37}
    assert counts["over_cap"] == 53


def test_the_same_question_about_the_same_image_is_kept_once(
    make: MakeBoard, tmp_path: Path
) -> None:
    write_board(tmp_path / "data/board", [], 2)
    shutil.copy(tmp_path / "data/board/images/0.jpg", tmp_path / "data/board/images/copy.jpg")
    options = ["red", "blue", "green"]
    directory = make(
        [
            row_of(0, key="a", options=options, target="red"),
            row_of(0, key="b", options=options[::-1], target="blue", images=["images/copy.jpg"]),
            row_of(0, key="c", options=["red", "blue"], target="red"),
        ],
        tasks=("board/ask",),
    )
    (entry,) = ledger(directory)
    assert entry["reason"] == "duplicate"
    assert entry["detail"].endswith("asks the same question, with another answer")
    assert len(directory.instances()) == 2
    assert directory.manifest["totals"]["images"] == 1


def test_a_key_is_used_once_in_a_task(make: MakeBoard) -> None:
    rows: list[dict[str, Any] | str] = [row_of(0), row_of(0, text="Another question?")]
    directory = make(rows, 1, tasks=("board/ask",))
    assert [entry["reason"] for entry in ledger(directory)] == ["repeated_key"]
    assert directory.instances().column("text") == ["What is 0?"]


def test_an_instance_contains_what_the_row_says(make: MakeBoard) -> None:
    directory = make([row_of(0, options=["a cat", "a dog"], target="a dog")], 1, seed=3)
    instance = directory.instances(tasks=["board/ask"])[0]
    assert instance.id == "board/ask/k0"
    assert instance.instruction == "Say what is asked."
    assert instance.text == "What is 0?"
    assert set(instance.options) == {"a cat", "a dog"}
    assert instance.target == "a dog"
    assert instance.references == ("a dog",)
    letter = "ab"[instance.options.index("a dog")]
    assert instance.answer == f"({letter}) a dog"
    assert "<image>" in instance.prompt
    assert directory.image(instance.images[0]) == board_image(0)
    assert directory.tasks["board/ask"].instruction == "Say what is asked."


@pytest.mark.parametrize(("workers", "start_method"), [(1, "fork"), (3, "fork"), (2, "spawn")])
def test_the_number_of_workers_changes_nothing(
    tmp_path: Path, workers: int, start_method: str
) -> None:
    rows: list[dict[str, Any] | str] = [row_of(n) for n in range(70)]
    rows += [row_of(n, key=f"drawn {n}", images=["rows.jsonl#red"]) for n in range(3)]
    write_board(tmp_path / "a/board", rows, 50)
    for number in range(20):  # stored otherwise than released, with a note
        (tmp_path / f"a/board/images/{number}.jpg").write_bytes(upside_down(number))
    shutil.copytree(tmp_path / "a/board", tmp_path / "other place/board")
    settings = BuildSettings(tasks=("board",), max_per_task=30)
    one = build(tmp_path / "a", tmp_path / "one", settings, workers=2)
    two = build(
        tmp_path / "other place",
        tmp_path / "two",
        settings,
        workers=workers,
        start_method=start_method,
    )
    assert one["digest"] == two["digest"]
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_a_second_run_finds_the_build_complete(make: MakeBoard) -> None:
    first = make([row_of(n) for n in range(5)], 5)
    before = files_of(first.path)
    build(
        first.path.parent / "data", first.path, BuildSettings(tasks=("board",), hold_out_images=0.0)
    )
    assert files_of(first.path) == before


def test_the_manifest_records_settings_and_versions(make: MakeBoard) -> None:
    manifest = make([row_of(0)], 1, seed=4, max_per_task=7).manifest
    assert manifest["about"]["settings"]["seed"] == 4
    assert manifest["about"]["settings"]["max_per_task"] == 7
    assert {"visionflan", "pyarrow", "pillow", "simplejpeg", "python"} <= set(manifest["versions"])
    text = json.dumps(manifest)
    assert "/tmp" not in text
    assert manifest["datasets"]["board"]["license"] == "MIT"


def test_the_card_names_licenses_citations_and_counts(make: MakeBoard) -> None:
    directory = make([row_of(n) for n in range(3)], 3)
    card = (directory.path / "README.md").read_text()
    assert card.startswith("---\nlicense: other\n")
    assert "| `board/ask` | Perception | 3 | 0 | 3 | 0 | 0 |" in card
    assert "license: MIT" in card
    assert "Nobody (2024), Pictures on a board" in card
    assert directory.digest in card
    assert (directory.path / "contact_sheet.jpg").stat().st_size > 1000


def test_the_demo_builds_from_specimens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["build", "--demo", "--tasks", "pacs,funsd/*", "--workers", "1"]
    command += ["--max-per-task", "5"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    output = capsys.readouterr().out
    directory = BuildDirectory(tmp_path / "out", verify=True)
    assert f"digest {directory.digest}" in output
    assert "built: funsd, pacs" in output
    assert {info.dataset for info in directory.tasks.values()} == {"funsd", "pacs"}
    for task, info in directory.manifest["tasks"].items():
        assert info["written"] <= 5
        assert f"\n{task}  " in output
    assert main([*command, "--out", str(tmp_path / "again")]) == 0
    assert BuildDirectory(tmp_path / "again").digest == directory.digest


def test_all_phrasings_are_used_on_request(make: MakeBoard) -> None:
    rows: list[dict[str, Any] | str] = [row_of(n) for n in range(40)]
    directory = make(rows, 40, phrasings="all", tasks=("board/ask",))
    phrasings = ["Say what is asked.", "What is asked? Say it.", "Asked: what?"]
    assert directory.tasks["board/ask"].phrasings == phrasings
    instructions = Counter(instance.instruction for instance in directory.instances())
    assert set(instructions) == set(phrasings)
    assert all(instance.instruction in instance.prompt for instance in directory.instances())


def test_the_official_style_does_not_ask_for_letter_and_text(make: MakeBoard) -> None:
    rows: list[dict[str, Any] | str] = [row_of(0, options=["a", "b"], target="a")]
    (instance,) = make(rows, 1, prompt_style="official", tasks=("board/ask",)).instances()
    assert instance.prompt.rstrip("\n<image>").endswith(f"(b) {instance.options[1]}")
