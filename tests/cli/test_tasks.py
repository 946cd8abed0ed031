"""The listings of tasks and datasets contain all that the paper and its site have."""

import csv
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from visionflan import catalog
from visionflan.cli.main import main

FIELDS = [
    "name",
    "official_name",
    "title",
    "group",
    "category",
    "dataset",
    "instruction",
    "phrasings",
    "metric",
    "sensitive",
]


def listing(command: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return what a listing command prints as JSON."""
    assert main([command, "--json"]) == 0
    entries: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return entries


def test_the_listing_of_tasks_has_every_line_of_the_official_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = (files("visionflan") / "resources" / "official_tasks.tsv").read_text().splitlines()
    official = list(csv.DictReader(table, delimiter="\t"))
    entries = listing("tasks", capsys)
    assert len({task["name"] for task in entries}) == len(entries) == len(official) == 209
    assert {tuple(task) for task in entries} == {tuple(FIELDS)}
    for field in ("official_name", "title", "group", "category"):
        of_ours = {(task["dataset"], task[field]) for task in entries}
        assert {(line["dataset"], line[field]) for line in official if line[field]} <= of_ours


def test_the_listing_of_datasets_agrees_with_that_of_tasks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    datasets = listing("datasets", capsys)
    tasks = [task for dataset in datasets for task in dataset["tasks"]]
    assert len(datasets) == 109
    assert tasks == [task["name"] for task in listing("tasks", capsys)]
    for dataset in datasets:
        entries = {name: value for name, value in dataset.items() if name != "terms"}
        assert all(value not in ("", [], None) for value in entries.values()), dataset["name"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--show"], "`--show` needs the name of a task"),
        (["caltech101/image_classification", "--save-images", "here"], "images of `--show`"),
    ],
)
def test_options_that_would_have_no_effect_are_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tasks", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_task_is_printed_with_all_phrasings(capsys: pytest.CaptureFixture[str]) -> None:
    phrasings = catalog.load("okvqa").tasks["ok_vqa"].phrasings
    assert main(["tasks", "okvqa/ok_vqa"]) == 0
    output = capsys.readouterr().out
    assert f"\nInstruction:\n{phrasings[0]}\n\nPhrasing 2:\n{phrasings[1]}\n" in output
    assert output.endswith(f"\nPhrasing {len(phrasings)}:\n{phrasings[-1]}\n")
    assert main(["tasks", "okvqa/ok_vqa", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["phrasings"] == list(phrasings)


def test_a_dataset_lists_its_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "caltech101"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("caltech101/image_classification  ")
    assert lines[1].startswith("caltech101/living_thing_classification  ")
    assert lines[-1].startswith("2 tasks; ")
    assert main(["tasks", "caltech101", "--show"]) == 2
    assert "name caltech101/image_classification, caltech101/living" in capsys.readouterr().err


def test_only_names_that_are_near_are_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "caltech10"]) == 1
    assert "did you mean caltech101" in capsys.readouterr().err
    assert main(["tasks", "coco/quantum_chromodynamics"]) == 1
    assert "did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["check", "my_lab"],
        ["check", "my_lab.py"],
        ["datasets", "my_lab"],
        ["tasks", "my_lab"],
        ["tasks", "my_lab/boards"],
        ["tasks", "--dataset", "my_lab"],
        ["fetch", "--dataset", "my_lab", "--data-root", "."],
        ["build", "--tasks", "my_lab/*", "--out", "build", "--data-root", "."],
    ],
)
def test_a_name_of_a_dataset_file_in_the_working_directory_names_its_option(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my_lab.py").touch()
    Path("ai2d").mkdir()  # a release
    assert main(command) == 1
    message = "is named 'my_lab': to use my_lab.py, add --dataset-file my_lab.py\n"
    assert message in capsys.readouterr().err.replace(".py':", "':")
    Path("my_lab.py").unlink()
    assert main(command) == 1
    assert "--dataset-file" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", [["check", "coco"], ["tasks", "coco/itm", "--show"], ["quickstart"], ["web"]]
)
def test_a_data_root_that_is_no_directory_is_refused(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "nowhere"
    assert main([*command, "--data-root", str(root)]) == 1
    assert f"error: {root} is not a directory: name one with" in capsys.readouterr().err


def test_a_check_of_releases_that_are_not_there_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "coco", "--data-root", str(tmp_path)]) == 1
    assert f"error: {tmp_path} has no release of coco: name the" in capsys.readouterr().err


def test_the_titles_of_tasks_are_in_one_column(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "caltech101"]) == 0
    lines = capsys.readouterr().out.partition("\n\n")[0].splitlines()
    assert len({line.index("Caltech101") for line in lines}) == 1 < len(lines)
