"""The card of a build accounts for every row, and has the settings of the build."""

import re
from dataclasses import fields

import pytest

from tests.helpers.board import MakeBoard, row_of
from visionflan.builder.plan import BuildSettings
from visionflan.builder.summary import summary

pytestmark = pytest.mark.usefixtures("board")


def table(card: str, heading: str) -> list[dict[str, str]]:
    """Return the first table under a heading, with its cells by column."""
    section = card.split(f"## {heading}\n")[1].split("\n## ", maxsplit=1)[0]
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:1] == "|"]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def test_the_counts_of_a_task_add_up_to_its_rows(make: MakeBoard) -> None:
    rows = [row_of(n, **({"only": "count"} if n % 3 == 0 else {})) for n in range(12)]
    directory = make([*rows, row_of(2, target=" ")], 12, max_per_task=4)
    columns = ("train", "held out", "not applicable", "dropped", "over maximum")
    counts = {}
    for task in table((directory.path / "README.md").read_text(), "Tasks"):
        assert sum(int(task[column]) for column in columns) == int(task["rows read"])
        counts[task["task"]] = [int(task[column]) for column in columns]
    assert counts["`board/ask`"][2:4] == [4, 1]
    assert sum(counts["`board/ask`"][:2]) == 4


def test_dropped_rows_of_no_task_are_on_the_card_and_in_the_summary(make: MakeBoard) -> None:
    directory = make([*(row_of(n) for n in range(3)), "{broken", "{broken"], 3)
    card = (directory.path / "README.md").read_text()
    assert "Also dropped, and counted in no task: 2 rows (`board/*` in the ledger).\n" in card
    lines = summary(directory.path, directory.manifest).splitlines()
    assert [line.split() for line in lines if "board/*" in line] == [["board/*", "2"]]
    sound = make([row_of(n) for n in range(3)], 3, out="sound")
    assert "board/*" not in (sound.path / "README.md").read_text()
    assert "board/*" not in summary(sound.path, sound.manifest)


def test_the_settings_and_versions_are_on_the_card(make: MakeBoard) -> None:
    directory = make([row_of(n) for n in range(3)], 3, max_per_task=1234, phrasings="all")
    card = (directory.path / "README.md").read_text()
    settings = {line["setting"]: line["value"] for line in table(card, "Settings")}
    assert settings.keys() == {f"`{field.name}`" for field in fields(BuildSettings)} | {"versions"}
    assert settings["`max_per_task`"] == "`1,234`"
    assert settings["`phrasings`"] == "`all`"
    assert settings["`include_sensitive`"] == "no"
    assert settings["`hold_out_tasks`"] == "none"
    assert f"visionflan {directory.manifest['versions']['visionflan']}" in settings["versions"]


def test_one_of_each_is_in_the_singular(make: MakeBoard) -> None:
    directory = make([row_of(0)], 1, tasks=("board/ask",))
    card = (directory.path / "README.md").read_text()
    assert "1 instance of 1 task over 1 distinct image (" in card
    assert not re.search(r"(?<![\d,.])1 (instances|tasks|distinct images|files)", card)
