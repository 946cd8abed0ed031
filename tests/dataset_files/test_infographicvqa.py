"""InfographicVQA: two tasks of one challenge, and where the files of the second may lie."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets import docvqa
from visionflan.datasets.infographicvqa import dataset
from visionflan.specimens import write_json

POSTER = {"questionId": 1, "question": "Who?", "image_local_name": "7.jpeg", "answers": ["she"]}


@pytest.mark.parametrize(
    "name",
    [
        "infographicsvqa_qas/infographicsVQA_train_v1.0.json",
        "infographicVQA_train_v1.0.json",
        "qas/infographicsVQA_train_v1.0_withQT.json",
    ],
)
def test_infographics_are_read_under_the_names_that_packages_give_them(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "images").mkdir()
    write_json(tmp_path / name, {"data": [POSTER]})
    (row,) = dataset.rows(tmp_path)
    assert (row.key, row.image) == ("infographic/train/1", tmp_path / "images" / "7.jpeg")
    assert not list(dataset.examples("single_document_question", tmp_path))


def test_documents_are_read_from_the_release_of_docvqa_next_to_it(tmp_path: Path) -> None:
    docvqa.specimen(tmp_path / "docvqa", 2)
    (tmp_path / "infographicvqa" / "images").mkdir(parents=True)
    own = tmp_path / "infographicvqa" / "infographicsVQA_val_v1.0_withQT.json"
    write_json(own, {"data": [POSTER]})
    keys = [row.key for row in dataset.rows(own.parent)]
    assert keys[0] == "infographic/val/1"
    assert keys[1:] == [f"document/{row.key}" for row in docvqa.dataset.rows(tmp_path / "docvqa")]


def test_a_neighbor_that_cannot_be_read_is_named_and_costs_no_infographic(tmp_path: Path) -> None:
    (tmp_path / "infographicvqa" / "images").mkdir(parents=True)
    own = tmp_path / "infographicvqa" / "infographicsVQA_val_v1.0_withQT.json"
    write_json(own, {"data": [POSTER]})
    write_json(tmp_path / "docvqa" / "val_v1.0.json", {"data": []})
    row, broken = dataset.read(own.parent)
    assert row.key == "infographic/val/1"
    assert isinstance(broken, BrokenRow)
    assert broken.reason == "neighbor_release"
    assert "docvqa" in broken.detail
