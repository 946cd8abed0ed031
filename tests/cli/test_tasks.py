"""The listings of tasks and datasets hold all that the paper and its site have."""

import csv
import json
from importlib.resources import files
from typing import Any

import pytest

from visionflan.cli.main import main

FIELDS = [
    "name",
    "official_name",
    "title",
    "group",
    "category",
    "dataset",
    "instruction",
    "metric",
    "sensitive",
]


def listed(command: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Give what a listing command prints as JSON."""
    assert main([command, "--json"]) == 0
    told: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return told


def test_the_listing_of_tasks_holds_every_line_of_the_official_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = (files("visionflan") / "resources" / "official_tasks.tsv").read_text().splitlines()
    official = list(csv.DictReader(table, delimiter="\t"))
    told = listed("tasks", capsys)
    assert len({task["name"] for task in told}) == len(told) == len(official) == 209
    assert {tuple(task) for task in told} == {tuple(FIELDS)}
    for field in ("official_name", "title", "group", "category"):
        of_ours = {(task["dataset"], task[field]) for task in told}
        assert {(line["dataset"], line[field]) for line in official if line[field]} <= of_ours


def test_the_listing_of_datasets_agrees_with_that_of_tasks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    datasets = listed("datasets", capsys)
    tasks = [task for dataset in datasets for task in dataset["tasks"]]
    assert len(datasets) == 109
    assert tasks == [task["name"] for task in listed("tasks", capsys)]
    for dataset in datasets:
        told = {name: value for name, value in dataset.items() if name != "terms"}
        assert all(value not in ("", [], None) for value in told.values()), dataset["name"]
