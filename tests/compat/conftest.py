"""What `make compat` wrote for other programs to read."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest

VARIABLE = "VISIONFLAN_COMPAT"


class WrittenCheckpoint(NamedTuple):
    """A checkpoint that visionflan trained, and what visionflan computes with it."""

    path: Path
    expected: dict[str, Any]


@pytest.fixture(scope="session")
def written() -> Path:
    """Return the directory that `python -m tests.helpers.compat_files` wrote."""
    if VARIABLE not in os.environ:
        pytest.skip("other programs read what `make compat` writes")
    return Path(os.environ[VARIABLE])


@pytest.fixture(params=["gemma3_text", "gpt2", "llama", "qwen2"])
def checkpoint(written: Path, request: pytest.FixtureRequest) -> WrittenCheckpoint:
    """Return a checkpoint of each kind of language model."""
    directory = written / request.param
    expected = json.loads((directory / "expected.json").read_bytes())
    return WrittenCheckpoint(directory / "checkpoint", expected)
