"""What the matching task of VQA v2 takes for a question that does not fit."""

from pathlib import Path

import pytest

from visionflan.datasets import vqav2


@pytest.mark.parametrize(
    "question",
    [
        "Is there a dog?",
        "How many dogs are in the kennel?",
        "What is this?",
        "What is in the background?",
        "What is the man holding?",
    ],
)
def test_a_question_that_many_images_answer_is_not_used(question: str) -> None:
    assert vqav2.things(question) == set()


def test_a_question_about_a_thing_is_known_by_its_words() -> None:
    assert vqav2.things("What color are the buses?") == {"buse"}
    assert vqav2.things("What is on top of the cakes?") == {"top", "cake"}


def test_no_foreign_question_names_what_was_asked_about_the_image(tmp_path: Path) -> None:
    vqav2.specimen(tmp_path, 60)
    rows = [row for row in vqav2.read(tmp_path) if isinstance(row, vqav2.Row)]
    known: dict[Path, set[str]] = {}
    for row in rows:
        known.setdefault(row.image, set()).update(vqav2.words(row.question))
    foreign = [row for row in rows if row.shown_question not in ("", row.question)]
    assert foreign
    assert all(known[row.image].isdisjoint(vqav2.things(row.shown_question)) for row in foreign)


def test_both_options_are_right_about_equally_often(tmp_path: Path) -> None:
    vqav2.specimen(tmp_path, 200)
    targets = [
        example.target for example in vqav2.dataset.examples("question_image_match", tmp_path)
    ]
    assert 0.4 < targets.count("the image is enough to answer the question") / len(targets) < 0.6


def test_all_ten_answers_are_references(tmp_path: Path) -> None:
    vqav2.specimen(tmp_path, 4)
    for example in vqav2.dataset.examples("vqav2", tmp_path):
        assert len(example.references) == 10
        assert example.references.count(example.target) >= 7
