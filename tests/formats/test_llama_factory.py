"""Data sets that LLaMA-Factory's list names are read by the columns and words of the list."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.board import board_image
from tests.helpers.llava_release import error_of, import_directory
from visionflan.builder.ledger_reasons import DROPPED
from visionflan.formats.llama_factory import find_release, recognize

OPENAI = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
}


def write(directory: Path, entries: dict[str, Any], **files: list[Any]) -> Path:
    """Write a list with files and two images."""
    directory.mkdir()
    for number in range(2):
        (directory / f"{number}.jpg").write_bytes(board_image(number))
    (directory / "dataset_info.json").write_text(json.dumps(entries))
    for name, records in files.items():
        (directory / f"{name}.json").write_text(json.dumps(records))
    return directory


def turns_of(path: Path) -> list[list[str]]:
    build, _ = import_directory(path)
    return [[turn.text for turn in one.turns] for one in build.instances()]


def test_columns_and_tags_of_the_list_say_how_a_file_is_read(tmp_path: Path) -> None:
    words = {"role_tag": "who", "content_tag": "what", "user_tag": "U", "assistant_tag": "A"}
    entry = {
        "file_name": "a.json",
        "formatting": "sharegpt",
        "columns": {"messages": "talk", "images": "pictures", "system": "rule"},
        "tags": {**words, "system_tag": "S"},
    }
    talk = [{"who": "U", "what": "<image>What?"}, {"who": "A", "what": "A board."}]
    records = [
        {"talk": talk, "pictures": ["0.jpg"], "rule": "Be brief."},
        {"talk": [{"who": "S", "what": "Be kind."}, *talk], "pictures": "1.jpg", "rule": ""},
        {"talk": [{"who": "observation", "what": "x"}, talk[1]], "pictures": []},
    ]
    build, ledger = import_directory(write(tmp_path / "r", {"board": entry}, a=records))
    assert [one.system for one in build.instances()] == ["Be brief.", "Be kind."]
    assert {one.task for one in build.instances()} == {"lab/board"}
    assert [line["reason"] for line in ledger] == ["malformed_conversation"]


def test_the_defaults_are_those_of_llama_factory(tmp_path: Path) -> None:
    old = {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}
    alpaca = {"instruction": "Add.", "input": "1 and 1", "output": "2"}
    entries = {
        "plain": {"file_name": "a.json"},
        "talk": {"file_name": "b.json", "formatting": "sharegpt"},
    }
    turns = turns_of(write(tmp_path / "r", entries, a=[alpaca], b=[old]))
    assert sorted(turns) == [["Add.\n1 and 1", "2"], ["Hi", "Hello"]]


def test_alpaca_has_history_system_and_images(tmp_path: Path) -> None:
    columns = {"prompt": "q", "response": "a", "history": "h", "system": "s", "images": "i"}
    record = {
        "q": "<image>And this?",
        "a": "Red.",
        "h": [["One?", "1"]],
        "s": "Go.",
        "i": ["0.jpg"],
    }
    other = {"q": "", "input": "unused", "a": "x", "h": [["One?"]]}
    path = write(
        tmp_path / "r", {"e": {"file_name": "a.json", "columns": columns}}, a=[record, other]
    )
    build, ledger = import_directory(path)
    (one,) = build.instances()
    assert [turn.text for turn in one.turns] == ["Go.", "One?", "1", "<image>And this?", "Red."]
    assert [line["detail"] for line in ledger] == ["the history is a list"]


def test_a_file_of_alpaca_records_needs_no_list(tmp_path: Path) -> None:
    path = write(tmp_path / "r", {}, a=[{"instruction": "Hi", "output": "Hello"}])
    (path / "dataset_info.json").unlink()
    assert recognize(path)
    assert turns_of(path) == [["Hi", "Hello"]]


def test_what_the_list_names_and_cannot_be_read_is_in_the_ledger(tmp_path: Path) -> None:
    entries = {
        "good": {"file_name": "a.json"},
        "hub": {"hf_hub_url": "someone/data"},
        "gone": {"file_name": "gone.json"},
        "table": {"file_name": "t.parquet"},
        "odd": {"file_name": 7},
        "odder": {"file_name": "a.json", "formatting": "odd"},
        "oddest": {"file_name": "a.json", "columns": {"query": "x"}},
        "number": 7,
    }
    path = write(tmp_path / "r", entries, a=[{"instruction": "Hi", "output": "Hello"}])
    (path / "t.parquet").write_bytes(b"PAR1")
    build, ledger = import_directory(path)
    assert len(build.instances()) == 1
    assert [line["reason"] for line in ledger] == ["unread_file"] * (len(entries) - 1)
    assert {line["key"].removeprefix("dataset_info.json: ") for line in ledger} == set(entries) - {
        "good"
    }


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("tools", "[]x", "tool_calls"),
        ("videos", ["a.mp4"], "unsupported_media"),
        ("chosen", {"value": "x"}, "preference_data"),
        ("kto_tag", False, "preference_data"),
    ],
)
def test_what_is_no_plain_target_is_dropped(
    tmp_path: Path, column: str, value: Any, reason: str
) -> None:
    columns = {"prompt": "instruction", "response": "output", column: "extra"}
    good = {"instruction": "Hi", "output": "Hello"}
    path = write(
        tmp_path / "r",
        {"e": {"file_name": "a.json", "columns": columns}},
        a=[good, {**good, "extra": value}],
    )
    build, ledger = import_directory(path)
    assert len(build.instances()) == 1
    assert [line["reason"] for line in ledger] == [reason]
    assert reason in DROPPED


def test_one_file_of_the_list_is_read_as_the_list_says(tmp_path: Path) -> None:
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    entry = {"formatting": "sharegpt", "columns": {"messages": "m"}, "tags": OPENAI}
    entries = {name: {**entry, "file_name": f"{name}.json"} for name in ("a", "b")}
    path = write(tmp_path / "r", entries, a=[{"m": talk}], b=[{"m": talk}, {"m": talk}])
    assert len(list(find_release(path / "b.json").conversations())) == 2
    assert len(list(find_release(path).conversations())) == 3


def test_a_list_without_a_file_fails_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "r", {"hub": {"hf_hub_url": "someone/data"}})
    assert "unread_file (dataset_info.json: hub" in error_of(path, capsys)
