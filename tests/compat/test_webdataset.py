"""The library `webdataset` reads the tar archives of an export, each sample with all its images."""

import json
from pathlib import Path

import pytest

from tests.helpers.small_exports import Exports, write_exports
from visionflan.formats.exporting import export

webdataset = pytest.importorskip("webdataset")

pytestmark = pytest.mark.compat


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    exports = write_exports(tmp_path_factory.mktemp("exports"))
    export(exports.build, exports.build.path.parent / "webdataset", "webdataset")
    return exports


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_each_sample_is_read(exports: Exports, split: str) -> None:
    (shard,) = (exports.build.path.parent / "webdataset").glob(f"{split}-*.tar")
    samples = list(webdataset.WebDataset(str(shard), shardshuffle=False))
    instances = {one.id: one for one in exports.build.instances() if one.split == split}
    assert len(samples) == len(instances) > 1
    for sample in samples:
        record = json.loads(sample["json"])
        one = instances.pop(record["id"])
        assert [turn["value"] for turn in record["conversations"]] == [
            turn.text for turn in one.exchanges
        ]
        images = {name: content for name, content in sample.items() if name.endswith("jpg")}
        ordered = [images[name] for name in sorted(images)]
        assert ordered == [exports.build.image(image) for image in one.images]


def test_pixels_are_decoded(exports: Exports, tmp_path: Path) -> None:
    shards = [str(path) for path in (exports.build.path.parent / "webdataset").glob("*.tar")]
    loaded = webdataset.WebDataset(shards, shardshuffle=False).decode("pil")
    sizes = {
        json.dumps(image.size)
        for sample in loaded
        for name, image in sample.items()
        if name.endswith("jpg")
    }
    expected = {
        json.dumps(exports.build.image_header(image)[:2])
        for one in exports.build.instances()
        for image in one.images
    }
    assert sizes == expected
