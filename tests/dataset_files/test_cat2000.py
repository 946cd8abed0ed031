"""CAT2000: the 20 kinds are complete and named in full, and maps of fixations are no pictures."""

from pathlib import Path

from visionflan.dataset import BrokenRow
from visionflan.datasets.cat2000 import KINDS, dataset
from visionflan.specimens import write_text


def test_the_instruction_names_all_20_kinds() -> None:
    assert len(set(KINDS.values())) == 20
    assert f": {', '.join(KINDS.values())}." in dataset.tasks["image_classification"].instruction


def test_maps_of_fixations_are_left_out_and_unknown_directories_reported(tmp_path: Path) -> None:
    for name in ("Satelite/001.jpg", "Satelite/Output/001.jpg", "Unheard/001.jpg"):
        write_text(tmp_path / "trainSet/Stimuli" / name, "")
    row, broken = dataset.read(tmp_path)
    assert not isinstance(row, BrokenRow)
    assert (row.key, row.kind) == ("Satelite/001.jpg", "satellite")
    assert isinstance(broken, BrokenRow)
