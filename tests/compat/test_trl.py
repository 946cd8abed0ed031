"""TRL makes our tokens of the rows of our export."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.compat.conftest import WrittenCheckpoint

pytestmark = pytest.mark.compat


def test_the_collator_of_trl_makes_our_tokens(
    written: Path, checkpoint: WrittenCheckpoint, tmp_path: Path
) -> None:
    if find_spec("trl") is None:
        pytest.skip("TRL is in the newest environment only")
    from datasets import load_dataset
    from transformers import AutoProcessor

    trainer: Any = import_module("trl.trainer.sft_trainer")
    path, expected = checkpoint
    dataset: Any = load_dataset(str(written / "export"), split="train", cache_dir=str(tmp_path))
    assert sorted(dataset["id"]) == sorted(expected["rows"])
    collate = trainer.DataCollatorForVisionLanguageModeling(AutoProcessor.from_pretrained(path))
    for row in dataset:
        token_ids = expected["rows"][row["id"]]
        batch = collate([{"messages": row["messages"], "images": row["images"]}])
        assert batch["input_ids"][0].tolist() == token_ids
