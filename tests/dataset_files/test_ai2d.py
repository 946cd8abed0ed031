"""AI2D: letters in place of a diagram's words, and choices that cannot be used."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from visionflan.dataset import BrokenRow
from visionflan.datasets.ai2d import dataset, visual_question_answering, with_letters
from visionflan.errors import UnusableError
from visionflan.image_sources import ComputedImage
from visionflan.specimens import write_json

ENTRY: dict[str, Any] = {
    "abcLabel": False,
    "answerTexts": ["lion", " grass "],
    "correctAnswer": 1,
    "questionId": "0.png-0",
}


def release(root: Path, **questions: Any) -> Path:
    write_json(root / "questions" / "0.png.json", {"imageName": "0.png", "questions": questions})
    return root


def test_letters_cover_the_words_and_nothing_else(tmp_path: Path) -> None:
    dataset.write_specimen(tmp_path, 2)
    image = tmp_path / "images" / "1.png"
    before, after = Image.open(image).convert("RGB"), with_letters(image, "letters")
    left, top, right, bottom = ImageChops.difference(before, after).getbbox() or (0, 0, 0, 0)
    assert (right - left) * (bottom - top) > 0
    assert top > before.height // 3


def test_only_questions_that_speak_of_letters_are_shown_letters(tmp_path: Path) -> None:
    release(tmp_path, Who=ENTRY, What={**ENTRY, "abcLabel": True})
    plain, lettered = dataset.examples("visual_question_answering", tmp_path)
    assert plain.image == tmp_path / "images" / "0.png"
    assert isinstance(lettered.image, ComputedImage)


def test_a_choice_without_words_makes_a_question_unusable(tmp_path: Path) -> None:
    spoiled = {**ENTRY, "answerTexts": ["lion", " "], "correctAnswer": 0}
    (row,) = dataset.rows(release(tmp_path, Who=spoiled))
    with pytest.raises(UnusableError, match="empty_option"):
        visual_question_answering(row)


def test_blanks_are_trimmed_and_counted(tmp_path: Path) -> None:
    release(tmp_path / "ai2d", Who=ENTRY)
    (example,) = dataset.examples("visual_question_answering", tmp_path)
    assert (example.target, example.repaired) == ("grass", ("trimmed_blanks",))


def test_records_that_are_not_questions_are_not_lost(tmp_path: Path) -> None:
    wrong = {**ENTRY, "correctAnswer": 2}
    release(tmp_path, Who=ENTRY, What=wrong, Where=7)
    write_json(tmp_path / "questions" / "1.png.json", [])
    rows = list(dataset.read(tmp_path))
    broken = [row.key for row in rows if isinstance(row, BrokenRow)]
    assert broken == ["0.png.json:1", "0.png.json:2", "1.png.json"]
