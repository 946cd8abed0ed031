"""New words are written to a dataset file that nobody has changed, and only if it still runs."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from visionflan import catalog
from visionflan.authoring.save_words import DatasetFile, change_words, save_words
from visionflan.authoring.scaffold import dataset_file
from visionflan.authoring.task_words import MAX_PHRASING, TaskWords
from visionflan.errors import AuthoringError, DefinitionError

NAME, TASK = "words_lab", "figure_recognition"
WORDS = TaskWords("A title", "OCR", ('Which "figure" is it?', "Name it\\ in one word."))


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a loose dataset file of the catalog."""
    monkeypatch.setattr(catalog, "loose_files", {})
    path = tmp_path / f"{NAME}.py"
    path.write_text(dataset_file(NAME, "Words Lab"))
    catalog.add_file(path)
    yield path
    catalog.load.cache_clear()


def save(words: TaskWords = WORDS, digest: str = "") -> None:
    """Save words under the digest that the file has, or another one."""
    save_words(NAME, TASK, words, digest or DatasetFile.read(NAME).digest)


def test_saved_words_are_those_of_the_catalog_and_of_the_diff(path: Path) -> None:
    before = path.read_text()
    diff = change_words(NAME, TASK, WORDS).diff
    assert path.read_text() == before
    save()
    assert TaskWords.of(catalog.load(NAME).tasks[TASK]) == WORDS
    added = [line[1:] for line in diff if line[0] == "+" and not line.startswith("+++")]
    assert added == [line for line in path.read_text().split("\n") if line not in before]
    save()
    assert change_words(NAME, TASK, WORDS).diff == []


def test_words_of_equal_length_within_one_second_are_those_of_the_catalog(path: Path) -> None:
    for title in ("A", "B", "C"):
        save(WORDS._replace(title=title))
        assert catalog.load(NAME).tasks[TASK].title == title


def test_a_file_that_was_changed_meanwhile_is_left_alone(path: Path) -> None:
    digest = DatasetFile.read(NAME).digest
    path.write_text(path.read_text() + "# by hand\n")
    catalog.reload(NAME)
    before = path.read_text()
    with pytest.raises(AuthoringError, match=f"{path} was changed meanwhile: compare"):
        save(digest=digest)
    assert path.read_text() == before


def test_words_that_break_the_code_are_not_written(path: Path) -> None:
    check = '\nassert "Which" not in dataset.tasks["figure_recognition"].instruction\n'
    path.write_text(path.read_text().replace("Which geometric", "What") + check)
    catalog.reload(NAME)
    before = path.read_text()
    with pytest.raises(DefinitionError, match=f"{path}:.*AssertionError"):
        save()
    assert path.read_text() == before
    assert {file.name for file in path.parent.iterdir()} <= {path.name, "__pycache__"}


def test_code_that_depends_on_the_words_is_not_changed(path: Path) -> None:
    more = '\ndataset.terms = dataset.tasks["figure_recognition"].title\n'
    path.write_text(path.read_text() + more)
    catalog.reload(NAME)
    with pytest.raises(AuthoringError, match="more than the words of figure_recognition"):
        save()


def test_permissions_stay_and_links_are_not_followed(path: Path, tmp_path: Path) -> None:
    path.chmod(0o640)
    save()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    target = tmp_path / "elsewhere.py"
    path.rename(target)
    path.symlink_to(target)
    before = target.read_text()
    with pytest.raises(AuthoringError, match="is a link, which is not followed"):
        save(WORDS._replace(title="Another"))
    assert target.read_text() == before


def test_a_file_that_cannot_be_written_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert DatasetFile.read(NAME).unwritable() == ""
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(AuthoringError, match=f"{path} is not writable for you"):
        save()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (WORDS._replace(title=""), "the title is empty"),
        (WORDS._replace(title="x" * 81), "the title has 81 characters"),
        (WORDS._replace(phrasings=()), "the instruction is empty"),
        (WORDS._replace(phrasings=("a", "b" * (MAX_PHRASING + 1))), "phrasing 2 has 4,001"),
        (WORDS._replace(phrasings=tuple(map(str, range(21)))), "there are 21 phrasings"),
        (WORDS._replace(phrasings=("a", "a")), "phrasing 2 is the same as the instruction"),
        (WORDS._replace(category="Cats"), "the category 'Cats' is not one of"),
        (WORDS._replace(phrasings=("a\0b",)), "the instruction has the control character U.0000"),
        (WORDS._replace(phrasings=("a\ud800b",)), "the control character U.D800"),
        (WORDS._replace(phrasings=("a <image> b",)), "the instruction has <image>"),
    ],
)
def test_words_that_no_task_can_have_are_refused(
    path: Path, words: TaskWords, problem: str
) -> None:
    with pytest.raises(AuthoringError, match=problem):
        change_words(NAME, TASK, words)


def test_words_are_tidied_before_they_are_compared() -> None:
    typed = TaskWords("  A\ttitle ", "OCR", ("One\r\nline.\r\n \r\n  Next\xa0one. ", " ", "b"))
    assert typed.tidy == TaskWords("A title", "OCR", ("One line.\nNext one.", "b"))
    assert typed.tidy.paragraphs.tidy == typed.tidy
