"""SciCap: the number of a figure taken off its caption, and figures whose images are not there."""

from pathlib import Path
from typing import Any

import pytest

from visionflan.dataset import BrokenRow, Example
from visionflan.datasets.scicap import dataset
from visionflan.specimens import write_json, write_text

RECORD: dict[str, Any] = {
    "contains-subfigure": False,
    "figure-ID": "1-Figure2-1.png",
    "0-originally-extracted": "Figure 2: Impact of the attack.",
}


def caption_example(root: Path, caption: str) -> Example:
    (root / "SciCap-No-Subfig-Img").mkdir()
    record = {**RECORD, "0-originally-extracted": caption}
    write_json(root / "SciCap-Caption-All" / "Val" / "1-Figure2-1.json", record)
    (example,) = dataset.examples("figure_captioning", root)
    return example


@pytest.mark.parametrize(
    "number", ["Figure 2: ", "Fig. 2. ", "FIG. 12 ", "Figure A1: ", "Fig 2.3: ", "Figure 2-1 | "]
)
def test_the_number_of_a_figure_is_taken_off_and_counted(tmp_path: Path, number: str) -> None:
    example = caption_example(tmp_path, f"{number}Impact of the attack.")
    assert (example.target, example.repaired) == ("Impact of the attack.", ("figure_number",))
    assert example.image == tmp_path / "SciCap-No-Subfig-Img" / "Val" / "1-Figure2-1.png"


@pytest.mark.parametrize(
    "caption", ["Figure 2 shows the impact.", "Figures of merit: all.", "Impact; see Figure 2: it"]
)
def test_a_number_that_belongs_to_a_sentence_stays(tmp_path: Path, caption: str) -> None:
    example = caption_example(tmp_path, caption)
    assert (example.target, example.repaired) == (caption, ())


def test_figures_whose_images_were_not_unpacked_are_left_out(tmp_path: Path) -> None:
    dataset.write_specimen(tmp_path, 6)
    complete = {row.key for row in dataset.rows(tmp_path)}
    images = tmp_path / "SciCap-Yes-Subfig-Img"
    images.rename(tmp_path / "elsewhere")
    left = tmp_path.rename(tmp_path.parent / "without")
    assert len(complete) == 6
    assert len({row.key for row in dataset.rows(left)}) == 4


def test_a_broken_file_is_not_lost(tmp_path: Path) -> None:
    write_text(tmp_path / "SciCap-Caption-All" / "test" / "1.json", "{")
    (broken,) = dataset.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert broken.key == "test/1"
