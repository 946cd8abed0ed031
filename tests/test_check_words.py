"""The check of words finds filler verbs and vague names."""

from pathlib import Path

import pytest

from scripts.check_words import check


@pytest.mark.parametrize(
    ("code", "finding"),
    [
        ('def load():\n    """Give the weights."""\n', "begins with 'Give'"),
        ('class A:\n    def b(self):\n        """Tell the name."""\n', "begins with 'Tell'"),
        ("told = 1\n", "'told' does not say"),
        ("def found(): ...\n", "'found' does not say"),
        ("def f(given): ...\n", "'given' does not say"),
        ("class A:\n    place: int\n", "'place' does not say"),
        ("self.kept = 1\n", "'kept' does not say"),
        ("try: ...\nexcept OSError as fault: ...\n", "'fault' does not say"),
        ("[whole for whole in ()]\n", "'whole' does not say"),
        ("import numpy as made\n", "'made' does not say"),
        ("raise ValueError(f'{name} contains no picture')\n", "an error says 'picture'"),
        ("detail = 'row 3 names no picture'\n", "an error says 'picture'"),
    ],
)
def test_a_word_that_says_nothing_is_found(code: str, finding: str, tmp_path: Path) -> None:
    (tmp_path / "sample.py").write_text(code)
    (line,) = check(tmp_path / "sample.py")
    assert finding in line


def test_plain_code_passes(tmp_path: Path) -> None:
    code = 'def load(index: int) -> int:\n    """Return the row of an index."""\n    return index\n'
    (tmp_path / "sample.py").write_text(code)
    assert list(check(tmp_path / "sample.py")) == []
