from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.helpers.tiny_evaluation import tiny_build
from visionflan.errors import BuildError
from visionflan.storage.trained_images import (
    NO_IMAGES,
    TRAINED_IMAGES,
    UNKNOWN_IMAGES,
    TrainedImages,
    images_of_build,
    merge_trained_images,
    read_part_images,
    read_trained_images,
    write_trained_images,
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    build = tiny_build(tmp_path / "build", 2)
    ids = {image for images in build.instances("train").column("images") for image in images}
    images = images_of_build(build, ids)
    write_trained_images(tmp_path, images)
    assert read_trained_images(tmp_path) == images
    assert images.phashes.keys() == ids
    assert images.builds == {build.digest: str(tmp_path / "build")}
    first = (tmp_path / TRAINED_IMAGES).read_bytes()
    write_trained_images(tmp_path, images_of_build(build, sorted(ids, reverse=True)))
    assert (tmp_path / TRAINED_IMAGES).read_bytes() == first


def test_a_checkpoint_without_a_record_is_not_known(tmp_path: Path) -> None:
    assert read_trained_images(tmp_path) == UNKNOWN_IMAGES


@pytest.mark.parametrize("damage", ["cut", "empty", "other table"])
def test_a_damaged_record_is_refused_in_a_sentence(tmp_path: Path, damage: str) -> None:
    write_trained_images(tmp_path, TrainedImages({"a" * 64: 1}, {"digest": "path"}))
    path = tmp_path / TRAINED_IMAGES
    if damage == "other table":
        pq.write_table(pa.table({"id": [b"a"]}), path)
    else:
        path.write_bytes(path.read_bytes()[:100] if damage == "cut" else b"")
    with pytest.raises(BuildError, match=r"trained_images\.parquet is damaged \(.*delete it to go"):
        read_trained_images(tmp_path)


def test_a_part_without_a_record_saw_no_image_of_a_build(tmp_path: Path) -> None:
    assert read_part_images(tmp_path) == NO_IMAGES
    images = TrainedImages({"a" * 64: 1}, {"digest": "path"})
    write_trained_images(tmp_path, images)
    assert read_part_images(tmp_path) == images


def test_stages_add_up_and_one_unknown_start_leaves_all_incomplete() -> None:
    first = TrainedImages({"aa": 1}, {"digest": "path"})
    second = TrainedImages({"bb": 2}, {"other": "elsewhere"})
    both = merge_trained_images([first, second])
    builds = {"digest": "path", "other": "elsewhere"}
    assert both == TrainedImages({"aa": 1, "bb": 2}, builds)
    assert not merge_trained_images([both, UNKNOWN_IMAGES]).is_complete
