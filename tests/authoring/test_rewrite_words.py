"""New words replace the literals of a task in its file, and not one other character."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visionflan import catalog
from visionflan.authoring.rewrite_words import SourceEditor
from visionflan.authoring.task_words import TaskWords
from visionflan.authoring.word_literals import find_word_literals
from visionflan.errors import AuthoringError
from visionflan.vocabulary import CATEGORIES

TASKS = [
    (name, task.name) for name, dataset in catalog.load_all() for task in dataset.tasks.values()
]
FRAGMENTS = ['"', '""', '"""', "'", "'''", "\\", "\\n", "\\N{DASH}", "{", "}", "%s", "é", "😀"]
FRAGMENTS += ["\u200b", "\u202e", "\xad", "# noqa", "f'", "x" * 120, "(a)", "\n\n", "end."]
PIECE = st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=12))
SENTENCE = st.lists(PIECE, min_size=1, max_size=40).map(" ".join)
WORDS = st.builds(
    TaskWords, SENTENCE, st.sampled_from(list(CATEGORIES)), st.lists(SENTENCE, max_size=4)
).map(lambda words: words._replace(phrasings=tuple(words.phrasings)).tidy)

TASK = """
from visionflan.dataset import Dataset

dataset = Dataset(title="Lab")


@dataset.task(
    {arguments}
)
def task(row):
    return None
"""


@cache
def source_of(name: str) -> str:
    """Return the source of a dataset file."""
    return catalog.file_of(name).read_bytes().decode()


def words_of(source: str, task: str = "task") -> TaskWords:
    """Return the words of a task in a source."""
    return find_word_literals(source, task).words(TaskWords("A", "OCR", ("One.",)))


def rewrite(source: str, task: str, words: TaskWords) -> str:
    """Return a source with other words of a task."""
    return SourceEditor(source, task, words_of(source, task)).rewrite(words)


def source_with(*arguments: str) -> str:
    """Return a file with a task that is declared with these arguments."""
    return TASK.format(arguments="\n    ".join(arguments))


def is_usable(words: TaskWords) -> bool:
    """Return whether some task can have these words."""
    texts = (words.title, *words.phrasings)
    no_surrogates = all(text.isprintable() or text.encode("utf-8", "ignore") for text in texts)
    return bool(words.title and words.phrasings and no_surrogates)


def test_the_own_words_of_every_task_change_nothing() -> None:
    assert len(TASKS) > 200
    for name, task in TASKS:
        words = TaskWords.of(catalog.load(name).tasks[task])
        assert words_of(source_of(name), task) == words
        assert rewrite(source_of(name), task, words.paragraphs.tidy) == source_of(name)


@given(st.sampled_from(TASKS), WORDS.filter(is_usable))
@settings(max_examples=30, deadline=None)
def test_any_words_can_be_written_and_read_back(
    location: tuple[str, str], words: TaskWords
) -> None:
    name, task = location
    before = source_of(name)
    after = rewrite(before, task, words)
    assert words_of(after, task) == words
    for other in catalog.load(name).tasks.values():
        if other.name != task:
            assert words_of(after, other.name) == TaskWords.of(other)
    first, last = changed_part(before, after)
    call = next(
        decorator
        for node in ast.walk(ast.parse(before))
        if isinstance(node, ast.FunctionDef) and node.name == task
        for decorator in node.decorator_list
    )
    assert call.end_lineno is not None
    assert call.lineno <= first
    assert last <= call.end_lineno


def changed_part(before: str, after: str) -> tuple[int, int]:
    """Return the first and the last line of a source that another one does not have."""
    old, new = before.split("\n"), after.split("\n")
    first = next((n for n, pair in enumerate(zip(old, new, strict=False)) if len(set(pair)) > 1), 0)
    pairs = zip(reversed(old), reversed(new), strict=False)
    last = next((n for n, pair in enumerate(pairs) if len(set(pair)) > 1), 0)
    return first + 1, len(old) - last


def test_new_words_are_in_the_form_of_the_formatter(tmp_path: Path) -> None:
    long = ' with "quotes" and a \\ in it' * 20
    for number, (name, task) in enumerate(TASKS[::20]):
        words = TaskWords('A "title"', "OCR", (f"Say it.{long}", "One.\n\nTwo.", "Three.")).tidy
        path = tmp_path / f"{number}.py"
        path.write_text(rewrite(source_of(name), task, words), encoding="utf-8")
        assert max(map(len, path.read_text().splitlines())) <= 100
    ruff = [sys.executable, "-m", "ruff"]
    subprocess.run([*ruff, "format", "--check", "--line-length", "100", tmp_path], check=True)


@pytest.mark.parametrize(
    ("before", "phrasings", "after"),
    [
        (['"Name it.",  # short'], ("Say it.",), ['"Say it.",  # short']),
        (["'Name it.',"], ("Don't.",), ['"Don\'t.",']),
        (['"One.",', "# about the next", '"Two.",'], ("One.",), ['"One.",', "# about the next"]),
        (['"One.",  # first'], ("One.", "Two."), ['"One.",  # first', '"Two.",']),
        (['("One "', '"word."),'], ("One word.", "B."), ['("One "', '"word."),', '"B.",']),
        (['"""', "One.", '""",'], ("Two.",), ['"""', "Two.", '""",']),
        (['"One.", "Two.",'], ("Two.",), ['"Two.",']),
        (['"One.",'], ("New.", "One."), ['"New.",', '"One.",']),
        (['r"One.",'], ("a\\b",), ['"a\\\\b",']),
        (['instruction="One.",'], ("Two.",), ['instruction="Two.",']),
        (['"é €", "😀 One.",'], ("é €", "Two."), ['"é €", "Two.",']),
    ],
)
def test_phrasings_in_other_forms_are_replaced_added_and_removed(
    before: list[str], phrasings: tuple[str, ...], after: list[str]
) -> None:
    rest = ['title="A",  # for people', 'category="OCR",']
    words = TaskWords("A", "OCR", phrasings)
    rewritten = rewrite(source_with(*before, *rest), "task", words)
    assert rewritten == source_with(*after, *rest)


def test_line_ends_and_encodings_stay() -> None:
    source = source_with('"""', "One.", '""",', 'title="A",', 'category="OCR",')
    windows = source.replace("\n", "\r\n")
    words = TaskWords("é €", "OCR", ("Two.\nThree.",))
    rewritten = SourceEditor(windows, "task", words_of(windows), "iso-8859-1").rewrite(words)
    assert rewritten.count("\n") == rewritten.count("\r\n")
    assert 'title="é \\u20ac"' in rewritten


@pytest.mark.parametrize(
    ("arguments", "words", "line"),
    [
        (['f"One.",'], TaskWords("A", "OCR", ("Two.",)), 8),
        (["TEXT,"], TaskWords("A", "OCR", ("Two.",)), 8),
        (['("One "  # a', '"two."),'], TaskWords("A", "OCR", ("Two.",)), 8),
        (["*TEXTS,"], TaskWords("A", "OCR", ("Two.",)), 8),
        (['"One.", *TEXTS,'], TaskWords("A", "OCR", ("Two.",)), 8),
        (['instruction="One.",'], TaskWords("A", "OCR", ("One.", "Two.")), 8),
        (['"One.",'], TaskWords("B", "OCR", ("One.",)), 9),
    ],
)
def test_what_is_no_plain_literal_is_refused_with_its_line(
    arguments: list[str], words: TaskWords, line: int
) -> None:
    source = source_with(*arguments, "title=TITLE,", 'category="OCR",')
    with pytest.raises(AuthoringError, match=f"^line {line} .*(there|by hand)$"):
        rewrite(source, "task", words)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "for name in 'ab':\n    dataset.task('One.', title='A', category='OCR')(make(name))\n",
        source_with('"One.",', 'title="A",', 'category="OCR",') * 2,
        "def task(:\n",
        "\0",
        source_with('"One.",', 'title="A",', 'category="OCR",').replace("\n", "\r"),
        source_with('"One.",', 'title="A",  # of\ra file', 'category="OCR",'),
        source_with("title='A',", "category='OCR',"),
        source_with("'One.',", "**FIELDS,"),
    ],
)
def test_a_task_that_no_decorator_declares_is_refused(source: str) -> None:
    with pytest.raises(AuthoringError):
        rewrite(source, "task", TaskWords("A", "OCR", ("One.",)))
