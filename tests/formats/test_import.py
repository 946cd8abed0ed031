"""Published releases are imported unchanged, and bad records are listed with their reasons."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.board import board_image
from tests.helpers.llava_release import import_directory, record, talk, write_release
from visionflan import catalog
from visionflan.builder.ledger_reasons import DROPPED
from visionflan.builder.split import HoldOutConfig
from visionflan.cli.main import main
from visionflan.dataset import BrokenRow
from visionflan.formats.importing import import_release
from visionflan.formats.llava import JSON
from visionflan.formats.shared.json_release import JsonRelease
from visionflan.image_files import decode_image
from visionflan.layouts import json_stream
from visionflan.storage.directory import BuildDirectory


def test_conversations_of_many_turns_and_images_are_kept(tmp_path: Path) -> None:
    many = ["<image>\nWhat?", "This.", "And <image> there?", "That.", "Why?", "So."]
    records = [
        record(),
        record(["1.jpg", "2.jpg"], **talk(*many)),
        record("3.jpg", **talk("What stands in <image> here?", "A board.")),
        {"id": "4", **talk("What is one and one?", "Two.")},
    ]
    build, ledger = import_directory(write_release(tmp_path / "r", records))
    assert not ledger
    instances = list(build.instances())
    assert [len(instance.images) for instance in instances] == [1, 2, 1, 0]
    assert [turn.text for turn in instances[1].turns] == many
    assert [turn.role for turn in instances[1].turns] == ["user", "assistant"] * 3
    assert [instance.key for instance in instances] == ["0.jpg", "1.jpg+2.jpg", "3.jpg", "text"]
    assert {instance.task for instance in instances} == {"lab/conversation"}
    assert [instance.target for instance in instances] == ["A board.", "This.", "A board.", "Two."]
    assert build.image(instances[0].images[0]) == board_image(0)


def test_lines_of_json_are_read_too(tmp_path: Path) -> None:
    lines = "\n".join([json.dumps(record("0.jpg")), "{cut", "", json.dumps(record("1.jpg"))])
    build, ledger = import_directory(write_release(tmp_path / "r", lines, "train.jsonl"))
    assert build.instances().column("key") == ["0.jpg", "1.jpg"]
    assert [(entry["task"], entry["reason"]) for entry in ledger] == [("lab/*", "malformed_json")]
    assert build.manifest["datasets"]["lab"]["broken"] == {"malformed_json": 1}


def test_a_first_line_of_too_many_levels_costs_itself(tmp_path: Path) -> None:
    lines = "\n".join(['{"id": ' + "[" * 50_000, json.dumps(record("0.jpg"))])
    build, ledger = import_directory(write_release(tmp_path / "r", lines, "train.jsonl"))
    assert build.instances().column("key") == ["0.jpg"]
    assert [entry["reason"] for entry in ledger] == ["malformed_json"]


BAD: dict[str, tuple[str, Any]] = {
    "a string": ("malformed_conversation", "what?"),
    "no turns": ("malformed_conversation", {"id": "x", "image": "0.jpg"}),
    "a question alone": ("malformed_conversation", record(**talk("<image> What?"))),
    "an answer first": (
        "malformed_conversation",
        record(
            conversations=[{"from": "gpt", "value": "<image>"}, {"from": "human", "value": "?"}]
        ),
    ),
    "a turn without words": (
        "malformed_conversation",
        record(conversations=[{"from": "human", "value": None}, {"from": "gpt", "value": "b"}]),
    ),
    "an odd picture": ("malformed_conversation", record([7])),
    "a video": ("unsupported_media", record(video="a.mp4")),
    "no marker": ("image_token_mismatch", record(**talk("What?", "This."))),
    "two markers": ("image_token_mismatch", record(**talk("<image><image> What?", "This."))),
    "a marker without picture": (
        "image_token_mismatch",
        {"id": "x", **talk("<image>\nWhat?", "This.")},
    ),
    "a marker in the answer": ("image_token_in_text", record(**talk("What?", "<image>"))),
    "an empty answer": ("empty_target", record(**talk("<image> What?", " "))),
    "half a character": ("invalid_utf8", record(**talk("<image> What \ud83d?", "This."))),
    "a missing picture": ("image_missing", record("none.jpg")),
    "a path that climbs out": ("image_outside_root", record("../../../x.jpg")),
    "a cut picture": ("image_corrupt", record("cut.jpg")),
    "the same again": ("duplicate", record()),
}


def test_bad_records_have_their_reasons_and_the_others_are_kept(tmp_path: Path) -> None:
    records = [record(), *(bad for _, bad in BAD.values()), record("1.jpg")]
    build, ledger = import_directory(write_release(tmp_path / "r", records))
    assert build.instances().column("key") == ["0.jpg", "1.jpg"]
    assert sorted(entry["reason"] for entry in ledger) == sorted(
        reason for reason, _ in BAD.values()
    )
    assert {entry["reason"] for entry in ledger} <= set(DROPPED)
    assert str(tmp_path) not in str(ledger)
    lost = sum(build.manifest["tasks"]["lab/conversation"]["dropped"].values())
    broken = sum(build.manifest["datasets"]["lab"]["broken"].values())
    assert lost + broken == len(BAD)


def test_tasks_are_those_of_the_catalog_where_their_names_are_known(tmp_path: Path) -> None:
    official = catalog.load("caltech101").tasks["image_classification"].official_name
    names = [official, "Some-Set+New_Task", "some_set+new task", "a_task_of_no_dataset", official]
    records = [record(f"{n % 4}.jpg", task_name=name) for n, name in enumerate(names)]
    records[-1]["conversations"][1]["value"] = "another"
    build, _ = import_directory(write_release(tmp_path / "r", records))
    assert set(build.tasks) == {
        "caltech101/image_classification",
        "some_set/new_task",
        "some_set/new_task_2",
        "lab/a_task_of_no_dataset",
    }
    known = build.tasks["caltech101/image_classification"]
    assert known.category == "General Object"
    assert build.tasks["some_set/new_task_2"].official_name == "some_set+new task"
    keys = build.instances(tasks=["caltech101/image_classification"]).column("key")
    assert keys == ["0.jpg", "0.jpg#2"]


def test_options_are_parsed_where_they_are_certain(tmp_path: Path) -> None:
    question = "Which?\n\nOptions: (a) red (b) a blue one \n<image>"
    records = [
        record("0.jpg", **talk(question, "(b) a blue one")),
        record("1.jpg", **talk(question, "blue")),
    ]
    build, _ = import_directory(write_release(tmp_path / "r", records))
    certain, uncertain = build.instances()
    assert (certain.options, certain.target) == (("red", "a blue one"), "a blue one")
    assert (certain.instruction, certain.metric) == ("Which?", "exact_match")
    assert (uncertain.options, uncertain.target) == ((), "blue")


def test_images_are_held_out_on_request(tmp_path: Path) -> None:
    records = [record(f"{n % 4}.jpg", **talk("<image> What?", f"it is {n}")) for n in range(20)]
    build, _ = import_directory(
        write_release(tmp_path / "r", records),
        hold_out=HoldOutConfig(image_fraction=0.3, tasks=(), seed=2),
    )
    assert 0 < len(build.instances("held_out")) < 20
    card = (build.path / "README.md").read_text()
    assert "| `hold_out_images` | `0.3` |" in card
    assert "| `seed` | `2` |" in card


def test_the_card_says_that_an_import_holds_out_nothing_of_its_own(tmp_path: Path) -> None:
    build, _ = import_directory(write_release(tmp_path / "r", [record()]))
    card = (build.path / "README.md").read_text()
    assert "| `hold_out_images` | `0.0` |" in card
    assert "`seed`" not in card


@pytest.mark.parametrize("subdirectory", ["train2017", "pictures/deep", "."])
def test_the_directory_of_images_is_found_next_to_the_file(
    tmp_path: Path, subdirectory: str
) -> None:
    directory = tmp_path / "r"
    (directory / subdirectory).mkdir(parents=True, exist_ok=True)
    (directory / subdirectory / "0.jpg").write_bytes(board_image(0))
    name = "deep/0.jpg" if "/" in subdirectory else "0.jpg"
    (directory / "a.json").write_text(json.dumps([record(name)]))
    build, ledger = import_directory(directory)
    assert not ledger
    assert len(build.instances()) == 1


def test_a_release_that_cannot_be_read_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def error_of(directory: str) -> str:
        assert main(["import", str(tmp_path / directory), "--out", str(tmp_path / "out")]) == 1
        return capsys.readouterr().err

    assert "does not exist" in error_of("nothing")
    (tmp_path / "empty").mkdir()
    assert "found none" in error_of("empty")
    write_release(tmp_path / "lost", [record("elsewhere/9.jpg")])
    assert "--images" in error_of("lost")
    write_release(tmp_path / "cut", json.dumps([record(), record("1.jpg")])[:-40])
    assert "truncated or malformed after value 1" in error_of("cut")
    two = write_release(tmp_path / "two", [record()])
    (two / "b.json").write_text(json.dumps([record()]))
    assert "annotations.json, b.json: pass the path of one file" in error_of("two")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.lists(values, max_size=12), st.integers(1, 40), st.sampled_from([None, 1]))
def test_a_list_is_read_in_pieces_as_it_would_be_at_once(
    tmp_path_factory: pytest.TempPathFactory, records: list[Any], chunk: int, indent: int | None
) -> None:
    path = tmp_path_factory.getbasetemp() / "pieces.json"
    path.write_text(json.dumps(records, indent=indent), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK", chunk)
        assert list(JsonRelease(JSON, (path,), path.parent).records()) == records


@pytest.mark.shared
def test_the_published_release_is_imported_completely(shared: Path, tmp_path: Path) -> None:
    import_release(
        JSON.find_release(shared / "release"),
        tmp_path / "build",
        name="vision_flan",
        include_sensitive=True,
    )
    build = BuildDirectory(tmp_path / "build", verify=True)
    records = [
        entry
        for entry in JSON.find_release(shared / "release").records()
        if not isinstance(entry, BrokenRow)
    ]
    assert len(build.instances()) == len(records) == 144
    ledger = pq.read_table(tmp_path / "build/ledger.parquet").to_pylist()
    notes = ["alpha_flattened", "suffix_differs", "suffix_differs"]
    assert sorted(entry["reason"] for entry in ledger) == notes
    (changed,) = [entry["file"] for entry in ledger if entry["reason"] == "alpha_flattened"]
    instances = {(instance.prompt, instance.answer): instance for instance in build.instances()}
    assert len(instances) == 144
    for entry in records:
        one = instances[entry["conversations"][0]["value"], entry["conversations"][1]["value"]]
        path = shared / "release/images" / entry["image"]
        stored, released = build.image(one.images[0]), path.read_bytes()
        assert (stored == released) == (entry["image"] != changed)
        assert decode_image(stored).tobytes() == decode_image(released).tobytes()
        assert build.tasks[one.task].official_name == entry["task_name"]
    assert sum(bool(instance.options) for instance in instances.values()) > 20
