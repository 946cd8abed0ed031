"""Forms of one question and one answer: of the authors, of MultiInstruct and of M3IT."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.board import board_image
from tests.helpers.llava_release import error_of, import_directory, write_release
from tests.helpers.small_exports import write_exports
from visionflan import formats
from visionflan.builder.demo import specimens
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build as run_build
from visionflan.errors import BuildError
from visionflan.formats.exporting import export
from visionflan.formats.importing import find_release, import_release
from visionflan.formats.m3it import M3itRelease
from visionflan.image_sources import read_encoded
from visionflan.storage.directory import BuildDirectory

IMAGES = [board_image(number) for number in range(4)]


def authors(**more: Any) -> dict[str, Any]:
    """Return a record as the authors have it."""
    return {
        "instance_id": "Lab+look+3",
        "img_path": "0.jpg",
        "options": "",
        "input_text": "Is it red?",
        "raw_output": "yes",
        "instruction": "Answer the question.",
        "output": "Yes, it is.",
        "dataset_name": "Lab",
        "task_name": "look",
        **more,
    }


def test_the_parts_of_the_authors_are_kept(tmp_path: Path) -> None:
    options = ["a bus", "a car"]
    records = [
        authors(),
        authors(img_path="1.jpg", options=options, raw_output="a car", output="(b) a car"),
        authors(img_path=["2.jpg", "3.jpg"], task_name="Lab+look", output="", options=None),
        authors(img_path="1.jpg", dataset_name="", task_name="", human_preferred_output="Yes."),
        authors(img_path="2.jpg", instruction="", input_text="", options=options, output="a bus"),
    ]
    build, ledger = import_directory(write_release(tmp_path / "r", records))
    one, closed, two, preferred, bare = build.instances()
    assert set(build.tasks) == {"lab/look"}
    assert one.turns[0].text == "<image>\nAnswer the question.\n\nIs it red?"
    assert (one.instruction, one.text) == ("Answer the question.", "Is it red?")
    assert (one.target, one.options) == ("Yes, it is.", ())
    assert closed.prompt.endswith("Is it red?\nOptions: (a) a bus (b) a car")
    assert (closed.options, closed.target, closed.answer) == (tuple(options), "a car", "(b) a car")
    assert two.prompt.startswith("<image>\n<image>\nAnswer")
    assert two.answer == "yes"
    assert preferred.answer == "Yes, it is."
    assert bare.prompt == "<image>\nOptions: (a) a bus (b) a car"
    assert [line["detail"] for line in ledger] == ["human_preferred_output"]


def test_options_of_the_authors_may_be_a_text(tmp_path: Path) -> None:
    lettered = {"options": "(a) a bus (b) a car", "output": "a car"}
    records = [
        authors(**lettered, raw_output="a car"),
        authors(img_path="1.jpg", **lettered, input_text="Which? (a) a bus (b) a car"),
        authors(img_path="2.jpg", options="bus, car", output="car", raw_output="car"),
    ]
    build, ledger = import_directory(write_release(tmp_path / "r", records))
    appended, listed, plain = build.instances()
    assert not ledger
    assert appended.prompt.endswith("Is it red?\nOptions: (a) a bus (b) a car")
    assert listed.prompt.endswith("Which? (a) a bus (b) a car")
    assert [one.options for one in (appended, listed)] == [("a bus", "a car")] * 2
    assert (plain.options, plain.prompt.rpartition("\n")[2]) == ((), "Options: bus, car")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"options": 7}, "malformed_conversation"),
        ({"options": [7]}, "malformed_conversation"),
        ({"options": [f"o{n}" for n in range(27)]}, "too_many_options"),
        ({"output": "", "raw_output": None}, "empty_target"),
        ({"img_path": "https://example.org/a.jpg"}, "remote_image"),
        ({"input_text": "<image> <image>"}, "image_token_mismatch"),
    ],
)
def test_a_bad_record_of_the_authors_has_its_reason(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    records = [authors(), authors(**{"img_path": "1.jpg", "output": "No.", **change})]
    build, ledger = import_directory(write_release(tmp_path / "r", records))
    assert len(build.instances()) == 1
    assert [line["reason"] for line in ledger] == [reason]


def test_a_build_of_datasets_comes_back_with_its_parts(tmp_path: Path) -> None:
    tasks = ("iconqa/*", "caltech101/*")
    with specimens(list(tasks)) as data_root:
        run_build(data_root, tmp_path / "build", BuildSettings(tasks=tasks), workers=1)
    built = BuildDirectory(tmp_path / "build")
    export(built, tmp_path / "out", "vision_flan_instances")
    import_release(find_release(tmp_path / "out"), tmp_path / "again", name="again")
    again = {one.id: one for one in BuildDirectory(tmp_path / "again").instances()}
    assert len(again) == len(built.instances())
    closed = 0
    for one in built.instances():
        other = again[one.id]
        assert (other.task, other.images, other.answer) == (one.task, one.images, one.answer)
        assert (other.options, other.target) == (one.options, one.target)
        assert (
            other.prompt.replace("<image>", "").strip() == one.prompt.replace("<image>", "").strip()
        )
        closed += bool(one.options)
    assert closed


def test_conversations_of_several_turns_are_refused(tmp_path: Path) -> None:
    build = write_exports(tmp_path / "exports").build
    with pytest.raises(BuildError, match=r"talk has 4 turns.*choose another --format"):
        export(build, tmp_path / "out", "vision_flan_instances")
    assert not (tmp_path / "out").exists()


def multi_instruct(**more: Any) -> dict[str, Any]:
    """Return a record of MultiInstruct."""
    return {
        "unique_id": "VQA_1",
        "image_source": "coco2014",
        "task_name": "VQA_object",
        "image_path": "./images/0.jpg",
        "options": ["no", "yes"],
        "target_txt": "no",
        "prompt": "Is it a couch?\n\n[Options]: no||||yes",
        "target": "no",
        **more,
    }


def test_multi_instruct_is_read_with_its_options(tmp_path: Path) -> None:
    open_question = {"prompt": "What is it?", "target": "A board.", "region": ["1 2 3 4"]}
    odd = {"prompt": "Which?\n\n[Options]: a||||b\n      ", "target": "c"}
    records = [
        multi_instruct(),
        multi_instruct(image_path="images/1.jpg", **open_question),
        multi_instruct(image_path="./images/2.jpg", **odd),
        multi_instruct(image_path="./images/3.jpg", target=None),
    ]
    lines = "\n".join(map(json.dumps, records))
    build, ledger = import_directory(write_release(tmp_path / "r", lines, "train.jsonl"))
    closed, opened, other = build.instances()
    assert closed.prompt == "<image>\nIs it a couch?\n\n[Options]: no||||yes"
    assert (closed.options, closed.target, closed.answer) == (("no", "yes"), "no", "no")
    assert (opened.options, opened.target) == ((), "A board.")
    assert (other.options, other.target) == ((), "c")
    assert set(build.tasks) == {"lab/vqa_object"}
    assert [line["reason"] for line in ledger] == ["empty_target"]


def m3it(*images: bytes, **more: Any) -> dict[str, Any]:
    """Return a record of M3IT."""
    return {
        "instruction": "Answer the question.",
        "inputs": "What is it?",
        "outputs": "A board.",
        IMAGES_FIELD: [base64.b64encode(image).decode() for image in images],
        **more,
    }


IMAGES_FIELD = "image_base64_str"


def write_lines(directory: Path, *records: Any) -> Path:
    directory.mkdir(parents=True)
    lines = [one if isinstance(one, str) else json.dumps(one) for one in records]
    (directory / "train.jsonl").write_text("\n".join(lines))
    return directory


def test_images_of_m3it_are_decoded_and_checked(tmp_path: Path) -> None:
    text = base64.b64encode(IMAGES[2]).decode()
    slashes = json.dumps(m3it(IMAGES[3])).replace("/", "\\/")
    directory = write_lines(
        tmp_path / "viquae",
        m3it(IMAGES[0]), "", m3it(IMAGES[0], IMAGES[1]),
        m3it(**{IMAGES_FIELD: f"data:image/jpeg;base64,{text}"}), slashes,
        m3it(inputs="", outputs="Text."), "{cut", "7",
        m3it(IMAGES[1][:-200]), m3it(**{IMAGES_FIELD: ["@@@"]}), m3it(**{IMAGES_FIELD: [7]}),
        m3it(**{IMAGES_FIELD: ["é"]}), m3it(**{IMAGES_FIELD: ["aGFsZg=="]}), m3it(IMAGES[0]),
    )  # fmt: skip
    build, ledger = import_directory(directory)
    assert [len(one.images) for one in build.instances()] == [1, 2, 1, 1, 0]
    assert [build.image(one.images[-1]) for one in list(build.instances())[:4]] == IMAGES
    one = next(iter(build.instances()))
    assert one.prompt == "<image>\nAnswer the question.\n\nWhat is it?"
    assert (one.instruction, one.text, one.task) == (
        "Answer the question.", "What is it?", "lab/viquae",
    )  # fmt: skip
    assert sorted(line["reason"] for line in ledger if line["kind"] == "dropped") == sorted(
        ["malformed_json", "malformed_conversation", "malformed_conversation", "duplicate"]
        + ["image_corrupt"] * 3 + ["image_unrecognized"]
    )  # fmt: skip


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=4), st.booleans())
def test_each_image_of_a_line_is_found(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes], wrapped: bool
) -> None:
    encode = base64.encodebytes if wrapped else base64.b64encode
    texts = [encode(content).decode() for content in contents]
    lines = [json.dumps(m3it(**{IMAGES_FIELD: texts[: n + 1]})) for n in range(len(contents))]
    path = tmp_path_factory.getbasetemp() / "lines.jsonl"
    path.write_text("\n".join(lines))
    records: list[Any] = list(M3itRelease(path).conversations())
    for number, record in enumerate(records):
        read = [read_encoded(image.source) for image in record.images]
        assert read == contents[: number + 1]


def test_a_list_of_m3it_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([m3it(IMAGES[0])]))
    assert "must be JSON lines" in error_of(path, capsys)


@pytest.mark.parametrize("name", ["multi_instruct", "m3it"])
def test_a_form_that_is_read_only_is_not_written(tmp_path: Path, name: str) -> None:
    assert formats.load(name).write is None
    with pytest.raises(BuildError, match="can only be imported"):
        export(write_exports(tmp_path / "exports").build, tmp_path / "out", name)
