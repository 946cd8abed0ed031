"""What a build promises: a share by hash, nothing lost in silence, the same result every time."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from board import asking, board_picture, write_board

from visionflan import catalog
from visionflan.build.directory import BuildDirectory
from visionflan.build.plan import Settings
from visionflan.build.run import build
from visionflan.cli.main import main
from visionflan.errors import BuildError, UnknownNameError
from visionflan.hashing import rank

Make = Callable[..., BuildDirectory]


@pytest.fixture(autouse=True)
def board(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the dataset of board.py, also under a second name."""
    file = Path(__file__).with_name("board.py")
    monkeypatch.setattr(catalog, "loose_files", {"board": file})
    catalog.load.cache_clear()


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Build a board of given lines."""

    def built(
        rows: list[dict[str, Any] | str], pictures: int = 0, out: str = "out", **settings: Any
    ) -> BuildDirectory:
        write_board(tmp_path / "data/board", rows, pictures)
        wanted = {"tasks": ("board",), "hold_out_images": 0.0, **settings}
        build(tmp_path / "data", tmp_path / out, Settings(**wanted), workers=1)
        return BuildDirectory(tmp_path / out)

    return built


def ledger(directory: BuildDirectory) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(directory.path / "ledger.parquet").to_pylist()
    return rows


def files_of(path: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file() and not str(file.relative_to(path)).startswith(".")
    }


def test_the_rows_of_lowest_rank_are_chosen(make: Make) -> None:
    directory = make([asking(n) for n in range(60)], 60, cap=10, seed=5)
    kept = directory.instances(tasks=["board/ask"]).column("key")
    expected = sorted((f"k{n}" for n in range(60)), key=lambda key: rank(5, "board/ask", key))
    assert kept == expected[:10]
    other = directory.instances(tasks=["board/count"]).column("key")
    assert len(other) == 10
    assert set(other) != set(kept)


def test_more_rows_change_the_choice_only_by_what_they_displace(make: Make) -> None:
    few = make([asking(n) for n in range(40)], 60, cap=10)
    more = make([asking(n) for n in range(60)], 60, out="more", cap=10)
    for task in few.tasks:
        old = set(few.instances(tasks=[task]).column("key"))
        new = set(more.instances(tasks=[task]).column("key"))
        assert old != new
        assert not {key for key in new - old if int(key[1:]) < 40}


def test_every_row_is_accounted_for(make: Make) -> None:
    rows: list[dict[str, Any] | str] = []
    for n in range(60):
        rows.append(asking(n, **({"only": "count"} if n % 5 == 0 else {})))
    rows += ["{broken", asking(7), asking(70), {"key": "odd", "images": []}, asking(8, target=" ")]
    directory = make(rows, 60, cap=20)
    told = directory.manifest["tasks"]
    entries = ledger(directory)
    assert directory.manifest["datasets"]["board"]["rows_read"] == 65
    assert directory.manifest["datasets"]["board"]["broken"] == {"malformed_json": 1}
    for task in ("board/ask", "board/count"):
        counts = told[task]
        assert counts["rows_read"] == 64
        lost = Counter(e["reason"] for e in entries if e["task"] == task and e["kind"] == "lost")
        assert counts["lost"] == dict(lost)
        assert counts["kept"] == 20 == len(directory.instances(tasks=[task]))
        assert counts["rows_read"] == (
            counts["kept"] + counts["not_of_task"] + counts["over_cap"] + sum(lost.values())
        )
    assert told["board/ask"]["not_of_task"] == 12
    assert [e["key"] for e in entries if e["task"] == "board/*"] == ["rows.jsonl:61"]


def test_bad_pictures_are_replaced_by_the_next_rows_by_rank(make: Make, tmp_path: Path) -> None:
    write_board(tmp_path / "data/board", [], 100)
    order = sorted((f"k{n}" for n in range(100)), key=lambda key: rank(0, "board/ask", key))
    for key in order[:37]:
        (tmp_path / f"data/board/images/{key[1:]}.jpg").write_bytes(b"<html>")
    rows: list[dict[str, Any] | str] = [asking(n, only="ask") for n in range(100)]
    directory = make(rows, 0, cap=10)
    assert directory.instances().column("key") == order[37:47]
    counts = directory.manifest["tasks"]["board/ask"]
    assert counts["lost"] == {"image_is_html": 37}
    assert counts["over_cap"] == 53


def test_the_same_question_of_the_same_picture_is_kept_once(make: Make, tmp_path: Path) -> None:
    write_board(tmp_path / "data/board", [], 2)
    shutil.copy(tmp_path / "data/board/images/0.jpg", tmp_path / "data/board/images/copy.jpg")
    options = ["red", "blue", "green"]
    directory = make(
        [
            asking(0, key="a", options=options, target="red"),
            asking(0, key="b", options=options[::-1], target="blue", images=["images/copy.jpg"]),
            asking(0, key="c", options=["red", "blue"], target="red"),
        ],
        tasks=("board/ask",),
    )
    (lost,) = ledger(directory)
    assert lost["reason"] == "duplicate"
    assert lost["detail"].endswith("asks the same, with another answer")
    assert len(directory.instances()) == 2
    assert directory.manifest["totals"]["images"] == 1


def test_a_key_is_used_once_in_a_task(make: Make) -> None:
    rows: list[dict[str, Any] | str] = [asking(0), asking(0, text="Another question?")]
    directory = make(rows, 1, tasks=("board/ask",))
    assert [entry["reason"] for entry in ledger(directory)] == ["repeated_key"]
    assert directory.instances().column("text") == ["What is 0?"]


def test_an_instance_holds_what_the_row_says(make: Make) -> None:
    directory = make([asking(0, options=["a cat", "a dog"], target="a dog")], 1, seed=3)
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
    assert directory.image(instance.images[0]) == board_picture(0)
    assert directory.tasks["board/ask"].instruction == "Say what is asked."


def test_no_held_out_picture_is_in_training(make: Make) -> None:
    rows: list[dict[str, Any] | str] = [
        asking(n, key=f"{n} {turn}", text=f"Turn {turn}?", images=[f"images/{n}.jpg", *more])
        for n in range(60)
        for turn, more in enumerate([[], [], [f"images/{(n * 7 + 1) % 60}.jpg"] if n < 9 else []])
    ]
    directory = make(rows, 60, hold_out_images=0.2)
    seen = {
        split: {
            directory.image_group(image)
            for images in directory.instances(split).column("images")
            for image in images
        }
        for split in ("train", "held_out")
    }
    assert seen["train"]
    assert seen["held_out"]
    assert not seen["train"] & seen["held_out"]
    assert 5 <= len(seen["held_out"]) <= 25


def test_pictures_that_look_the_same_are_on_one_side(make: Make, tmp_path: Path) -> None:
    write_board(tmp_path / "data/board", [], 30)
    for n in range(30):
        (tmp_path / f"data/board/images/{n + 100}.png").write_bytes(board_picture(n, "PNG"))
    rows: list[dict[str, Any] | str] = [asking(n) for n in range(30)]
    rows += [asking(n, images=[f"images/{n}.png"]) for n in range(100, 130)]
    directory = make(rows, 0, hold_out_images=0.3, tasks=("board/ask",))
    side = dict(
        zip(directory.instances().column("key"), directory.instances().column("split"), strict=True)
    )
    assert Counter(side.values()).keys() == {"train", "held_out"}
    assert all(side[f"k{n}"] == side[f"k{n + 100}"] for n in range(30))
    assert directory.manifest["totals"]["groups"] == 30


def test_a_wholly_held_out_task_takes_its_pictures_out_of_training(make: Make) -> None:
    rows: list[dict[str, Any] | str] = [
        asking(n, only="count" if n < 5 else "ask") for n in range(40)
    ]
    rows += [asking(n, key=f"again{n}", only="ask") for n in range(5)]
    directory = make(rows, 40, hold_out_tasks=("board/count",), hold_out_cap=3)
    counts = directory.manifest["tasks"]
    assert (counts["board/count"]["train"], counts["board/count"]["held_out"]) == (0, 3)
    assert counts["board/count"]["over_cap"] == 2
    assert counts["board/ask"]["held_out"] == 3
    held = directory.instances("held_out", ["board/ask"]).column("key")
    assert {key.removeprefix("again") for key in held} == {
        key[1:] for key in directory.instances(tasks=["board/count"]).column("key")
    }


def test_every_task_has_something_held_out(make: Make) -> None:
    directory = make([asking(n) for n in range(4)], 4, hold_out_images=0.01)
    for counts in directory.manifest["tasks"].values():
        assert counts["held_out"] >= 1
        assert counts["train"] >= 1


@pytest.mark.parametrize(("workers", "start_method"), [(1, "fork"), (3, "fork"), (2, "spawn")])
def test_the_number_of_workers_changes_nothing(
    tmp_path: Path, workers: int, start_method: str
) -> None:
    rows: list[dict[str, Any] | str] = [asking(n) for n in range(70)]
    rows += [asking(n, key=f"drawn {n}", images=["rows.jsonl#red"]) for n in range(3)]
    write_board(tmp_path / "a/board", rows, 50)
    shutil.copytree(tmp_path / "a/board", tmp_path / "other place/board")
    settings = Settings(tasks=("board",), cap=30)
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


def test_a_second_run_finds_the_build_whole(make: Make) -> None:
    first = make([asking(n) for n in range(5)], 5)
    before = files_of(first.path)
    build(first.path.parent / "data", first.path, Settings(tasks=("board",), hold_out_images=0.0))
    assert files_of(first.path) == before


def test_another_build_is_not_written_over(make: Make, tmp_path: Path) -> None:
    make([asking(0)], 1)
    with pytest.raises(BuildError, match="other settings"):
        make([asking(0)], 1, seed=1)
    with pytest.raises(BuildError, match="changed since"):
        make([asking(0), asking(1)], 2)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    with pytest.raises(BuildError, match="something else"):
        make([asking(0)], 1, out="mine")
    assert (tmp_path / "mine/notes.txt").read_text() == "mine"


def test_a_release_that_cannot_be_read_stops_no_other(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    twin = tmp_path / "twin.py"
    shutil.copy(Path(__file__).with_name("board.py"), twin)
    monkeypatch.setitem(catalog.loose_files, "twin", twin)
    write_board(tmp_path / "data/board", [asking(0), {"stop": True}], 2)
    write_board(tmp_path / "data/twin", [asking(0), asking(1)], 2)
    command = ["build", "--data-root", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    command += ["--tasks", "board,twin", "--workers", "1"]
    assert main(command) == 1
    told = BuildDirectory(tmp_path / "out").manifest["datasets"]
    assert told["board"]["status"] == "failed"
    assert told["board"]["why"] == "board/rows.jsonl says stop"
    assert told["twin"]["status"] == "built"
    assert "FAILED: board: board/rows.jsonl says stop" in capsys.readouterr().out
    write_board(tmp_path / "data/board", [asking(0), {"stumble": "here"}])
    assert main(command) == 1
    told = BuildDirectory(tmp_path / "out").manifest["datasets"]
    assert "stopped after the row k0 with KeyError: 'here'" in told["board"]["why"]
    write_board(tmp_path / "data/board", [asking(0), asking(1)])
    assert main(command) == 0
    clean = [*command[:4], str(tmp_path / "clean"), *command[5:]]
    assert main(clean) == 0
    assert files_of(tmp_path / "out") == files_of(tmp_path / "clean")


def test_a_reader_that_reads_otherwise_the_second_time_is_found_out(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, times = catalog.load("board"), []
    read = dataset.read

    def unsteady(root: Path) -> list[Any]:
        times.append(root)
        return list(read(root))[len(times) :]

    monkeypatch.setattr(dataset, "read", unsteady)
    write_board(tmp_path / "data/board", [], 40)
    for number in range(30):
        (tmp_path / f"data/board/images/{number}.jpg").write_bytes(b"")
    told = make([asking(n) for n in range(40)], cap=5).manifest["datasets"]["board"]
    assert told["status"] == "failed"
    assert "gave other rows when it was read again" in told["why"]


def test_sensitive_tasks_are_built_only_when_asked_for(make: Make) -> None:
    assert set(make([asking(0)], 1).tasks) == {"board/ask", "board/count"}
    asked = make([asking(0)], 1, out="asked", include_sensitive=True)
    assert "board/age" in asked.tasks
    with pytest.raises(BuildError, match="--include-sensitive"):
        make([asking(0)], 1, out="named", tasks=("board/age",))


def test_a_dataset_is_left_out_for_its_licence(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog.load("board"), "licence", "research-only")
    assert make([asking(0)], 1, licence="research").tasks
    with pytest.raises(BuildError, match="none of the wanted datasets"):
        make([asking(0)], 1, out="sold", licence="commercial")


def test_a_missing_release_is_named_with_how_to_obtain_it(make: Make) -> None:
    told = make([asking(0)], 1, tasks=("board", "caltech101")).manifest["datasets"]["caltech101"]
    assert told["status"] == "missing"
    assert told["obtain"] == catalog.load("caltech101").obtain


def test_an_unknown_task_is_answered_with_near_ones(make: Make) -> None:
    with pytest.raises(UnknownNameError, match="board/ask"):
        make([asking(0)], 1, tasks=("board/aks",))
    with pytest.raises(UnknownNameError, match="board/count"):
        make([asking(0)], 1, hold_out_tasks=("board/counts",))


def test_the_manifest_says_how_the_build_was_made(make: Make) -> None:
    manifest = make([asking(0)], 1, seed=4, cap=7).manifest
    assert manifest["about"]["settings"]["seed"] == 4
    assert manifest["about"]["settings"]["cap"] == 7
    assert {"visionflan", "pyarrow", "pillow", "simplejpeg", "python"} <= set(manifest["versions"])
    text = json.dumps(manifest)
    assert "/tmp" not in text
    assert manifest["datasets"]["board"]["licence"] == "MIT"


def test_the_card_names_licences_citations_and_counts(make: Make) -> None:
    directory = make([asking(n) for n in range(3)], 3)
    card = (directory.path / "README.md").read_text()
    assert card.startswith("---\nlicense: other\n")
    assert "| `board/ask` | Perception | 3 | 0 | 3 | 0 | 0 |" in card
    assert "licence: MIT" in card
    assert "Nobody (2024), Pictures on a board" in card
    assert directory.digest in card
    assert (directory.path / "contact_sheet.jpg").stat().st_size > 1000


def test_the_demo_builds_from_specimens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["build", "--demo", "--tasks", "pacs,funsd/*", "--workers", "1", "--cap", "5"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    directory = BuildDirectory(tmp_path / "out", verify=True)
    assert f"digest {directory.digest}" in told
    assert "built: funsd, pacs" in told
    assert {info.dataset for info in directory.tasks.values()} == {"funsd", "pacs"}
    for task, info in directory.manifest["tasks"].items():
        assert info["kept"] <= 5
        assert f"\n{task}  " in told
    assert main([*command, "--out", str(tmp_path / "again")]) == 0
    assert BuildDirectory(tmp_path / "again").digest == directory.digest


@pytest.mark.parametrize(
    "wrong", [["--cap", "0"], ["--hold-out-images", "1"], ["--data-root", "nowhere"]]
)
def test_what_cannot_be_built_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: list[str]
) -> None:
    root = [] if "--data-root" in wrong else ["--data-root", str(tmp_path)]
    assert main(["build", "--out", str(tmp_path / "out"), *root, *wrong]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()
