"""OCR-VQA: where a cover is, books that cannot be read, and the genres of answers."""

import re
from pathlib import Path

from PIL import Image

from visionflan.dataset import BrokenRow
from visionflan.datasets.ocr_vqa import GENRES, cover, dataset
from visionflan.specimens import write_image, write_json

BOOK = {"imageURL": "http://x/I/61Y5.jpg", "questions": ["Who  wrote it?"], "answers": ["Lee "]}


def test_a_cover_is_found_under_the_ending_of_its_address_or_as_jpg(tmp_path: Path) -> None:
    assert cover(tmp_path, "7", "http://x/I/61Y5.jpg") == tmp_path / "7.jpg"
    assert cover(tmp_path, "7", "http://x/I/61Y5.gif") == tmp_path / "7.jpg"
    write_image(tmp_path / "7.gif", Image.new("L", (1, 1)))
    assert cover(tmp_path, "7", "http://x/I/61Y5.gif") == tmp_path / "7.gif"


def test_blanks_are_trimmed_and_counted(tmp_path: Path) -> None:
    write_json(tmp_path / "dataset.json", {"7": BOOK})
    (example,) = dataset.examples("visual_question_answering", tmp_path)
    assert (example.text, example.target) == ("Who wrote it?", "Lee")
    assert example.repaired == ("trimmed_blanks",)


def test_a_book_with_more_questions_than_answers_is_broken(tmp_path: Path) -> None:
    write_json(tmp_path / "dataset.json", {"1": {**BOOK, "answers": []}, "2": BOOK, "3": []})
    first, second, third = dataset.read(tmp_path)
    assert isinstance(first, BrokenRow)
    assert second.key == "2/0"
    assert isinstance(third, BrokenRow)


def test_every_phrasing_lists_the_genres_of_the_release() -> None:
    listed = re.compile(r"(?::|are|genres) ((?:[A-Z][^;.]+; ){31}[A-Z][^;.]+)\.")
    phrasings = dataset.tasks["visual_question_answering"].phrasings
    orders = [tuple(listed.findall(phrasing)[0].split("; ")) for phrasing in phrasings]
    (genres,) = {frozenset(order) for order in orders}
    assert len(genres) == 32
    assert {*GENRES, "Calendars"} <= genres
    assert len(set(orders)) == len(phrasings)
