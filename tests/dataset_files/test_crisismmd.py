"""Facts about CrisisMMD that the tests of all dataset files cannot know."""

from pathlib import Path

import pytest

from visionflan.dataset import BrokenRow
from visionflan.datasets import crisismmd
from visionflan.errors import UnusableError

ROW = crisismmd.Row(
    "srilanka_floods/1_0",
    Path("1_0.jpg"),
    '"Roads & ""bridges"" &amp; all"',
    {
        "text_info": "informative",
        "image_info": "not informative",
        "text_human": "other relevant information",
        "image_human": "",
        "image_damage": crisismmd.UNDECIDED,
    },
)


def test_a_quoted_and_escaped_tweet_is_fixed_and_the_text_is_judged_before_the_image() -> None:
    example = crisismmd.informativeness_classification(ROW)
    assert example is not None
    assert example.text == 'Tweet: Roads & "bridges" & all'
    assert example.repaired == ("tweet_unescaped",)
    assert example.target == "tweet: informative; picture: not informative"


def test_what_was_not_asked_is_no_example_and_what_nobody_could_judge_is_unusable() -> None:
    assert crisismmd.humanitarian_categories_classification(ROW) is None
    with pytest.raises(UnusableError):
        crisismmd.damage_severity_classification(ROW)


def test_an_opening_quotation_mark_does_not_swallow_the_next_line(tmp_path: Path) -> None:
    crisismmd.specimen(tmp_path, 8)
    path = tmp_path / crisismmd.FOLDER / "annotations" / "california_wildfires_final_data.tsv"
    lines = path.read_text().splitlines()
    lines[1] = lines[1].replace("https", '"https')
    path.write_text("\n".join([lines[0], lines[1], "half a line", lines[2]]))
    first, second, third, *_ = crisismmd.read(tmp_path)
    assert not isinstance(first, BrokenRow)
    assert isinstance(second, BrokenRow)
    assert not isinstance(third, BrokenRow)


def test_every_label_stands_in_an_instruction() -> None:
    text = " ".join(task.instruction for task in crisismmd.dataset.tasks.values())
    for labels in crisismmd.COLUMNS.values():
        assert all(label in text for label in labels)
