"""Facts about RAF-DB that the tests of all dataset files cannot know."""

from pathlib import Path

from visionflan.dataset import BrokenRow
from visionflan.datasets import raf_db


def test_aligned_images_are_read_where_there_are_no_original_ones(tmp_path: Path) -> None:
    raf_db.specimen(tmp_path, 2)
    (tmp_path / "basic" / "Image" / "original").rename(tmp_path / "basic" / "Image" / "aligned")
    names = [row.image.name for row in raf_db.dataset.rows(tmp_path)]
    assert names == ["test_0001_aligned.jpg", "train_00002_aligned.jpg"]


def test_a_face_without_attributes_is_broken(tmp_path: Path) -> None:
    raf_db.specimen(tmp_path, 2)
    (tmp_path / "basic" / "Annotation" / "manual" / "test_0001_manu_attri.txt").unlink()
    first, second = raf_db.read(tmp_path)
    assert isinstance(first, BrokenRow)
    assert first.key == "test_0001"
    assert not isinstance(second, BrokenRow)


def test_every_word_of_an_answer_stands_in_the_instruction() -> None:
    instruction = raf_db.dataset.tasks["human_emotion_detection"].instruction
    for labels in (raf_db.GENDERS, raf_db.AGES, raf_db.RACES, raf_db.EMOTIONS):
        assert all(word in instruction for word in labels.values())
