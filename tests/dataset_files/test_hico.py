"""HICO: which pairs of a verb and an object are told, and how they are said."""

from pathlib import Path

import numpy as np

from visionflan.dataset import BrokenRow
from visionflan.datasets.hico import Pair, Row, dataset, human_activity_detection
from visionflan.layouts.matlab import write_matlab

ACTIONS = [
    ("hair_drier", "no_interaction", "no_interaction"),
    ("person", "hug", "hugging"),
    ("chair", "sit_on", "sitting_on"),
]


def test_only_pairs_that_are_certain_are_read(tmp_path: Path) -> None:
    nan = float("nan")
    fields = [(name, object) for name in ("nname", "vname", "vname_ing")]
    write_matlab(
        tmp_path / "anno.mat",
        {
            "list_action": np.array(ACTIONS, dtype=fields).reshape(-1, 1),
            "list_train": np.array(["a.jpg", "b.jpg"], dtype=object).reshape(-1, 1),
            "anno_train": np.array([[1, 0], [nan, -1], [1, nan]]),
            "list_test": np.empty((0, 1), dtype=object),
            "anno_test": np.empty((3, 0)),
        },
    )
    row, broken = dataset.read(tmp_path)
    pairs = (Pair("hair dryer", ""), Pair("chair", "sitting on"))
    assert row == Row("a.jpg", tmp_path / "images/train2015/a.jpg", pairs, "train")
    assert isinstance(broken, BrokenRow)
    assert broken.key == "b.jpg"


def test_that_nothing_is_done_is_reported_only_where_nothing_is_done() -> None:
    idle, hug = Pair("hair dryer", ""), Pair("person", "hugging")
    both = human_activity_detection(Row("a", Path("a.jpg"), (idle, hug)))
    alone = human_activity_detection(Row("a", Path("a.jpg"), (idle,)))
    assert both is not None
    assert alone is not None
    assert both.target == "hugging another person"
    assert alone.target == "not interacting with the hair dryer"
