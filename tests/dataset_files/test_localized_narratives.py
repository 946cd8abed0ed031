"""Localized Narratives: files of either kind, and pictures that other releases hold."""

import json
from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.localized_narratives import Row, dataset, flickr30k_images_caption
from visionflan.errors import UnusableError
from visionflan.specimens import write_lines


def line(image_id: str, caption: str | None) -> str:
    return json.dumps({"image_id": image_id, "annotator_id": 4, "caption": caption})


def test_captions_alone_are_preferred_to_the_files_with_traces(tmp_path: Path) -> None:
    for shard in range(2):
        name = f"coco_train_localized_narratives-0000{shard}-of-00002.jsonl"
        write_lines(tmp_path / name, [line(f"{shard}9", "In this image there is a cow.")])
    images = tmp_path.parent / "coco" / "train2017"
    assert [row.key for row in dataset.rows(tmp_path)] == ["coco_train/09/4", "coco_train/19/4"]
    assert next(dataset.rows(tmp_path)).image == images / "000000000009.jpg"
    write_lines(tmp_path / "coco_train_captions.jsonl", [line("7", "A cow.")])
    assert [row.key for row in dataset.rows(tmp_path)] == ["coco_train/7/4"]


def test_images_of_flickr30k_are_found_in_its_own_release(tmp_path: Path) -> None:
    root = tmp_path / "localized_narratives"
    write_lines(root / "flickr30k_test_captions.jsonl", [line("5", "Two  dogs. ")])
    (beside := tmp_path / "flickr30k" / "images").mkdir(parents=True)
    (example,) = dataset.examples("flickr30k_images_caption", root)
    assert (example.image, example.target) == (beside / "5.jpg", "Two dogs.")
    assert example.repaired == ("trimmed_blanks",)
    assert list(dataset.examples("coco_images_caption", root)) == []


def test_a_record_without_words_is_broken_or_unusable(tmp_path: Path) -> None:
    lines = [line("5", None), line("no number", "A cow."), "{", line("6", " ")]
    write_lines(tmp_path / "coco_val_captions.jsonl", lines)
    *broken, row = dataset.read(tmp_path)
    keys = [f"coco_val_captions.jsonl:{number}" for number in (1, 2, 3)]
    assert [row.key for row in broken if isinstance(row, BrokenRow)] == keys
    assert isinstance(row, Row)
    with pytest.raises(UnusableError, match="no_caption"):
        flickr30k_images_caption(row._replace(source="flickr30k"))
