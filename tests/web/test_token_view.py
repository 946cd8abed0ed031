"""The page of an instance shows its tokens as training has them, with their loss mask."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.tiny_checkpoint import decided_llava, write_build
from tests.helpers.web_client import read_page, web_client
from visionflan.model.families import load_chat_tokenizer
from visionflan.storage.instance import Turn

pytest.importorskip("starlette", reason="the extra `web` is not installed")

from visionflan.web.open_build import OpenBuild
from visionflan.web.sources import open_sources


@pytest.fixture
def build(tmp_path: Path) -> OpenBuild:
    """Return a build of a few plain colors."""
    return OpenBuild(write_build(tmp_path / "colors", count=6))


def save_checkpoint_files(directory: Path) -> Path:
    """Save the files of a checkpoint without its weights, which are not read."""
    vlm, checkpoint = decided_llava(directory), directory / "checkpoint"
    vlm.model.config.save_pretrained(checkpoint)
    vlm.processor.save_pretrained(checkpoint)
    return checkpoint


def test_the_tokens_are_those_of_training_with_their_loss_mask(
    build: OpenBuild, tmp_path: Path
) -> None:
    checkpoint = save_checkpoint_files(tmp_path)
    sources = open_sources([build.path], checkpoint)
    client = web_client(builds=sources.builds, tokenizer=sources.tokenizer)
    text = client.get("/builds/0/instances/2").text
    read_page(client, "/builds/0/instances/2")
    marked = [int(number) for number in re.findall(r'<mark title="(\d+)">', text)]
    tokenizer = load_chat_tokenizer(checkpoint)
    (row,) = tokenizer.encode_conversations([build.instance(2).turns])
    assert marked == row.answer_tokens
    assert f"× {row.image_runs[0]}" in text
    count = len(tokenizer.expand_images(row).token_ids)
    assert f"{count} tokens; the loss mask selects {len(marked)} tokens" in text


def test_an_instance_that_training_drops_says_why(tmp_path: Path) -> None:
    change: Any = {0: lambda one: one._replace(turns=(one.turns[0], Turn("assistant", "</s>")))}
    out = write_build(tmp_path / "build", count=1, change=change)
    sources = open_sources([out], save_checkpoint_files(tmp_path))
    client = web_client(builds=sources.builds, tokenizer=sources.tokenizer)
    assert "special token" in read_page(client, "/builds/0/instances/0").text
