"""ms-swift's own loader reads each record of an export, with its turns, images and channel."""

from pathlib import Path

import pytest

from tests.helpers.small_exports import Exports, write_exports
from visionflan.formats.exporting import export

pytest.importorskip("swift", reason="ms-swift is in an environment of its own")

pytestmark = pytest.mark.compat


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    exports = write_exports(tmp_path_factory.mktemp("exports"))
    export(exports.build, exports.llava.with_name("swift"), "swift")
    return exports


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_each_record_is_read(
    exports: Exports, split: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from swift.dataset import load_dataset

    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    monkeypatch.chdir(exports.llava.with_name("swift"))  # where it is to be started
    # A row that cannot be read is an error (`strict`), and is not left out.
    table, _ = load_dataset([f"{split}.jsonl"], strict=True, remove_unused_columns=False)
    expected = [one for one in exports.build.instances() if one.split == split]
    assert len(table) == len(expected) > 1
    for row, one in zip(table, expected, strict=True):
        turns = [(turn["role"], turn["content"]) for turn in row["messages"]]
        assert turns == list(one.turns)
        assert row["channel"] == exports.build.tasks[one.task].official_name
        paths = [Path(image["path"]) for image in row["images"] or ()]
        assert [path.read_bytes() for path in paths] == list(map(exports.build.image, one.images))


def test_the_images_of_a_record_are_opened(
    exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    from swift.dataset import load_dataset
    from swift.template.vision_utils import load_image

    monkeypatch.chdir(exports.llava.with_name("swift"))
    table, _ = load_dataset(["train.jsonl"], strict=True)
    images = [load_image(image["path"]) for row in table for image in row["images"] or ()]
    sizes = {
        exports.build.image_header(name)[:2]
        for one in exports.build.instances("train")
        for name in one.images
    }
    assert {image.size for image in images} == sizes
