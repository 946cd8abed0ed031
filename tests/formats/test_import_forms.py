"""Every row of a release is imported or dropped with a reason, whatever form the release has."""

import codecs
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.llava_release import (
    error_of,
    import_command,
    import_directory,
    record,
    talk,
    write_release,
)
from visionflan import catalog
from visionflan.formats.exporting import export
from visionflan.formats.importing import find_release, import_release
from visionflan.prompt import answers_in_form
from visionflan.storage.directory import BuildDirectory

TEXT_ONLY = [{"id": f"{n}", **talk(f"What is {n}?", f"It is {n}.")} for n in range(60)]


def test_lists_one_after_the_other_are_all_imported(tmp_path: Path) -> None:
    text = json.dumps([record("0.jpg")]) + "\n" + json.dumps([record("1.jpg"), record("2.jpg")])
    build, ledger = import_directory(write_release(tmp_path / "r", text))
    assert not ledger
    assert build.instances().column("key") == ["0.jpg", "1.jpg", "2.jpg"]


@pytest.mark.parametrize("missing", [float("nan"), None, "", []])
def test_a_record_whose_image_is_an_empty_cell_has_none(tmp_path: Path, missing: Any) -> None:
    records = [record(), record(missing, **talk("What is two and two?", "Four."))]
    records += [record(missing), record(["1.jpg", missing], **talk("<image><image> ?", "b"))]
    build, ledger = import_directory(write_release(tmp_path / "r", records))
    assert [len(instance.images) for instance in build.instances()] == [1, 0]
    reasons = {entry["reason"]: entry["detail"] for entry in ledger}
    assert set(reasons) == {"image_token_mismatch", "malformed_conversation"}
    assert "the name of an image is" in reasons["malformed_conversation"]


@pytest.mark.parametrize("value", [7, True, {"path": "0.jpg"}, [["0.jpg"]]])
@pytest.mark.parametrize("field", ["image", "task_name", "system"])
def test_a_field_of_another_type_is_never_made_a_text(
    tmp_path: Path, field: str, value: Any
) -> None:
    records = [record("1.jpg"), record(**{field: value})]
    build, ledger = import_directory(write_release(tmp_path / "r", records))
    assert build.instances().column("key") == ["1.jpg"]
    assert [entry["reason"] for entry in ledger] == ["malformed_conversation"]


@pytest.mark.parametrize("name", ["list.json", "lines.jsonl", "list.json.gz", "lines.jsonl.gz"])
def test_a_byte_order_mark_is_no_content(tmp_path: Path, name: str) -> None:
    records = [record("0.jpg"), record("1.jpg")]
    text = json.dumps(records) if "list" in name else "\n".join(map(json.dumps, records))
    directory = write_release(tmp_path / "r", "")
    (directory / "annotations.json").unlink()
    content = codecs.BOM_UTF8 + text.encode()
    (directory / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    build, ledger = import_directory(directory)
    assert not ledger
    assert build.instances().column("key") == ["0.jpg", "1.jpg"]


@pytest.mark.parametrize("encoding", ["utf-16", "gbk"])
def test_another_encoding_is_refused_by_file_and_byte(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], encoding: str
) -> None:
    directory = write_release(tmp_path / "r", "")
    path = directory / "annotations.json"
    text = json.dumps([record(**talk("<image> ?", "这是一只猫"))], ensure_ascii=False)
    path.write_bytes(text.encode(encoding))
    error = error_of(path, capsys)
    assert f"{path} is not UTF-8: byte" in error
    assert "convert it to UTF-8" in error


def test_the_directory_of_images_is_found_by_an_image_far_down(tmp_path: Path) -> None:
    directory = write_release(tmp_path / "r", [*TEXT_ONLY, record("0.jpg")])
    (directory / "images").rename(directory / "coco")
    build, ledger = import_directory(directory)
    assert not ledger
    assert len(build.instances()) == len(TEXT_ONLY) + 1


@pytest.mark.parametrize(
    "prompt", [{"system": "Use capitals."}, {"first": {"from": "system", "value": "Use capitals."}}]
)
def test_a_system_prompt_is_a_turn_of_its_own(tmp_path: Path, prompt: dict[str, Any]) -> None:
    entry = record(**talk("<image>\nWhat?\nOptions: (a) A (b) B", "(b) B"))
    if "system" in prompt:
        entry |= prompt
    else:
        entry["conversations"].insert(0, prompt["first"])
    build, ledger = import_directory(write_release(tmp_path / "r", [entry]))
    (instance,) = build.instances()
    assert [turn.role for turn in instance.turns] == ["system", "user", "assistant"]
    assert instance.system == instance.turns[0].text == "Use capitals."
    assert instance.prompt == "<image>\nWhat?\nOptions: (a) A (b) B"
    assert (instance.options, instance.target) == (("A", "B"), "B")
    assert not ledger
    export(build, tmp_path / "out", "llava")
    import_release(find_release(tmp_path / "out"), tmp_path / "again", name="again")
    assert [one.turns for one in BuildDirectory(tmp_path / "again").instances()] == [instance.turns]


def test_turns_that_no_trainer_learns_are_left_out_with_a_note(tmp_path: Path) -> None:
    records = [
        record(**talk("<image> ?", "a", "And?")),
        {
            "id": "2",
            "conversations": [
                {"from": "gpt", "value": "Hello."},
                *talk("b?", "b")["conversations"],
            ],
        },
        {"id": "3", **talk("How do I show <image> in JSX?", "With <image src>.")},
        {"id": "4", **talk("How do I close it?", "With <image> alone.")},
    ]
    build, ledger = import_directory(write_release(tmp_path / "r", records))
    assert [[turn.text for turn in one.turns] for one in build.instances()] == [
        ["<image> ?", "a"],
        ["b?", "b"],
        ["How do I show <image > in JSX?", "With <image src>."],
        ["How do I close it?", "With <image > alone."],
    ]
    assert [(line["kind"], line["reason"]) for line in ledger] == [
        ("note", "question_last"),
        ("note", "answer_first"),
        ("note", "literal_image_token"),
        ("note", "literal_image_token"),
    ]


@pytest.mark.parametrize("answer", ["B", "B.", "(B)", "B. a dog", "a dog"])
def test_options_on_lines_of_their_own_are_options(tmp_path: Path, answer: str) -> None:
    ask = "Answer with the option's letter from the given choices directly."
    question = f"<image>\nWhich?\nA. cat\nB. a dog\nC. fish\n{ask}"
    records = [record(**talk(question, answer)), record(**talk(question, "none of them"))]
    build, _ = import_directory(write_release(tmp_path / "r", records))
    one, other = build.instances()
    assert (one.options, one.target, one.text) == (("cat", "a dog", "fish"), "a dog", "Which?")
    assert (one.instruction, one.metric) == (ask, "exact_match")
    assert other.options == ()
    assert answers_in_form(one.options, one.target, one.answer)[1] == answer


def test_names_that_look_like_numbered_ones_do_not_clash(tmp_path: Path) -> None:
    records = [
        record("0.jpg"),
        record("0.jpg#2", **talk("<image> Two?", "b")),
        record("0.jpg", **talk("<image> Three?", "c")),
        record("0.jpg#2", **talk("<image> Four?", "d")),
    ]
    directory = write_release(tmp_path / "r", records)
    (directory / "images/0.jpg#2").write_bytes((directory / "images/1.jpg").read_bytes())
    build, ledger = import_directory(directory)
    assert {line["kind"] for line in ledger} <= {"note"}
    assert build.instances().column("key") == ["0.jpg", "0.jpg#2", "0.jpg#3", "0.jpg#2#2"]


def test_absolute_paths_are_read_where_they_point(tmp_path: Path) -> None:
    directory = write_release(tmp_path / "r", [])
    (directory / "images").rename(tmp_path / "elsewhere")
    names = [str(tmp_path / f"elsewhere/{n}.jpg") for n in range(2)]
    (directory / "annotations.json").write_text(json.dumps([record(name) for name in names]))
    assert find_release(directory).images == Path("/")
    build, ledger = import_directory(directory)
    assert not ledger
    assert len(build.instances()) == 2


def test_a_path_with_two_dots_is_read_like_the_absolute_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_release(tmp_path / "r", [record("0.jpg")])
    (tmp_path / "next").mkdir()
    monkeypatch.chdir(tmp_path / "next")
    for images in (None, Path("../r/images")):
        release = find_release(Path("../r/annotations.json"), images)
        out = tmp_path / f"out{images is None}"
        import_release(release, out, name="lab")
        assert len(BuildDirectory(out).instances()) == 1


def test_a_linked_annotation_file_has_the_images_next_to_the_link(tmp_path: Path) -> None:
    directory = write_release(tmp_path / "r", [record("0.jpg")])
    (directory / "annotations.json").rename(tmp_path / "blob")
    (directory / "annotations.json").symlink_to(tmp_path / "blob")
    build, _ = import_directory(directory)
    assert len(build.instances()) == 1


def test_an_import_that_keeps_nothing_fails_with_the_causes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_release(tmp_path / "r", [record("cut.jpg"), record("cut.jpg"), record([])])
    error = error_of(path, capsys)
    assert "none of its 3 records can be imported: 2 image_corrupt (cut.jpg: JPEG" in error
    assert "1 image_token_mismatch (annotations.json: record 3: 1: 1 marker but" in error
    (path / "annotations.json").write_text(json.dumps([record("no\nne.jpg")]))
    assert "pass the directory of the images as --images" in error_of(path, capsys)
    (path / "annotations.json").write_text("[]")
    assert "it has no records" in error_of(path / "annotations.json", capsys)


def test_a_damaged_file_beside_others_is_named(tmp_path: Path) -> None:
    directory = write_release(tmp_path / "r", [record("0.jpg")])
    (directory / "config.json").write_text('{\n "name": 1\n}')
    (directory / "more.json").write_text(json.dumps([record("1.jpg")] * 3)[:200])
    (directory / "zero.json").write_bytes(bytes(100))
    build, ledger = import_directory(directory)
    assert len(build.instances()) == 1
    assert [(line["reason"], line["key"]) for line in ledger] == [
        ("unread_file", "more.json"), ("unread_file", "zero.json"),
    ]  # fmt: skip


def test_images_under_another_key_are_found(tmp_path: Path) -> None:
    entry = record() | {"images": ["1.jpg"]}
    del entry["image"]
    build, _ = import_directory(write_release(tmp_path / "r", [entry]))
    assert build.instances().column("key") == ["1.jpg"]


def test_a_record_with_an_endless_value_costs_itself_alone(tmp_path: Path) -> None:
    deep, digits = "[" * 50_000 + "]" * 50_000, "7" * 5_000
    good = [json.dumps(record(f"{n}.jpg")) for n in range(3)]
    bad = [f'{{"image": {digits}}}', f'{{"image": {deep}}}', deep]
    for name, text in (
        ("list.json", f"[{', '.join([good[0], *bad, good[1]])}]"),
        ("lines.jsonl", "\n".join([good[0], *bad, good[1]])),
    ):
        directory = write_release(tmp_path / name, text, name)
        build, ledger = import_directory(directory)
        assert build.instances().column("key") == ["0.jpg", "1.jpg"]
        assert len(ledger) == 3


@pytest.mark.parametrize("fraction", ["1", "-0.1", "nan"])
def test_a_fraction_that_leaves_nothing_to_train_on_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fraction: str
) -> None:
    path = write_release(tmp_path / "r", [record()])
    assert "at least 0 and below 1" in error_of(path, capsys, f"--hold-out-images={fraction}")


def test_sensitive_tasks_are_imported_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from visionflan import catalog

    official = next(
        task.official_name for task in catalog.load("fairface").tasks.values() if task.sensitive
    )
    path = write_release(tmp_path / "r", [record("0.jpg"), record("1.jpg", task_name=official)])
    build, ledger = import_directory(path)
    assert build.instances().column("key") == ["0.jpg"]
    assert [line["reason"] for line in ledger] == ["sensitive_task"]
    assert list(build.manifest["about"]["excluded_tasks"]) == [ledger[0]["key"].rsplit("/", 1)[0]]
    assert import_command(path, "--include-sensitive") == 0
    assert "2 instances" in capsys.readouterr().out
    (path / "annotations.json").write_text(json.dumps([record("1.jpg", task_name=official)]))
    (tmp_path / "imported").rename(tmp_path / "first")
    assert "add --include-sensitive to import them" in error_of(path, capsys)


def test_what_only_evaluation_may_use_is_not_imported_for_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (official,) = [task.official_name for task in catalog.load("objectnet").tasks.values()]
    path = write_release(tmp_path / "r", [record("0.jpg"), record("1.jpg", task_name=official)])
    build, ledger = import_directory(path)
    assert build.instances().column("key") == ["0.jpg"]
    assert [line["reason"] for line in ledger] == ["evaluation_only"]
    (task,) = build.manifest["about"]["excluded_tasks"]
    assert task.startswith("objectnet/")
    (path / "annotations.json").write_text(json.dumps([record("1.jpg", task_name=official)]))
    assert "the license of objectnet forbids training" in error_of(path, capsys)
