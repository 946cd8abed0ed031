"""TRL pairs the pieces of each message of the Hugging Face export with its images."""

from pathlib import Path

import pytest

from tests.helpers.small_exports import Exports, write_exports

pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")

pytestmark = pytest.mark.compat


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    return write_exports(tmp_path_factory.mktemp("exports"))


def test_each_image_is_placed_where_its_marker_stands(exports: Exports, tmp_path: Path) -> None:
    from trl.data_utils import prepare_multimodal_messages

    loaded = datasets.load_dataset(str(exports.huggingface), cache_dir=str(tmp_path))
    for split, table in loaded.items():
        for row, instance in zip(table, exports.build.instances(split), strict=True):
            messages = prepare_multimodal_messages(row["messages"], row["images"])
            pieces = [piece for message in messages for piece in message["content"]]
            images = [piece["image"] for piece in pieces if piece["type"] == "image"]
            assert images == row["images"]
            assert len(images) == len(instance.images)
