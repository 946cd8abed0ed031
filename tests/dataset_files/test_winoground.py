"""Winoground's pictures are found in the archive or unpacked, and matched with their captions."""

import zipfile
from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.winoground import dataset
from visionflan.image_sources import read_encoded


def test_both_captions_are_made_of_the_same_words_and_one_is_right(tmp_path: Path) -> None:
    dataset.write_specimen(tmp_path, 40)
    examples = list(dataset.examples("image_captioning", tmp_path))
    assert len(examples) == 40
    for example in examples:
        first_words, second_words = (sorted(option.split()) for option in example.options)
        assert first_words == second_words
    for first, second in zip(examples[::2], examples[1::2], strict=True):
        assert set(first.options) == set(second.options)
        assert first.target != second.target


def test_the_unpacked_release_gives_the_same_images_as_the_archive(tmp_path: Path) -> None:
    dataset.write_specimen(tmp_path, 6)

    def image_bytes() -> list[bytes]:
        examples = dataset.examples("image_captioning", tmp_path)
        return [read_encoded(image) for example in examples for image in example.images]

    archived = image_bytes()
    with zipfile.ZipFile(tmp_path / "data" / "images.zip") as archive:
        archive.extractall(tmp_path / "data")
    assert image_bytes() == archived


def test_a_bad_record_is_reported_and_a_missing_image_is_left_to_the_build(tmp_path: Path) -> None:
    dataset.write_specimen(tmp_path, 2)
    with (tmp_path / "data" / "examples.jsonl").open("a") as lines:
        lines.write('{"id": 7, "caption_0": "a"}\n[]\n{"id": \n')
        lines.write('{"id": 9, "caption_0": "a b", "caption_1": "b a", ')
        lines.write('"image_0": "gone_0", "image_1": "gone_1"}\n')
    rows = list(dataset.read(tmp_path))
    broken = [row.reason for row in rows if isinstance(row, BrokenRow)]
    assert broken == ["malformed_record", "malformed_record", "malformed_json"]
    assert [row.key for row in rows[-2:]] == ["9/image_0", "9/image_1"]
    (*_, last) = dataset.examples("image_captioning", tmp_path)
    with pytest.raises(KeyError, match="gone_1"):
        read_encoded(last.images[0])
