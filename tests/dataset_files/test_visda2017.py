from pathlib import Path

from visionflan.dataset import BrokenRow
from visionflan.datasets import visda2017
from visionflan.specimens import write_lines


def test_the_instruction_names_all_twelve_kinds() -> None:
    instruction = visda2017.dataset.tasks["image_classification"].instruction
    assert len(visda2017.KINDS) == 12
    assert all(f" {kind}" in instruction for kind in visda2017.KINDS)


def test_a_row_offers_ten_kinds_and_a_class_beyond_the_twelve_is_reported(tmp_path: Path) -> None:
    write_lines(tmp_path / "validation/image_list.txt", ["truck/truck_1.jpg 11", "truck/x.jpg 12"])
    row, broken = visda2017.read(tmp_path)
    assert isinstance(row, visda2017.Row)
    example = visda2017.object_classification_validation(row)
    assert example is not None
    assert (example.target, len(example.options)) == ("truck", 10)
    assert visda2017.image_classification(row) is None
    assert isinstance(broken, BrokenRow)
    assert broken.key == "validation/line 2"
