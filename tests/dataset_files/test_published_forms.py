"""The published release writes its targets as the tasks say."""

import json
import re
from pathlib import Path

import pytest

from visionflan import catalog

TASKS = {
    task.official_name: task
    for name in catalog.names()
    for task in catalog.load(name).tasks.values()
}


def pattern(form: str) -> str:
    """Return the regular expression of a quoted form, with any text for each capital letter."""
    return "(.+)".join(map(re.escape, re.split(r"\b[ABCDXY]\b", form[1:-1])))


def test_a_published_form_is_one_line_without_a_closing_full_stop() -> None:
    forms = [task.published_form for task in TASKS.values() if task.published_form]
    assert len(forms) > 50
    assert all("\n" not in form and not form.endswith(".") for form in forms)


@pytest.mark.shared
def test_published_targets_have_the_form_that_the_task_states(shared: Path) -> None:
    quoted = {
        name: task.published_form
        for name, task in TASKS.items()
        if re.fullmatch(r'"[^"]+"', task.published_form)
    }
    matched = 0
    for record in json.loads((shared / "release/annotation_sample.json").read_text()):
        if form := quoted.get(record["task_name"]):
            target = record["conversations"][1]["value"]
            assert re.match(pattern(form), target), (record["task_name"], form, target)
            matched += 1
    assert matched > 20
