"""Tasks that ask about a person are marked, and explained in the docs."""

import re
from pathlib import Path

from visionflan import catalog

PAGE = Path(__file__).parents[2] / "docs/sensitive-tasks.md"


def test_the_page_names_exactly_the_tasks_that_are_marked() -> None:
    marked = {
        f"{name}/{task.name}"
        for name in catalog.names()
        for task in catalog.load(name).tasks.values()
        if task.sensitive
    }
    assert marked == set(re.findall(r"^\| `(\S+/\S+)` \|", PAGE.read_text("utf-8"), re.MULTILINE))


def test_every_task_of_facial_recognition_is_marked() -> None:
    unmarked = {
        f"{name}/{task.name}"
        for name in catalog.names()
        for task in catalog.load(name).tasks.values()
        if task.category == "Facial Recognition" and not task.sensitive
    }
    assert unmarked == set()


def test_instructions_that_ask_for_race_gender_age_or_emotion_are_marked() -> None:
    asking = re.compile(
        r"\b(race|gender|female|how old the person|age and sex|the emotion|which expression)\b",
        re.IGNORECASE,
    )
    unmarked = {
        f"{name}/{task.name}"
        for name in catalog.names()
        for task in catalog.load(name).tasks.values()
        if asking.search(task.instruction) and not task.sensitive
    }
    assert unmarked == set()
