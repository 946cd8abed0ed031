"""RAVEN's panels are put together into one picture, and never unpickled."""

from pathlib import Path

import numpy as np
import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.raven import CAPTION, GAP, PANEL, compose, dataset, problem
from visionflan.errors import ReleaseError

BLANK = np.zeros((16, PANEL, PANEL), np.uint8)


def write(root: Path, image: object, target: object) -> Path:
    path = root / "RAVEN-10000" / "center_single" / "RAVEN_0_train.npz"
    path.parent.mkdir(parents=True)
    np.savez(path, image=np.asarray(image), target=np.asarray(target))
    return path


def test_each_panel_stands_where_its_name_says(tmp_path: Path) -> None:
    panels = np.arange(16, dtype=np.uint8)[:, None, None] * np.ones((16, PANEL, PANEL), np.uint8)
    page = np.asarray(compose(write(tmp_path, panels, 5), "panels"))
    for index in range(16):
        left = GAP + index % 4 * (PANEL + GAP)
        top = CAPTION + index // 4 * (PANEL + CAPTION)
        assert (page[top : top + PANEL, left : left + PANEL] == index).all()


def test_the_target_is_the_number_of_the_right_panel_counted_from_one(tmp_path: Path) -> None:
    write(tmp_path, BLANK, 5)
    (example,) = dataset.examples("next_pattern", tmp_path)
    assert example.target == "6"


@pytest.mark.parametrize(
    ("target", "reason"), [(8, "target_out_of_range"), ([{"a": 1}], "unreadable_array")]
)
def test_a_problem_without_a_plain_target_is_reported(
    target: object, reason: str, tmp_path: Path
) -> None:
    write(tmp_path, BLANK, target)
    assert [row.reason for row in dataset.read(tmp_path) if isinstance(row, BrokenRow)] == [reason]


def test_a_damaged_file_is_reported_and_an_empty_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="RAVEN_"):
        list(dataset.read(tmp_path))
    write(tmp_path, BLANK, 1).write_bytes(b"PK\x03\x04 cut off")
    assert all(isinstance(row, BrokenRow) for row in dataset.read(tmp_path))


def test_the_right_panel_of_the_specimen_is_the_only_one_that_fits() -> None:
    for index in range(64):
        matrix, options, target = problem(index)
        fitting = [
            index
            for index, option in enumerate(options)
            if (option.corners, option.shade, option.size)
            == (matrix[6].corners, matrix[6].shade, matrix[2].size)
        ]
        assert fitting == [target]
