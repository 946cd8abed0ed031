"""Held-out questions in several phrasings, and how much the scores depend on them."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.tiny_evaluation import (
    INSTRUCTIONS,
    ToyModel,
    ToyReply,
    run_evaluation,
    tiny_build,
)
from visionflan.cli.shared.score_tables import print_scores
from visionflan.evaluate.held_out import held_out_set
from visionflan.evaluate.phrasings import PHRASINGS, ScoreTable, bootstrap_interval, rephrased_set
from visionflan.evaluate.records.files import RECORDS
from visionflan.evaluate.records.header import TrainingOverlap
from visionflan.evaluate.records.record import Record, read_records
from visionflan.evaluate.run import evaluate, rescore
from visionflan.evaluate.settings import EvaluationSettings
from visionflan.evaluate.subject import EvalSubject
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Turn

TASK = "shapes/color"
PHRASINGS_OF_TASK = [
    INSTRUCTIONS[TASK],
    "Which color has the square?",
    "A square: its color, please.",
]


class LiteralModel(ToyModel):
    """Answers red to every question that does not have a certain phrasing."""

    def generate(
        self,
        conversations: Sequence[Sequence[Turn]],
        images: Sequence[Sequence[Image.Image]],
        max_new_tokens: int,
    ) -> Sequence[ToyReply]:
        replies = super().generate(conversations, images, max_new_tokens)
        return [
            ToyReply("red", 1, "stop") if "its color, please" in turns[-1].text else reply
            for turns, reply in zip(conversations, replies, strict=True)
        ]


@pytest.fixture
def build(tmp_path: Path) -> BuildDirectory:
    built = tiny_build(tmp_path / "build")
    manifest = json.loads((built.path / "manifest.json").read_text())
    manifest["tasks"][TASK]["phrasings"] = PHRASINGS_OF_TASK
    (built.path / "manifest.json").write_text(json.dumps(manifest))
    return BuildDirectory(built.path)


def evaluate_phrasings(build: BuildDirectory, out: Path, model: ToyModel) -> list[Record]:
    """Evaluate the other phrasings, and return their records."""
    rephrased = rephrased_set(held_out_set([build]), None)
    assert rephrased
    subject = EvalSubject(model=model, path=out, run="run", stage="base")
    evaluate(subject, rephrased, out / PHRASINGS, EvaluationSettings(conditions=("original",)))
    return read_records(out / PHRASINGS / RECORDS)


def test_each_item_is_asked_in_every_other_phrasing(build: BuildDirectory) -> None:
    every = held_out_set([build])
    rephrased = rephrased_set(every, None)
    assert rephrased
    assert set(rephrased.items) == {TASK}
    assert len(rephrased.items[TASK]) == 2 * len(every.items[TASK])
    item, first, second = every.items[TASK][0], *rephrased.items[TASK][:2]
    assert first.prompt == item.prompt.replace(PHRASINGS_OF_TASK[0], PHRASINGS_OF_TASK[1])
    assert second.prompt == item.prompt.replace(PHRASINGS_OF_TASK[0], PHRASINGS_OF_TASK[2])
    assert (first.prompt_style, second.prompt_style) == ("phrasing 2", "phrasing 3")
    assert len({item.sample_key, first.sample_key, second.sample_key}) == 3
    assert (first.images, first.target) == (item.images, item.target)


@pytest.mark.parametrize("included", [False, True])
def test_other_phrasings_belong_to_an_evaluation_that_knows_its_images(
    included: bool, build: BuildDirectory
) -> None:
    overlap = TrainingOverlap(known=True, included=included, questions={"a/b": 2}, images=1)
    rephrased = rephrased_set(replace(held_out_set([build]), overlap=overlap), None)
    assert rephrased is not None
    assert rephrased.overlap == TrainingOverlap(known=True, included=included)


def test_the_limit_is_that_of_the_evaluation(build: BuildDirectory) -> None:
    rephrased = rephrased_set(held_out_set([build]), 3)
    assert rephrased
    assert len(rephrased.items[TASK]) == 2 * 3


def test_a_build_without_other_phrasings_has_none(tmp_path: Path) -> None:
    assert rephrased_set(held_out_set([tiny_build(tmp_path / "build")]), None) is None


def test_a_model_that_ignores_the_phrasing_is_not_sensitive(
    build: BuildDirectory, tmp_path: Path
) -> None:
    evaluate_phrasings(build, tmp_path / "out", ToyModel())
    scores, _ = run_evaluation(build, tmp_path / "out")
    assert scores["sensitivity"]["mean"] == scores["sensitivity"]["high"] == 0
    assert scores["sensitivity"]["tasks"][TASK]["scores"] == [1, 1, 1]


def test_a_model_that_takes_words_literally_is_sensitive(
    build: BuildDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = LiteralModel()
    records = evaluate_phrasings(build, tmp_path / "out", model)
    scores, _ = run_evaluation(build, tmp_path / "out", model)
    share = float(np.mean([record.target == "red" for record in records]))
    task = scores["sensitivity"]["tasks"][TASK]
    assert task["scores"] == pytest.approx([1, 1, share])
    expected = float(np.std([1, 1, share]) / np.mean([1, 1, share]))
    assert scores["sensitivity"]["mean"] == task["sensitivity"] == pytest.approx(expected)
    assert scores["sensitivity"]["low"] < expected < scores["sensitivity"]["high"]
    assert scores["tasks"][TASK]["score"]["mean"] == 1
    assert rescore(tmp_path / "out")["sensitivity"] == scores["sensitivity"]
    print_scores([scores], as_json=False)
    assert f"sensitivity to the phrasing: {expected:.3f}" in capsys.readouterr().out


def test_answers_of_another_checkpoint_do_not_count(build: BuildDirectory, tmp_path: Path) -> None:
    evaluate_phrasings(build, tmp_path / "out", ToyModel("other"))
    scores, _ = run_evaluation(build, tmp_path / "out")
    assert "sensitivity" not in scores


def test_an_item_counts_under_its_own_phrasing(build: BuildDirectory, tmp_path: Path) -> None:
    every = held_out_set([build], [TASK])
    mixed = [
        item._replace(prompt=item.prompt.replace(PHRASINGS_OF_TASK[0], PHRASINGS_OF_TASK[n % 3]))
        for n, item in enumerate(every.items[TASK])
    ]
    built = replace(every, items={TASK: mixed})
    rephrased = rephrased_set(built, None)
    assert rephrased
    subject = EvalSubject(model=LiteralModel(), path=tmp_path, run="run", stage="base")
    settings = EvaluationSettings(conditions=("original",))
    evaluate(subject, rephrased, tmp_path / "out" / PHRASINGS, settings)
    scores = evaluate(subject, built, tmp_path / "out", settings)
    share = float(np.mean([item.target == "red" for item in mixed]))
    assert scores["sensitivity"]["tasks"][TASK]["scores"] == pytest.approx([1, 1, share])


def test_a_single_cluster_has_no_interval() -> None:
    one = ScoreTable(np.array([[1.0, 0.0], [1.0, 1.0]]), ["a", "a"])
    assert bootstrap_interval({"task": one}) == (None, None)
    assert bootstrap_interval({"task": ScoreTable(one.scores, ["a", "b"])}) != (None, None)
