from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets.yoga82 import Row, dataset, spoken, yoga_pose_recognition
from visionflan.specimens import write_lines

NAMES = {
    "Akarna_Dhanurasana": "Akarna Dhanurasana",
    "Legs-Up-the-Wall_Pose_or_Viparita_Karani_": "Legs-Up-the-Wall Pose or Viparita Karani",
    "Pose_Dedicated_to_the_Sage_Koundinya_or_Eka_Pada_Koundinyanasana_I_and_II": (
        "Pose Dedicated to the Sage Koundinya or Eka Pada Koundinyanasana I and II"
    ),
    "Scorpion_pose_or_vrischikasana": "Scorpion Pose or Vrischikasana",
    "Side_Crane_(Crow)_Pose_or_Parsva_Bakasana_": "Side Crane (Crow) Pose or Parsva Bakasana",
    "Sitting pose 1 (normal)": "Sitting Pose",
    "Standing_big_toe_hold_pose_or_Utthita_Padangusthasana": (
        "Standing Big Toe Hold Pose or Utthita Padangusthasana"
    ),
    "viparita_virabhadrasana_or_reverse_warrior_pose": (
        "Reverse Warrior Pose or Viparita Virabhadrasana"
    ),
}


@pytest.mark.parametrize("folder", NAMES)
def test_the_name_of_a_directory_becomes_that_of_a_pose(folder: str) -> None:
    assert spoken(folder) == NAMES[folder]


def test_either_half_of_a_name_is_right() -> None:
    example = yoga_pose_recognition(Row("a", Path("a.jpg"), "Bow_Pose_or_Dhanurasana_"))
    assert example
    names = ("Bow Pose or Dhanurasana", "Bow Pose", "Dhanurasana")
    assert example.references == (*names, "Bow_Pose_or_Dhanurasana_")


def test_a_line_without_three_classes_is_broken(tmp_path: Path) -> None:
    write_lines(tmp_path / "yoga_test.txt", ["Split pose/1_0.jpg,0,1", "Split pose/2_0.jpg,0,1,2"])
    broken, row = dataset.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert isinstance(row, Row)
