"""Images of pieces `image_url` are where xtuner puts them, or where OpenAI's format has them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.llava_release import import_directory, write_release
from tests.helpers.small_exports import write_exports
from visionflan.formats.exporting import export
from visionflan.formats.shared.recognition import recognize

ANSWER = {"role": "assistant", "content": "A board."}


def image(name: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": name, "image_wh": [8, 8]}}


def text(words: Any) -> dict[str, Any]:
    return {"type": "text", "text": words}


def query(*pieces: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(pieces)}, ANSWER], **more}


def read(tmp_path: Path, *records: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the questions of a release, and the reasons of its dropped records."""
    lines = "\n".join(map(json.dumps, records))
    build, ledger = import_directory(write_release(tmp_path / "r", lines, "train.jsonl"))
    return [one.prompt for one in build.instances()], [line["reason"] for line in ledger]


def test_images_are_in_place_in_both_forms(tmp_path: Path) -> None:
    assert read(
        tmp_path,
        query(image("0.jpg"), image("1.jpg"), text("Is <IMG_CONTEXT> like <IMG_CONTEXT>?")),
        query(image("1.jpg"), text("What?")),
        query(text("What is"), image("2.jpg"), text("this?")),
        query({"type": "image_url", "image_url": "3.jpg"}, text("<IMG_CONTEXT>\nWhat?")),
        {"messages": [{"role": "user", "content": "And without?"}, ANSWER]},
    ) == (
        [
            "Is <image> like <image>?", "<image>\nWhat?", "What is\n<image>\nthis?",
            "<image>\nWhat?", "And without?",
        ],
        [],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (query(image("https://example.org/a.jpg"), text("?")), "remote_image"),
        (query(image("data:image/png;base64,xx"), text("?")), "unsupported_media"),
        (query({"type": "video_url", "video_url": {"url": "a"}}, text("?")), "unsupported_media"),
        (query(image("0.jpg"), text("<IMG_CONTEXT><IMG_CONTEXT>")), "image_token_mismatch"),
        (query(image("0.jpg"), text("<image>")), "image_token_in_text"),
        (query(image("0.jpg"), text(7)), "malformed_conversation"),
        (query({"type": "image_url"}, text("?")), "malformed_conversation"),
        (query(image("9.jpg"), text("?")), "image_missing"),
        ({"messages": [*query(image("1.jpg"))["messages"][:1], {**ANSWER, "weight": 0}]},
         "untrained_answer"),
    ],
)  # fmt: skip
def test_a_bad_record_has_its_reason(tmp_path: Path, bad: dict[str, Any], reason: str) -> None:
    good = query(image("1.jpg"), text("What?"))
    assert read(tmp_path, good, bad) == (["<image>\nWhat?"], [reason])


def test_an_export_has_what_xtuner_reads(tmp_path: Path) -> None:
    build = write_exports(tmp_path / "exports").build
    export(build, tmp_path / "out", "xtuner")
    assert recognize(tmp_path / "out").name == "xtuner"
    for split in ("train", "held_out"):
        instances = {one.id: one for one in build.instances() if one.split == split}
        lines = (tmp_path / f"out/{split}.jsonl").read_text().splitlines()
        for record in map(json.loads, lines):
            one = instances.pop(record["id"])
            contents = [message["content"] for message in record["messages"]]
            pieces = [
                piece for content in contents if isinstance(content, list) for piece in content
            ]
            urls = [piece["image_url"] for piece in pieces if piece["type"] == "image_url"]
            sizes = [tuple(url["image_wh"]) for url in urls]
            assert sizes == [build.image_header(image)[:2] for image in one.images]
            assert all((tmp_path / "out" / url["url"]).is_file() for url in urls)
            marks = sum(
                piece["text"].count("<IMG_CONTEXT>") for piece in pieces if piece["type"] == "text"
            )
            assert marks == len(one.images)
        assert not instances
