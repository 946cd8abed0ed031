"""Facts of VOC 2007 that the reader and the task must respect."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets import voc2007
from visionflan.errors import UnusableError
from visionflan.specimens import write_text

THING = "<object><name>{}</name><difficult>{}</difficult>{}</object>"


def row_of(root: Path, *things: str) -> voc2007.Row | BrokenRow:
    """Read one annotation that holds these things."""
    text = f"<annotation><filename>000001.jpg</filename>{''.join(things)}</annotation>"
    write_text(root / "VOCdevkit/VOC2007/Annotations/000001.xml", text)
    (row,) = voc2007.read(root)
    return row


def test_the_parts_of_a_person_are_no_things(tmp_path: Path) -> None:
    row = row_of(tmp_path, THING.format("person", 0, "<part><name>head</name></part>"))
    assert isinstance(row, voc2007.Row)
    assert row.kinds == {"person"}
    assert row.image == tmp_path / "VOCdevkit/VOC2007/JPEGImages/000001.jpg"


def test_difficult_things_may_be_named_but_need_not(tmp_path: Path) -> None:
    things = [THING.format("tvmonitor", 0, ""), THING.format("sofa", 1, "")]
    row = row_of(tmp_path, *things, THING.format("tvmonitor", 1, ""))
    assert isinstance(row, voc2007.Row)
    example = voc2007.object_detection(row)
    assert example
    assert example.target == "television or monitor"
    spoken = ("television or monitor", "sofa; television or monitor")
    assert example.references == (*spoken, "tvmonitor", "sofa; tvmonitor")


def test_an_image_of_difficult_things_only_is_unusable(tmp_path: Path) -> None:
    row = row_of(tmp_path, THING.format("cow", 1, ""))
    assert isinstance(row, voc2007.Row)
    with pytest.raises(UnusableError, match="only_difficult_objects"):
        voc2007.object_detection(row)


@pytest.mark.parametrize("thing", ["<object>", THING.format("head", 0, "")])
def test_a_bad_annotation_is_yielded_broken(thing: str, tmp_path: Path) -> None:
    assert isinstance(row_of(tmp_path, thing), BrokenRow)


def test_the_directories_of_the_two_archives_may_stay_apart(tmp_path: Path) -> None:
    for archive in ("VOCtrainval_06-Nov-2007", "VOCtest_06-Nov-2007"):
        folder = tmp_path / archive / "VOCdevkit/VOC2007/Annotations"
        write_text(folder / f"{archive}.xml", "<annotation/>")
    assert len(list(voc2007.read(tmp_path))) == 2


def test_there_are_twenty_kinds_and_the_instruction_names_each() -> None:
    instruction = voc2007.dataset.tasks["object_detection"].instruction
    assert len(voc2007.KINDS) == 20
    assert all(f" {kind}" in instruction for kind in voc2007.KINDS.values())
