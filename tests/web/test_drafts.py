"""Drafts are kept in the order in which they were typed, and only where words differ."""

from pathlib import Path

from visionflan.authoring.task_words import TaskWords
from visionflan.web.drafts import Draft, Drafts

BASE = TaskWords("A", "OCR", ("One.",))


def test_a_request_that_was_overtaken_does_not_bring_old_words_back(tmp_path: Path) -> None:
    drafts, base = Drafts(tmp_path), BASE
    early, late = drafts.next_number(), drafts.next_number()
    drafts.save("lab", "task", Draft(base._replace(title="Late"), base), late)
    drafts.save("lab", "task", Draft(base._replace(title="Early"), base), early)
    draft = drafts.load("lab", "task")
    assert draft is not None
    assert draft.words.title == "Late"
    drafts.remove("lab", "task", drafts.next_number())
    drafts.save("lab", "task", Draft(base._replace(title="Early"), base), early)
    assert drafts.load("lab", "task") is None


def test_words_of_the_file_are_no_draft(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    drafts.save("lab", "task", Draft(BASE._replace(title="B"), BASE), drafts.next_number())
    assert drafts.time("lab", "task")
    drafts.save("lab", "task", Draft(BASE._replace(title=" A "), BASE), drafts.next_number())
    assert drafts.load("lab", "task") is None
    assert drafts.time("lab", "task") == ""


def test_only_edited_fields_stay_when_the_file_changes() -> None:
    current = TaskWords("New", "Chart", ("New.",))
    draft = Draft(BASE._replace(category="Diagram"), BASE)
    assert draft.rebased(current) == Draft(TaskWords("New", "Diagram", ("New.",)), current)
