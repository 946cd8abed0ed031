"""Every reason code that the code writes to the ledger has a sentence of its own."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import visionflan
from visionflan.builder.ledger_reasons import DROPPED, NOTES

PACKAGE = Path(visionflan.__file__).parent
FILES = sorted(
    path
    for name in ("builder", "datasets", "formats", "layouts")
    for path in PACKAGE.glob(f"{name}/**/*.py")
)
CODE = re.compile(r"[a-z]+(_[a-z]+)*")
# The place of the reason code among the arguments.
RAISED = {"UnusableError": 0, "DroppedRowError": 0, "BrokenRow": 1}


def strings(node: ast.AST) -> Iterator[str]:
    """Yield the codes in the values that an expression can have, not in its conditions."""
    match node:
        case ast.Constant(value=str(value)) if CODE.fullmatch(value):
            yield value
        case ast.IfExp():
            yield from (*strings(node.body), *strings(node.orelse))
        case ast.Tuple() | ast.BinOp() | ast.Starred():
            for child in ast.iter_child_nodes(node):
                yield from strings(child)
        case ast.Dict():
            for key in node.keys:
                yield from strings(key) if key else ()


def assigned(tree: ast.Module) -> dict[str, set[str]]:
    """Return the codes in the values of each variable, and those that each function returns."""
    values: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    values.setdefault(target.id, set()).update(strings(node.value))
        if isinstance(node, ast.FunctionDef):
            returns = (child for child in ast.walk(node) if isinstance(child, ast.Return))
            codes = {code for each in returns if each.value for code in strings(each.value)}
            values.setdefault(node.name, set()).update(codes)
    return values


def value_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of an expression, except the conditions of what is written with `if`."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(node, ast.IfExp) and child is node.test):
            yield from value_nodes(child)


def codes_of(expression: ast.expr, values: dict[str, set[str]]) -> set[str]:
    """Return the codes of an expression and of the variables and functions it names."""
    named = (values.get(n.id, set()) for n in value_nodes(expression) if isinstance(n, ast.Name))
    return set(strings(expression)).union(*named)


def dropped_codes(tree: ast.Module) -> set[str]:
    """Return the reasons of `BrokenRow` and `UnusableError`."""
    values, codes = assigned(tree), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            index = RAISED.get(name)
            if index is not None and len(node.args) > index:
                codes |= codes_of(node.args[index], values)
    return codes


def note_codes(tree: ast.Module) -> set[str]:
    """Return the codes of what is repaired: the argument, its variables, and tables of repairs."""
    values, codes = assigned(tree), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "repaired":
            codes |= codes_of(node.value, values)
        if isinstance(node, ast.Call) and "happened" in ast.unparse(node):
            codes |= codes_of(node, values)
    return codes


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_reason_of_a_dataset_file_has_a_sentence(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert dropped_codes(tree) <= DROPPED.keys()
    assert note_codes(tree) <= NOTES.keys()


def test_every_sentence_of_a_dataset_file_is_used() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    for code in (*DROPPED, *NOTES):
        assert text.count(f'"{code}"') > 1, f"nothing writes {code} to the ledger"


def test_the_codes_are_found() -> None:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in FILES]
    assert len(set[str]().union(*map(dropped_codes, trees))) > 60
    assert len(set[str]().union(*map(note_codes, trees))) > 30


def test_a_sentence_is_plain_and_has_no_mark_at_its_end() -> None:
    for sentence in (*DROPPED.values(), *NOTES.values()):
        assert sentence[0].islower() or not sentence[0].isalpha() or sentence.startswith("HTML")
        assert not sentence.endswith(".")
        assert len(sentence) <= 100
