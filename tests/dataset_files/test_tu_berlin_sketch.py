from collections import Counter
from pathlib import Path

from PIL import Image

from visionflan.dataset import BrokenRow
from visionflan.datasets import tu_berlin_sketch
from visionflan.specimens import write_image


def test_the_250_classes_have_250_names_of_a_person() -> None:
    kinds = tu_berlin_sketch.kinds()
    assert len(kinds) == len({kind.name for kind in kinds.values()}) == 250
    assert not any(mark in kind.name for kind in kinds.values() for mark in "_()")
    natures = Counter(kind.nature for kind in kinds.values())
    assert natures.keys() == {"living", "lifeless", "undecided"}
    assert natures["undecided"] == 18


def test_directories_with_blanks_and_with_hyphens_are_read(tmp_path: Path) -> None:
    for folder in ("car (sedan)", "car-(sedan)", "head-phones", "unicorn"):
        write_image(tmp_path / "png" / folder / "1.png", Image.new("L", (8, 8)))
    *rows, broken = tu_berlin_sketch.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    names = [row.name for row in rows if not isinstance(row, BrokenRow)]
    assert names == ["car", "car", "headphones"]


def test_living_and_lifeless_are_as_frequent() -> None:
    natures = Counter(
        example.target
        for folder, kind in tu_berlin_sketch.kinds().items()
        for number in range(80)
        if (
            example := tu_berlin_sketch.living_organism_detection(
                tu_berlin_sketch.Row(f"{folder}/{number}.png", Path("x.png"), *kind)
            )
        )
    )
    assert natures.keys() == {"living", "lifeless"}
    assert abs(natures["living"] - natures["lifeless"]) < 0.05 * natures.total()
