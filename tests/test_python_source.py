"""Python is parsed in one place, by one thread at a time."""

import ast
from pathlib import Path
from threading import Thread

import pytest

import visionflan
from visionflan import python_source

PACKAGE = Path(visionflan.__file__).parent
PARSERS = {"parse", "literal_eval"}  # of the module `ast`


def test_nothing_else_of_the_package_parses_python() -> None:
    for path in PACKAGE.rglob("*.py"):
        used = {
            node.attr
            for node in ast.walk(ast.parse(path.read_bytes()))
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "ast"
        }
        assert not used & PARSERS or path.name == "python_source.py", path


@pytest.mark.parametrize(
    ("function", "name"),
    [(python_source.parse_python, "parse"), (python_source.literal_value, "literal_eval")],
)
def test_one_thread_parses_while_another_waits(
    monkeypatch: pytest.MonkeyPatch, function: object, name: str
) -> None:
    assert callable(function)
    busy: list[bool] = []
    monkeypatch.setattr(ast, name, lambda *_: busy.append(python_source.parsing.locked()))
    threads = [Thread(target=function, args=["1"]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert busy == [True, True, True]
