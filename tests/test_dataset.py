"""A dataset file declares valid licenses, categories, metrics and options; others are refused."""

from pathlib import Path
from typing import NamedTuple

import pytest

from visionflan.dataset import Dataset, Example, join_lines
from visionflan.errors import UnusableError


class Row(NamedTuple):
    key: str


def dataset(license: str = "MIT") -> Dataset[Row]:
    return Dataset[Row](
        title="Lab", homepage="", license=license, citation="", obtain="", tree="labels.csv"
    )


@pytest.mark.parametrize(
    ("reason", "parts"),
    [
        ("empty_target", {"target": " "}),
        ("target_not_in_options", {"target": "cat", "options": ("dog", "cow")}),
        ("repeated_option", {"target": "cat", "options": ("cat", "Cat")}),
        ("image_token_in_text", {"target": "cat", "text": "what is <image>?"}),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(reason: str, parts: dict[str, str]) -> None:
    with pytest.raises(UnusableError) as refused:
        Example(image=Path("a.png"), **parts)  # type: ignore[arg-type]
    assert refused.value.reason == reason


def test_an_unknown_license_is_refused_with_the_vocabulary() -> None:
    with pytest.raises(ValueError, match=r"'WTFPL' is not one of Apache-2\.0"):
        dataset("WTFPL")


def test_an_unknown_license_is_not_commercial() -> None:
    assert not dataset("unknown").commercial
    assert dataset("MIT").commercial


@pytest.mark.parametrize(("category", "metric"), [("Birds", "cider"), ("OCR", "f2")])
def test_a_task_outside_the_vocabularies_is_refused(category: str, metric: str) -> None:
    with pytest.raises(ValueError, match="is not one of"):
        dataset().task("Name it.", title="", category=category, metric=metric)  # type: ignore[arg-type]


def test_two_tasks_of_one_name_are_refused() -> None:
    declared = dataset()

    def name_it(row: Row) -> Example:
        return Example(image=Path(row.key), target="a")

    declared.task("Name it.", title="", category="OCR")(name_it)
    with pytest.raises(ValueError, match="already has a task"):
        declared.task("Say it.", title="", category="OCR")(name_it)


def test_a_task_takes_its_official_name_from_title_and_function() -> None:
    declared = dataset()

    @declared.task("Name it.", title="", category="OCR")
    def name_it(row: Row) -> Example | None:
        return None

    assert declared.tasks["name_it"].official_name == "Lab+name_it"
    assert declared.tasks["name_it"].group == "question answering"


def test_lines_of_a_paragraph_are_joined_and_a_blank_line_breaks() -> None:
    assert join_lines("\n    One\n    line.\n\n    Two.\n    ") == "One line.\nTwo."


def test_the_first_phrasing_is_the_instruction() -> None:
    declared = dataset()

    @declared.task(
        "Name it.", "What is\n    it?", title="", category="OCR", published_form="It is X."
    )
    def name_it(row: Row) -> Example | None:
        return None

    task = declared.tasks["name_it"]
    assert (task.instruction, task.phrasings) == ("Name it.", ("Name it.", "What is it?"))
    assert task.published_form == "It is X."


def test_a_dataset_names_a_field_for_the_split_or_why_it_has_none() -> None:
    with pytest.raises(ValueError, match="give split_field or no_split, not both"):
        Dataset[Row](
            title="Lab", homepage="", license="MIT", citation="", obtain="", tree="",
            split_field="key", no_split="there is one part",
        )  # fmt: skip


def test_the_official_split_is_one_of_three_words_or_empty() -> None:
    declared = Dataset[Row](
        title="Lab", homepage="", license="MIT", citation="", obtain="", tree="",
        split_field="key", group_field="key",
    )  # fmt: skip
    assert [declared.official_split(Row(word)) for word in ("test", "")] == ["test", ""]
    assert declared.hold_out_group(Row("video 7")) == "video 7"
    assert declared.hold_out_group(Row(None)) == ""  # type: ignore[arg-type]
    assert (dataset().official_split(Row("test")), dataset().hold_out_group(Row("a"))) == ("", "")
    with pytest.raises(UnusableError, match="key is 'dev', not train, validation, test"):
        declared.official_split(Row("dev"))
