"""The contact sheet has all images of an instance, and whole words in the names of tasks."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.helpers.board import MakeBoard, row_of
from visionflan.builder.contact_sheet import (
    CELL,
    CONTACT_SHEET,
    GAP,
    MARGIN,
    draw_sheet,
    evenly_spaced,
    wrap_name,
)
from visionflan.catalog import task_names

WORDS = st.text("abcdefg", min_size=1, max_size=12)


def characters(text: str) -> float:
    return len(text)


def colors(image: Image.Image) -> set[tuple[int, ...]]:
    counted = image.getcolors(image.width * image.height)
    assert counted is not None
    return {color for number, color in counted if number > 400 and isinstance(color, tuple)}


def cell(sheet: Image.Image, number: int) -> Image.Image:
    """Return one of the cells of the first row."""
    left = MARGIN + number * (CELL + MARGIN)
    return sheet.crop((left, MARGIN, left + CELL, MARGIN + CELL))


@given(st.lists(WORDS, min_size=1, max_size=9), st.data())
def test_a_name_breaks_between_words_only(words: list[str], data: st.DataObject) -> None:
    name = "".join(f"{word}{data.draw(st.sampled_from('/_- '))}" for word in words[:-1])
    name += words[-1]
    lines = wrap_name(name, characters, 14)
    assert all(len(line) <= 14 for line in lines)
    assert "".join(lines).replace(" ", "") == name.replace(" ", "")
    broken = [word for line in lines for word in re.findall(r"[a-g]+", line)]
    assert broken == words


def test_only_a_word_that_is_too_long_is_shortened() -> None:
    lines = wrap_name("lab/incomprehensibilities_of_us", characters, 12)
    assert lines == ["lab/", "incomprehen…", "of_us"]
    for task in task_names():
        assert "".join(wrap_name(task, characters, 24)) == task


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (20, 20)])
@pytest.mark.parametrize("number", [1, 2, 3, 5])
def test_every_image_of_an_instance_is_in_its_cell(size: tuple[int, int], number: int) -> None:
    palette = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255)][:number]
    images = [Image.new("RGB", size, color) for color in palette]
    sheet = draw_sheet([("a/first", [Image.new("RGB", (9, 9))]), ("a/second", images)])
    assert set(palette) <= colors(cell(sheet, 1))
    assert not set(palette) & colors(cell(sheet, 0))


def test_two_wide_images_are_above_each_other_and_fill_the_width() -> None:
    images = [Image.new("RGB", (400, 100), color) for color in ("#ff0000", "#0000ff")]
    only = cell(draw_sheet([("a/b", images)]), 0)
    center = CELL // 2
    column = [only.getpixel((center, y)) for y in range(CELL)]
    assert column.index((255, 0, 0)) < column.index((0, 0, 255))
    assert only.getpixel((GAP, column.index((255, 0, 0)) + 3)) == (255, 0, 0)


def test_many_tasks_are_sampled_from_the_first_to_the_last() -> None:
    names = [f"t{n}" for n in range(197)]
    chosen = evenly_spaced(names, 60)
    assert (len(chosen), chosen[0]) == (60, "t0")
    assert names.index(chosen[-1]) > 190
    assert evenly_spaced(names[:7], 60) == names[:7]
    assert evenly_spaced([], 60) == []


@pytest.mark.usefixtures("board")
def test_a_build_with_and_without_images_has_a_sheet(make: MakeBoard, tmp_path: Path) -> None:
    full = make([row_of(n) for n in range(3)], 3)
    with Image.open(full.path / CONTACT_SHEET) as sheet:
        assert sheet.width > 2 * CELL
    draw_sheet([]).save(tmp_path / "empty.jpg")
