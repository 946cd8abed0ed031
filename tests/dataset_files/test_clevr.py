"""CLEVR is read one question at a time, and its scenes give several questions each."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.clevr import dataset, question_answer_matching, vqa_context
from visionflan.errors import ReleaseError, UnusableError
from visionflan.layouts.clevr import ClevrQuestion, ClevrScene
from visionflan.specimens.clevr import Solid, questions, scene


def record(image: int, question: str, answer: str, number: int) -> dict[str, object]:
    return {
        "image_filename": f"CLEVR_train_{image:06d}.png",
        "question": question,
        "answer": answer,
        "question_index": number,
    }


def write(root: Path, text: str) -> Path:
    path = root / "CLEVR_v1.0" / "questions" / "CLEVR_train_questions.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def read(root: Path, *records: dict[str, object]) -> list[ClevrQuestion | ClevrScene | BrokenRow]:
    write(root, json.dumps({"questions": records, "info": {"split": "train"}}))
    return list(dataset.read(root))


def made_scene(*pairs: tuple[str, str]) -> ClevrScene:
    image = Path("CLEVR_train_000000.png")
    return ClevrScene("train/0", image, tuple(ClevrQuestion("", image, *pair) for pair in pairs))


def test_the_questions_of_a_scene_come_together_and_in_order(tmp_path: Path) -> None:
    rows = read(
        tmp_path, record(0, "a?", "yes", 0), record(0, "b?", "2", 1), record(1, "c?", "no", 2)
    )
    scenes = [row for row in rows if isinstance(row, ClevrScene)]
    assert [[one.question for one in scene.questions] for scene in scenes] == [["a?", "b?"], ["c?"]]
    image = "CLEVR_v1.0/images/train/CLEVR_train_000000.png"
    assert scenes[0].image == tmp_path / image
    assert [row.key for row in rows if isinstance(row, ClevrQuestion)] == [
        "train/0",
        "train/1",
        "train/2",
    ]


def test_a_record_without_answer_is_reported_and_does_not_split_its_scene(tmp_path: Path) -> None:
    lacking = {key: value for key, value in record(0, "b?", "", 1).items() if key != "answer"}
    rows = read(tmp_path, record(0, "a?", "yes", 0), lacking, record(0, "c?", "no", 2))
    assert [row.reason for row in rows if isinstance(row, BrokenRow)] == ["malformed_record"]
    (scene_row,) = [row for row in rows if isinstance(row, ClevrScene)]
    assert [one.question for one in scene_row.questions] == ["a?", "c?"]


def test_questions_that_stand_apart_from_their_scene_are_reported(tmp_path: Path) -> None:
    rows = read(tmp_path, *(record(image, "a?", "yes", n) for n, image in enumerate((0, 1, 0))))
    assert [row.reason for row in rows if isinstance(row, BrokenRow)] == ["scattered_questions"]
    assert sum(isinstance(row, ClevrQuestion) for row in rows) == 3
    assert len({row.key for row in rows if isinstance(row, ClevrScene)}) == 2


def test_questions_are_read_before_the_file_is_read_to_its_end(tmp_path: Path) -> None:
    listed = ", ".join(json.dumps(record(n, "a?", "yes", n)) for n in range(30_000))
    path = write(tmp_path, f'{{"info": {{}}, "questions": [{listed}, {{"image_fi')
    rows = iter(dataset.read(tmp_path))
    assert len(list(islice(rows, 1_000))) == 1_000
    with pytest.raises(ReleaseError, match=re.escape(str(path))):
        list(rows)


def test_questions_by_people_serve_their_own_task_only(tmp_path: Path) -> None:
    read(tmp_path, record(0, "Is there a cube?", "no", 0))
    folder = tmp_path / "CLEVR-Humans"
    folder.mkdir()
    question = {"questions": [record(0, "what color block is farthest back", "red", 0)]}
    (folder / "CLEVR-Humans-train.json").write_text(json.dumps(question))
    texts = {task: [e.text for e in dataset.examples(task, tmp_path)] for task in dataset.tasks}
    assert texts["question_answer"] == ["what color block is farthest back"]
    assert texts["question_answering"] == ["Is there a cube?"]
    assert not texts["vqa_context"]


def test_each_question_is_matched_with_its_answer(tmp_path: Path) -> None:
    dataset.write_specimen(tmp_path, 60)
    scenes: Iterator[ClevrScene] = (
        row for row in dataset.rows(tmp_path) if isinstance(row, ClevrScene)
    )
    for row in scenes:
        example = question_answer_matching(row)
        assert example is not None
        answers = dict(re.findall(r"^(A\d+): (.*)$", example.text, re.MULTILINE))
        pairs = [pair.split("-") for pair in example.target.split("; ")]
        assert [answers[answer] for _, answer in pairs] == [
            question.answer for question in row.questions
        ]
        assert len(set(answers.values())) == len(answers)


def test_a_scene_with_one_answer_to_everything_cannot_be_matched() -> None:
    with pytest.raises(UnusableError, match="one_answer"):
        question_answer_matching(made_scene(("a?", "yes"), ("b?", "yes")))


def test_the_last_question_of_a_conversation_is_open() -> None:
    example = vqa_context(made_scene(("a?", "yes"), ("b?", "2"), ("c?", "cube")))
    assert example is not None
    assert example.text == "Question: a? Answer: yes\nQuestion: b? Answer: 2\nQuestion: c?"
    assert example.target == "cube"


ASKS = {
    r"What color is the (.+)\?": "color",
    r"The (.+) is what shape\?": "shape",
    r"How big is the (.+)\?": "size",
    r"What is the (.+) made of\?": "material",
}


def fitting(text: str, solids: list[Solid]) -> list[Solid]:
    """Find the solids that have every one of the attributes, besides being a thing."""
    wanted = set(text.split()) - {"thing"}
    return [solid for solid in solids if wanted <= set(map(str, solid))]


def answer(question: str, solids: list[Solid]) -> str:
    """Answer a question of the specimen from the scene, in another way than it was made."""
    for pattern, attribute in ASKS.items():
        if match := re.fullmatch(pattern, question):
            (solid,) = fitting(match[1], solids)
            return str(getattr(solid, attribute))
    if match := re.fullmatch(r"What number of (.+)s are there\?", question):
        return str(len(fitting(match[1], solids)))
    if match := re.fullmatch(r"Is there a (.+)\?", question):
        return "yes" if fitting(match[1], solids) else "no"
    assert question == "How many things are there?"
    return str(len(solids))


def test_every_answer_of_the_specimen_is_true_and_the_only_one() -> None:
    for index in range(200):
        solids = scene(index)
        for question in questions(solids, index):
            assert question.answer == answer(question.question, solids), question.question
