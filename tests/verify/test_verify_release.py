"""A release of conversations is counted, and recognized as a published form of Vision-Flan."""

import json
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest

from tests.helpers.llava_release import record, talk, write_release
from visionflan.cli.main import main
from visionflan.model.fingerprint import weights_digest
from visionflan.verify.checkpoint import verify_checkpoints
from visionflan.verify.known_sets import KNOWN_SETS, VISION_FLAN, describe_set
from visionflan.verify.release import VerifiedRelease, escaped_name, task_name, verify_release


def check(directory: Path, records: Any) -> VerifiedRelease:
    (report,) = verify_release(write_release(directory, records))
    return report


def test_rows_tasks_and_images_are_counted(tmp_path: Path) -> None:
    records = [
        record("0.jpg", id="vision-flan_A+b+0", task_name="A+b"),
        record("1.jpg", id="vision-flan_A+c+1"),
        record("1.jpg", id="multiinstruct_GQA_1", task_name="GQA"),
        record("2.jpg", id="multiinstruct_GQA_1"),
    ]
    report = check(tmp_path / "release", records)
    assert report.rows == 4
    assert report.tasks == {"A+b": 1, "A+c": 1, "GQA": 1, "": 1}
    assert (report.num_tasks, report.repeated_ids, len(report.image_rows)) == (3, 1, 3)
    assert report.images == tmp_path / "release/images"
    assert list(report.damages.lines()) == []
    assert report.known_set.startswith("fewer rows than the public 191-task set")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (record("none.jpg"), "images: 'none.jpg' of row 2 is not in"),
        (record("0.jpg", **talk("no marker", "yes")), "row 2 (1): it has 0 <image> and 1 image"),
        (record("0.jpg", **talk("<image>", "")), "the text of a turn is empty or no text"),
        (record("0.jpg", **talk("<image>")), "its turns are not pairs of human and gpt"),
        (record("0.jpg", conversations="x"), "`conversations` is not a list of turns"),
        (record(7), "row 2 (1): "),
        ("text", "row 2: it is no object"),
        (record("https://example.org/0.jpg"), "https://example.org/0.jpg"),
    ],
)
def test_a_row_that_is_not_of_the_form_is_named(row: Any, message: str, tmp_path: Path) -> None:
    (line,) = check(tmp_path / "release", [record("1.jpg"), row]).damages.lines()
    assert message in line


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    text = f"{json.dumps(record('0.jpg'))}\n{{\n"
    directory = write_release(tmp_path / "release", text, "train.jsonl")
    (report,) = verify_release(directory)
    (line,) = report.damages.lines()
    assert line.startswith("train.jsonl: row 2: ")
    assert report.rows == 2


def test_images_that_unzip_wrote_with_escaped_names_are_recognized(tmp_path: Path) -> None:
    assert escaped_name("a金.jpg") == "a#U91d1.jpg"
    directory = write_release(tmp_path / "release", [record("a金.jpg"), record("0.jpg")])
    (directory / "images/a#U91d1.jpg").write_bytes(b"")
    (report,) = verify_release(directory, directory / "images")
    (line,) = report.damages.lines()
    assert "unpack it again with LC_ALL=C.UTF-8" in line


def test_images_under_names_in_another_form_of_unicode_are_recognized(tmp_path: Path) -> None:
    name = normalize("NFC", "crème.jpg")
    directory = write_release(tmp_path / "release", [record("0.jpg"), record(name)])
    (directory / "images" / normalize("NFD", name)).write_bytes(b"")
    (line,) = verify_release(directory)[0].damages.lines()
    assert "is in the form NFD of Unicode: rename it" in line


def test_without_images_the_rows_are_counted_all_the_same(tmp_path: Path) -> None:
    report = check(tmp_path / "release", [record("none.jpg")])
    (line,) = report.damages.lines()
    assert report.rows == 1
    assert "pass the directory of the images as --images" in line


def test_the_published_sets_are_recognized_by_rows_and_tasks() -> None:
    for known in KNOWN_SETS:
        tasks = known.tasks[0] if known.tasks else 0
        assert describe_set(known.family, known.rows, tasks) == f"{known.name}: {known.note}"
    filtered = describe_set(VISION_FLAN, 186_070, 0)
    assert "186,070 of the 186,103 rows of the public 191-task set" in filtered
    other = describe_set(VISION_FLAN, 186_103, 180)
    assert other.endswith("180 tasks, where it has 191")
    part = describe_set(VISION_FLAN, 500_000, 190)
    assert part == "fewer rows than the full Vision-Flan (vision_flan.json): 500,000 of 1,664,261"
    assert "more rows than the full Vision-Flan" in describe_set(VISION_FLAN, 2_000_000, 190)
    assert describe_set("", 186_103, 191).startswith("no published form")


@pytest.mark.parametrize(
    ("prefix", "name"),
    [("allava_vflan_cap_", "ALLaVA-Caption"), ("allava_vflan_inst_", "ALLaVA-Instruct")],
)
def test_allava_is_not_taken_for_vision_flan(prefix: str, name: str, tmp_path: Path) -> None:
    rows = [record("0.jpg", id=f"{prefix}{number}") for number in range(3)]
    assert f"fewer rows than {name}" in check(tmp_path / "release", rows).known_set


def test_the_task_of_a_row_is_its_task_name_or_that_of_its_id() -> None:
    row_id = "vision-flan_A+b+c+d"
    assert task_name({"task_name": "X"}, row_id) == "X"
    assert task_name({}, row_id) == "A+b"
    assert task_name({}, "vision-flan_A+b") == ""
    assert task_name({"task_name": 3}, "1") == ""


@pytest.mark.shared
def test_the_published_sample_has_no_damage(shared: Path) -> None:
    (report,) = verify_release(shared / "release")
    assert (report.rows, report.num_tasks, len(report.damages)) == (144, 144, 0)
    assert "144 of 186,103" in report.known_set


def write_checkpoint(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / "model.safetensors").write_bytes(b"weights")
    digest = weights_digest(path)
    (path / "run.json").write_text(json.dumps({"weights_sha256": digest}))
    return path


def test_the_weights_of_checkpoints_are_compared_with_their_digest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, chat = (write_checkpoint(tmp_path / f"run/{name}/checkpoint") for name in ("a", "b"))
    verified = verify_checkpoints(tmp_path / "run")
    assert verified.checkpoints == [base, chat]
    assert len(verified.damages) == 0
    (chat / "model.safetensors").write_bytes(b"weighty")
    assert main(["verify", str(tmp_path / "run")]) == 1
    assert "b/checkpoint/run.json: the *.safetensors files" in capsys.readouterr().out
    assert main(["verify", str(base)]) == 0
    (base / "model.safetensors").unlink()
    (chat / "run.json").write_text("{")
    messages = list(verify_checkpoints(tmp_path / "run").damages.lines())
    assert messages == [
        "a/checkpoint/run.json: the checkpoint has no *.safetensors file",
        "b/checkpoint/run.json: it is damaged, or records no weights_sha256",
    ]


def test_a_path_of_nothing_known_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(tmp_path)]) == 1
    assert "must contain exactly one file of JSON records" in capsys.readouterr().err
