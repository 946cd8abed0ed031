"""Conversations are written by rule from the annotations, and are marked as synthetic."""

from collections.abc import Iterator
from pathlib import Path
from statistics import mean

import pytest

from visionflan import catalog
from visionflan.builder.conversations import KINDS, conversations_origin, write_conversations
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.errors import BuildError
from visionflan.storage.directory import BuildDirectory

DATASETS = ("caltech101", "tdiuc", "pacs")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    directory = tmp_path_factory.mktemp("conversations")
    for name in DATASETS:
        catalog.load(name).write_specimen(directory / "releases" / name, 60)
    build(
        directory / "releases", directory / "build", BuildSettings(hold_out_images=0.2), workers=1
    )
    return BuildDirectory(directory / "build")


@pytest.fixture(scope="module")
def written(source: BuildDirectory, tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    return write_conversations(source, tmp_path_factory.mktemp("written") / "out", 60)


def answers(directory: BuildDirectory, *, kind: str = "") -> Iterator[str]:
    for instance in directory.instances():
        if not kind or instance.task.endswith(kind):
            yield from (turn.text for turn in instance.turns if turn.role == "assistant")


def test_equally_many_are_written_of_every_kind(written: BuildDirectory) -> None:
    tasks = written.instances("train").column("task")
    assert len(tasks) == 60
    assert {task: tasks.count(task) for task in tasks} == {
        f"conversations/{kind}": 20 for kind in KINDS
    }
    assert len(written.instances("held_out")) > 0


def test_every_conversation_is_marked_as_synthetic(written: BuildDirectory) -> None:
    assert all(written.instances().column("synthetic"))


def test_an_image_is_shown_once_and_its_turns_alternate(written: BuildDirectory) -> None:
    for instance in written.instances():
        roles = [turn.role for turn in instance.turns]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        assert sum(turn.text.count("<image>") for turn in instance.turns) == 1
        assert "<image>" in instance.prompt
        assert len(instance.images) == 1


def test_dialogues_have_two_questions_and_the_others_one(written: BuildDirectory) -> None:
    for instance in written.instances():
        assert len(instance.turns) == (4 if instance.task.endswith("dialogue") else 2)


def test_each_answer_holds_a_true_answer_about_its_image(
    source: BuildDirectory, written: BuildDirectory
) -> None:
    targets: dict[str, set[str]] = {}
    for instance in source.instances():
        targets.setdefault(instance.images[0], set()).add(instance.target.rstrip("."))
    for instance in written.instances():
        true = targets[instance.images[0]]
        for turn in instance.turns[1::2]:
            assert any(target in turn.text for target in true), turn.text


def test_no_image_crosses_from_one_split_to_the_other(
    source: BuildDirectory, written: BuildDirectory
) -> None:
    for split in ("train", "held_out"):
        there = {name for row in source.instances(split).column("images") for name in row}
        ours = {name for row in written.instances(split).column("images") for name in row}
        assert ours
        assert ours <= there


def test_answers_are_sentences_and_much_longer_than_those_of_tasks(
    source: BuildDirectory, written: BuildDirectory
) -> None:
    conversational = list(answers(written))
    short = list(answers(source))
    assert mean(len(text.split()) for text in conversational) > 3 * mean(
        len(t.split()) for t in short
    )
    assert all(text[-1] in ".!?" for text in conversational)


def test_prompts_leave_out_the_instructions_of_tasks(
    source: BuildDirectory, written: BuildDirectory
) -> None:
    instructions = set(source.instances().column("instruction"))
    for instance in written.instances():
        assert not any(instruction in instance.prompt for instruction in instructions)


def test_the_same_build_and_seed_give_the_same_conversations(
    source: BuildDirectory, written: BuildDirectory, tmp_path: Path
) -> None:
    again = write_conversations(source, tmp_path / "again", 60)
    other = write_conversations(source, tmp_path / "other", 60, seed=1)
    assert again.digest == written.digest != other.digest


def test_existing_conversations_are_not_written_again(
    source: BuildDirectory, written: BuildDirectory
) -> None:
    before = (written.path / "manifest.json").stat().st_mtime_ns
    write_conversations(source, written.path, 60)
    assert (written.path / "manifest.json").stat().st_mtime_ns == before


def test_conversations_with_other_settings_are_not_taken_for_those_asked_for(
    source: BuildDirectory, written: BuildDirectory
) -> None:
    with pytest.raises(
        BuildError, match=r"other settings \(count 60 instead of 61, seed 0 instead"
    ):
        write_conversations(source, written.path, 61, seed=1)
    assert conversations_origin(written)["build"] == source.digest
    assert conversations_origin(source) == {}
