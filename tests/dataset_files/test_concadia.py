from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets import concadia
from visionflan.errors import ReleaseError, UnusableError
from visionflan.specimens import write_text

RECORD = """
{"images": [{"filename": "1.jpg", "split": "val", "description": {"raw": "A hill"},
  "caption": {"raw": "The hill"}, "context": {"raw": " It is high. It is green."}},
  {"filename": "2.jpg", "split": "train", "description": {"raw": "A dale"}}]}
"""


def row(description: str = "", caption: str = "", context: str = "") -> concadia.Row:
    return concadia.Row("1.jpg", Path("1.jpg"), description, caption, context)


@pytest.mark.parametrize(
    ("name", "text", "folder"),
    [
        ("wiki_split.json", RECORD, "resized"),
        ("exp_sample.json", f"var main_trials = {RECORD.strip()};\n", "images"),
    ],
)
def test_the_release_and_the_sample_hold_the_same_records(
    tmp_path: Path, name: str, text: str, folder: str
) -> None:
    (tmp_path / folder).mkdir()
    write_text(tmp_path / name, text)
    complete, lacking = concadia.read(tmp_path)
    assert complete == concadia.Row(
        "1.jpg",
        tmp_path / folder / "1.jpg",
        "A hill",
        "The hill",
        " It is high. It is green.",
        "validation",
        "",
    )
    assert isinstance(lacking, BrokenRow)


def test_a_file_that_is_not_json_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    write_text(tmp_path / "wiki_split.json", '{"images": [')
    with pytest.raises(ReleaseError, match="wiki_split"):
        list(concadia.read(tmp_path))


def test_headings_footnotes_and_blanks_are_taken_out_and_named() -> None:
    context = "  History[edit] Built[a] in 1900.[note 2]  It is [the] first."
    example = concadia.captioned(row(caption=" A dam", context=context), brief=False)
    assert example.target == "A dam. Built in 1900. It is [the] first."
    assert set(example.repaired) == {"section_heading", "footnote_mark", "trimmed_blanks"}


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("It fell. It rose.", "It fell."),
        ("J. C. Smith of the U.S. Army met Dr. Who in St. Ives. He left.", None),
        ('He said "Yes." Then he left.', 'He said "Yes."'),
        ("It is 3.5 m high, ca. 1900", "It is 3.5 m high, ca. 1900"),
    ],
)
def test_one_sentence_of_background_is_a_complete_one(text: str, first: str | None) -> None:
    expected = first or "J. C. Smith of the U.S. Army met Dr. Who in St. Ives."
    assert concadia.sentences(text)[0] == expected


@pytest.mark.parametrize(
    "context",
    [
        "References[edit] ^ A book.",
        " Year WinnerRef.1989Guns and RosesAerosmithDef LeppardYes",
        " ",
    ],
)
def test_what_is_no_prose_is_no_background(context: str) -> None:
    with pytest.raises(UnusableError, match="no_background"):
        concadia.image_caption_context_1(row(caption="A dam", context=context))


@pytest.mark.parametrize("description", ["Photograph", "image", "Florence 2018-09-05 1630Z.jpg"])
def test_an_alt_text_without_content_is_refused(description: str) -> None:
    with pytest.raises(UnusableError, match="no_description"):
        concadia.image_description(row(description=description))


@pytest.mark.shared
def test_the_real_sample_is_read_completely(shared: Path) -> None:
    rows = list(concadia.read(shared / "real/concadia"))
    assert len(rows) == 300
    assert all(not isinstance(row, BrokenRow) and row.image.is_file() for row in rows)


@pytest.mark.parametrize(
    "fused", ["in the 201516 series", "British Commander, 17781782", "(r. 960976)", "c. 430420 BCE"]
)
def test_years_that_have_run_together_are_refused(fused: str) -> None:
    with pytest.raises(UnusableError, match="run together"):
        concadia.captioned(row(caption=f"A dam {fused}", context="A dam."), brief=False)
    with pytest.raises(UnusableError, match="run together"):
        concadia.image_description(row(description=f"A dam {fused}"))


@pytest.mark.parametrize("number", ["4,796,900", "in 2019", "16020 Bursa", "44.8005500"])
def test_other_numbers_stay(number: str) -> None:
    concadia.refuse_fused_years(f"There are {number} of them")


def test_the_background_is_the_sentence_on_the_caption_and_hatnotes_are_left_out() -> None:
    context = "Main article: Dams The region is dry. Rain is rare. The dam holds a lake. It is new."
    example = concadia.captioned(row(caption="The dam", context=context), brief=True)
    assert example.target == "The dam. The dam holds a lake."
    assert "hatnote" in example.repaired
    whole = concadia.captioned(row(caption="The dam", context=context), brief=False)
    assert whole.target == "The dam. Rain is rare. The dam holds a lake. It is new."
    with pytest.raises(UnusableError, match="no sentence"):
        concadia.captioned(row(caption="A horse", context=context), brief=True)
