"""Tiny models that several files open."""

from pathlib import Path

import pytest

from tests.helpers.chat_tokenizers import KINDS
from tests.helpers.original_checkpoint import (
    make_parts,
    write_bin_shards,
    write_settings,
)
from tests.helpers.tiny_checkpoint import save_language_model, save_tower
from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.model.families.llava import Llava


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ChatTokenizer]:
    directory = tmp_path_factory.mktemp("parts")
    save_tower(directory / "tower")
    tokenizers = {}
    for kind in KINDS:
        save_language_model(directory / kind, kind)
        vlm = Llava.build(directory / "tower", directory / kind)
        tokenizers[kind] = vlm.make_chat_tokenizer(vlm.processor)
    return tokenizers


@pytest.fixture(scope="module")
def tower(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tower(tmp_path_factory.mktemp("parts") / "clip")


@pytest.fixture
def source(tower: Path, tmp_path: Path) -> Path:
    parts = make_parts(tower)
    directory = write_settings(tmp_path / "source", parts)
    write_bin_shards(directory, parts.weights(with_tower=False))
    return directory
