"""What is written in a form and read again has the same instances, whatever their texts."""

import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings

from tests.helpers.drawn_builds import Conversation, instance_lists, make_instances, write_images
from tests.helpers.stored_instances import INFO
from visionflan import formats
from visionflan.formats.base import ConversationRecord
from visionflan.formats.shared.recognition import recognize
from visionflan.image_sources import containing_file, read_encoded
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance, Split, Turn

# Forms that carry ids, tasks, splits, images and turns as they are, system turns included.
EXACT = ["llama_factory", "llava", "onevision", "swift", "webdataset", "xtuner"]

Content = tuple[object, ...]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    return write_images(tmp_path_factory.mktemp("images") / "build")


def write_and_read(
    build: BuildDirectory, instances: list[Instance], directory: Path, name: str
) -> list[ConversationRecord]:
    """Return the records of a directory to which instances are written."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    form = formats.load(name)
    assert form.write
    assert form.read
    for split in get_args(Split):
        chosen: Any = [one for one in instances if one.split == split]
        if chosen:
            form.write(build, chosen, directory, split)
    if name != "xtuner":  # without images it is the form of ms-swift too
        assert recognize(directory).name == name
    release = form.read(directory, None)
    records = list(release.conversations())
    for record in records:
        assert isinstance(record, ConversationRecord), record
        for image in record.images:
            assert containing_file(image.source).is_relative_to(release.images)
    return [record for record in records if isinstance(record, ConversationRecord)]


def content_of(record: ConversationRecord) -> Content:
    """Return what every form must carry: task, split, turns, and the images by their hashes."""
    hashes = tuple(sha256(read_encoded(image.source)).hexdigest() for image in record.images)
    return record.task, record.split, hashes, record.turns


def expected(build: BuildDirectory, one: Instance) -> Content:
    """Return the content that a form should carry of an instance."""
    return build.tasks[one.task].official_name, one.split, one.images, one.turns


@pytest.mark.parametrize("name", EXACT)
@settings(max_examples=25)
@given(drawn=instance_lists())
def test_a_form_carries_every_conversation_as_it_is(
    tmp_path_factory: pytest.TempPathFactory,
    build: BuildDirectory,
    name: str,
    drawn: list[Conversation],
) -> None:
    instances = make_instances(build, drawn)
    records = write_and_read(build, instances, tmp_path_factory.getbasetemp() / name, name)
    assert {record.id: content_of(record) for record in records} == {
        one.id: expected(build, one) for one in instances
    }
    assert len(records) == len(instances)


def leading(one: Instance) -> Content:
    """Return the content of a form without system turns and markers.

    The system prompt begins the first question, and images at an end of it come first. Markers
    within a text, or in a later question, stay in the text and keep all others in place.
    """
    first, *others = one.exchanges
    lines = first.text.split("\n")
    before = next((n for n, line in enumerate(lines) if line != "<image>"), len(lines))
    after = next((n for n, line in enumerate(lines[::-1]) if line != "<image>"), len(lines))
    bare = "\n".join(lines[before : len(lines) - after])
    moved = "".join([bare, *(turn.text for turn in others)]).count("<image>") == 0
    text = "\n\n".join(filter(None, (one.system, bare if moved else first.text)))
    if moved:
        text = "\n".join([*["<image>"] * len(one.images), *([text] if text else [])])
    return INFO.official_name, one.split, one.images, (Turn("user", text), *others)


@settings(max_examples=25)
@given(drawn=instance_lists())
def test_cauldron_carries_every_conversation_with_its_images_first(
    tmp_path_factory: pytest.TempPathFactory, build: BuildDirectory, drawn: list[Conversation]
) -> None:
    instances = make_instances(build, drawn)
    records = write_and_read(build, instances, tmp_path_factory.getbasetemp() / "c", "cauldron")
    assert {record.id: content_of(record) for record in records} == {
        one.id: leading(one) for one in instances
    }


@settings(max_examples=25)
@given(drawn=instance_lists(max_pairs=1))
def test_the_form_of_the_authors_carries_every_question_with_its_images_first(
    tmp_path_factory: pytest.TempPathFactory, build: BuildDirectory, drawn: list[Conversation]
) -> None:
    instances = [one._replace(turns=one.exchanges) for one in make_instances(build, list(drawn))]
    directory = tmp_path_factory.getbasetemp() / "authors"
    records = write_and_read(build, instances, directory, "vision_flan_instances")
    assert {record.id: content_of(record) for record in records} == {
        one.id: leading(one) for one in instances
    }
