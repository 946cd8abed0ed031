"""OK-VQA keeps its answers as lemmas and as they were written."""

from pathlib import Path

from visionflan.datasets import okvqa
from visionflan.layouts.vqa import VqaQuestion


def test_the_most_frequent_lemma_is_said_in_its_most_frequent_words() -> None:
    lemmas = ("ride", "ride", "ride", "race", "race", "ride", "jump", "jump", "ride", "jump")
    raw = ("ride", "riding", "riding", "race", "races", "riding", "jump", "jump", "rides", "jump")
    question = VqaQuestion("train2014/1", 1, "What are they doing?", "ride", lemmas, raw, "four")
    row = okvqa.in_words(Path(), "train2014", question)
    assert row.answer == "riding"
    assert row.answers.count("riding") == 5
    assert row.answers.count("race") == 2
    assert len(row.answers) == 10


def test_the_files_may_be_in_a_directory_for_each_split(tmp_path: Path) -> None:
    okvqa.specimen(tmp_path, 4)
    flat = [row.key for row in okvqa.read(tmp_path)]
    (tmp_path / "train").mkdir()
    for path in tmp_path.glob("*.json"):
        path.rename(tmp_path / "train" / path.name)
    assert [row.key for row in okvqa.read(tmp_path)] == flat
