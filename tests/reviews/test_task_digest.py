"""Which changes of a dataset file change the digest of a task."""

from pathlib import Path

import pytest

from tests.helpers.reviewing import edit
from visionflan import catalog
from visionflan.reviews.task_digest import task_digests

ASK, COUNT = {"ask"}, {"count"}
ALL = {"ask", "count", "age"}
# A text of board.py, what replaces it, and the tasks whose digest changes.
CHANGES = [
    pytest.param("Say what is asked.", "Answer what is asked.", ASK, id="instruction"),
    pytest.param("Asked: what?", "Asked: what, please?", ASK, id="phrasing"),
    pytest.param('title="Count"', 'title="Number"', COUNT, id="title"),
    pytest.param('category="Reasoning"', 'category="OCR"', COUNT, id="category"),
    pytest.param('title="Age", category', 'title="Age", metric="anls", category', {"age"}, id="m"),
    pytest.param("text=row.key, target", "text=row.key + '?', target", COUNT, id="own code"),
    pytest.param('row.line["target"]', 'tidy(row.line["target"])', ASK, id="call of a helper"),
    pytest.param("def board_image(", "N = 9\n\n\ndef board_image(", set(), id="unused constant"),
    pytest.param("for entry in json_lines", "for entry in sorted_lines", ALL, id="reader"),
    pytest.param('return str(self.line.get("part"', 'return str(self.line.get("p"', ALL, id="row"),
    pytest.param("else inside(root, name)", "else root / name", ALL, id="used by the reader"),
    pytest.param("random.Random(number)", "random.Random(number + 1)", set(), id="specimen"),
    pytest.param('license="MIT"', 'license="Apache-2.0"', set(), id="metadata of the dataset"),
    pytest.param('"""Read the lines."""', '"""Read all lines."""', set(), id="docstring"),
    pytest.param("yield entry\n", "yield entry  # as it is\n", set(), id="comment"),
    pytest.param("def ask(row: Row)", "def ask(\n    row: Row,\n)", set(), id="formatting"),
    pytest.param(
        '"Say what is asked."', '"""\n    Say what\n    is asked."""', set(), id="wrapped"
    ),
    pytest.param("import random\n", "import math\nimport random\n", set(), id="unused import"),
    pytest.param(
        "@dataset.specimen\n", "json_lines = sorted\n\n\n@dataset.specimen\n", ALL, id="2"
    ),
    pytest.param("@dataset.specimen\n", "Row.x = 1\n\n\n@dataset.specimen\n", ALL, id="statement"),
]


@pytest.mark.parametrize(("old", "new", "changed"), CHANGES)
def test_a_change_counts_for_the_tasks_that_it_concerns(
    board_file: Path, old: str, new: str, changed: set[str]
) -> None:
    before = task_digests("board")
    edit(board_file, old, new)
    after = task_digests("board")
    assert {task for task in before if before[task] != after[task]} == changed


def test_a_helper_counts_for_the_tasks_that_call_it(board_file: Path) -> None:
    edit(board_file, "def board_image(", "def tidy(text):\n    return text\n\n\ndef board_image(")
    edit(board_file, "text=row.key, target", "text=tidy(row.key), target")
    before = task_digests("board")
    edit(board_file, "    return text\n", "    return text.strip()\n")
    after = task_digests("board")
    assert {task for task in before if before[task] != after[task]} == COUNT


def test_a_loop_that_declares_tasks_counts_with_all_that_it_uses(board_file: Path) -> None:
    loop = """

def describer(name):
    def describe(row):
        return Example(image=row.images, target=name)

    describe.__name__ = name
    return describe


for name in ("left", "right"):
    dataset.task(f"Where is {name}?", title=name, category="OCR")(describer(name))
"""
    board_file.write_text(board_file.read_text() + loop)
    catalog.load.cache_clear()
    before = task_digests("board")
    edit(board_file, "target=name)", "target=name.upper())")
    after = task_digests("board")
    assert all(before[task] != after[task] for task in ("left", "right"))
    edit(board_file, 'license="MIT"', 'license="Apache-2.0"')
    assert task_digests("board") == after


def test_a_module_beside_the_dataset_file_counts(
    board_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = board_file.parent / "review_names.py"
    names.write_text("NAMES = ('cat',)\n")
    monkeypatch.syspath_prepend(board_file.parent)
    edit(board_file, "import random\n", "import random\nimport review_names\n")
    before = task_digests("board")
    for text, is_same in (("NAMES = (\n    'cat',)  # one\n", True), ("NAMES = ('dog',)\n", False)):
        names.write_text(text)
        catalog.load.cache_clear()
        assert (task_digests("board") == before) is is_same


def test_the_tasks_of_the_package_have_different_digests() -> None:
    digests = [digest for name in ("pacs", "coco") for digest in task_digests(name).values()]
    assert len(set(digests)) == len(digests) == 19


EVERY_SYNTAX = """
from typing import NamedTuple

from visionflan.dataset import Dataset, Example

WIDTH = 3


class Row(NamedTuple):
    key: str = f"{WIDTH!r:>{WIDTH}}  or {'x'}" "y"


dataset = Dataset[Row](title="T", homepage="h", license="MIT", citation="c", obtain="o", tree="t")


@dataset.reader
def read(root):
    yield from ()


@dataset.specimen
def specimen(root, count):
    pass


@dataset.task("Say \u2018yes\u2019.", title="Yes", category="OCR")
def yes(row: Row, /, *rest, more=None, **others) -> Example | None:
    match rest:
        case [_, *_] if (y := -1.5e3) and not {**others}:
            return lambda: b"\\x00" * y
        case str() | None:
            return f"{row.key:<{WIDTH}}{1:.2f}"
"""


def test_the_digest_is_the_same_in_every_version_of_python(board_file: Path) -> None:
    board_file.write_text(EVERY_SYNTAX)
    catalog.load.cache_clear()
    assert task_digests("board") == {
        "yes": "e97a4324adaa14cc4a779585c0224ff89425ca7db01a52c82341cfa06e5fc0ac"
    }
