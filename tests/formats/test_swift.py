"""Answers that ms-swift does not train on are not trained on here; what is left out is noted."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.llava_release import import_directory, write_release
from visionflan.builder.ledger_reasons import DROPPED

GOOD: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "<image>What is it?"},
        {"role": "assistant", "content": "A board."},
    ],
    "images": ["0.jpg"],
}


def answered(number: int, **more: Any) -> dict[str, Any]:
    """Return a record whose answer has more keys."""
    question, answer = GOOD["messages"]
    return {"messages": [question, {**answer, **more}], "images": [f"{number}.jpg"]}


def reasons(tmp_path: Path, *records: dict[str, Any]) -> tuple[int, list[tuple[str, str]]]:
    text = "\n".join(map(json.dumps, records))
    build, ledger = import_directory(write_release(tmp_path / "r", text, "train.jsonl"))
    return len(build.instances()), [(line["kind"], line["reason"]) for line in ledger]


@pytest.mark.parametrize("weight", [{"loss": False}, {"loss": 0}, {"loss": "no"}, {"loss": [True]}])
@pytest.mark.parametrize("name", ["loss", "loss_scale", "weight"])
def test_an_answer_without_loss_is_not_trained_on(
    tmp_path: Path, weight: dict[str, Any], name: str
) -> None:
    bad = answered(1, **{name: weight["loss"]})
    talk = {**GOOD, "messages": [*bad["messages"], *answered(1)["messages"]], "images": ["1.jpg"]}
    talk["messages"][2] = {"role": "user", "content": "And?"}
    assert reasons(tmp_path, GOOD, bad, talk) == (1, [("dropped", "untrained_answer")] * 2)
    assert "untrained_answer" in DROPPED


def test_a_record_without_loss_is_not_trained_on(tmp_path: Path) -> None:
    assert reasons(tmp_path, GOOD, {**answered(1), "loss": False}) == (
        1, [("dropped", "untrained_answer")],
    )  # fmt: skip


def test_answers_with_their_usual_loss_are_read(tmp_path: Path) -> None:
    question = {"role": "user", "content": "<image>?", "loss": False}
    records = [
        answered(0, loss=True), answered(1, loss=None, loss_scale=1.0),
        {"messages": [question, GOOD["messages"][1]], "images": ["2.jpg"]},
    ]  # fmt: skip
    assert reasons(tmp_path, *records) == (3, [])


def test_objects_without_placeholders_are_left_out_with_a_note(tmp_path: Path) -> None:
    objects = {"ref": ["a board"], "bbox": [[0, 0, 9, 9]]}
    placed = answered(1)
    placed["messages"] = [
        {"role": "user", "content": "<image>Where is <ref-object>?"},
        placed["messages"][1],
    ]
    assert reasons(tmp_path, {**GOOD, "objects": objects}, {**placed, "objects": objects}) == (
        1, [("dropped", "unsupported_media"), ("note", "columns_left_out")],
    )  # fmt: skip


def test_rejected_answers_are_no_targets(tmp_path: Path) -> None:
    assert reasons(tmp_path, GOOD, {**answered(1), "rejected_response": "A cat."}) == (
        1, [("dropped", "preference_data")],
    )  # fmt: skip


def test_typed_pieces_have_weights_too(tmp_path: Path) -> None:
    pieces = [{"type": "text", "text": "A board."}]
    bad = answered(1, content=pieces, weight=0)
    assert reasons(tmp_path, answered(0, content=pieces), bad) == (
        1, [("dropped", "untrained_answer")],
    )  # fmt: skip


@pytest.mark.parametrize("kind", [None, {}, [], 7, "video", "picture"])
def test_a_piece_of_another_type_costs_its_record(tmp_path: Path, kind: Any) -> None:
    pieces = [{"type": "text", "text": "A board."}]
    bad = answered(1, content=[{"type": kind, "text": "A board."}])
    count, lines = reasons(tmp_path, answered(0, content=pieces), bad)
    assert count == 1
    assert lines[0][1] in {"malformed_conversation", "unsupported_media"}
