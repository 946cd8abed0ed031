"""TRL pairs the pieces of each message of the Hugging Face export with its images."""

from pathlib import Path

import pytest

from visionflan.storage.directory import BuildDirectory

pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")

pytestmark = pytest.mark.compat


def test_each_image_is_placed_where_its_marker_stands(
    built: BuildDirectory, huggingface_export: Path, tmp_path: Path
) -> None:
    from trl.data_utils import prepare_multimodal_messages

    loaded = datasets.load_dataset(str(huggingface_export), cache_dir=str(tmp_path))
    for split, table in loaded.items():
        for row, instance in zip(table, built.instances(split), strict=True):
            messages = prepare_multimodal_messages(row["messages"], row["images"])
            pieces = [piece for message in messages for piece in message["content"]]
            images = [piece["image"] for piece in pieces if piece["type"] == "image"]
            assert images == row["images"]
            assert len(images) == len(instance.images)
