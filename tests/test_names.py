"""Old names are not used again."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "visionflan"
# Modules that moved on, or were split, after the plan was written.
MOVED_SINCE = {
    "compare/forgetting.py": "compare/analyses/forgetting.py",
    "compare/format_effects.py": "compare/analyses/format_effects.py",
    "compare/prompt_sensitivity.py": "compare/analyses/prompt_sensitivity.py",
    "compare/response_style.py": "compare/analyses/response_style.py",
    "compare/yes_no_bias.py": "compare/analyses/yes_no_bias.py",
    "compare/paired_bootstrap.py": "compare/paired_sums.py",
    "evaluate/aggregate/bootstrap.py": "evaluate/aggregate/estimates.py",
    "evaluate/judge/base.py": "llm/base.py",
    "evaluate/judge/budget.py": "llm/budget.py",
    "evaluate/judge/cache.py": "llm/cache.py",
    "evaluate/judge/openai_compatible.py": "llm/openai_compatible.py",
    "evaluate/judge/retry.py": "llm/retry.py",
    "model/llava.py": "model/families/llava.py",
    "report/compare_page/examples.py": "report/compare_page/flips.py",
    "synthesize/conversations.py": "builder/conversations.py",
}


def bound(tree: ast.Module) -> set[str]:
    """Return what a module binds at its top level, and `Class.member` for what its classes bind."""
    names = set()
    for node in tree.body:
        names |= targets(node)
        if isinstance(node, ast.ClassDef):
            members = {name for child in node.body for name in targets(child)}
            members |= {
                part.attr
                for part in ast.walk(node)
                if isinstance(part, ast.Attribute)
                and isinstance(part.ctx, ast.Store)
                and isinstance(part.value, ast.Name)
                and part.value.id == "self"
            }
            names |= {f"{node.name}.{member}" for member in members}
    return names


def targets(node: ast.AST) -> set[str]:
    """Return the names that one statement binds."""
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign(targets=assigned):
            parts = [part for target in assigned for part in ast.walk(target)]
            return {part.id for part in parts if isinstance(part, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
    return set()


def test_the_names_that_a_module_binds_are_seen() -> None:
    code = "A, B = 1, 2\nclass C:\n  x: int\n  def f(self):\n    self.y = z = 3\ndef g(): ...\n"
    assert bound(ast.parse(code)) == {"A", "B", "C", "g", "C.x", "C.f", "C.y"}


def test_no_class_name_stands_for_two_ideas() -> None:
    files: dict[str, list[str]] = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name != "datasets":  # each of those files has rows of its own
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.ClassDef):
                    files[node.name].append(str(path.relative_to(PACKAGE)))
    assert len(files) > 200
    assert {name: paths for name, paths in files.items() if len(paths) > 1} == {}


@pytest.mark.shared
def test_no_old_name_of_the_glossary_is_bound_in_its_module(shared: Path) -> None:
    house = shared / "house"
    if not house.is_dir():
        pytest.skip("the list of old names is not in ../shared")
    moves = dict(line.split("\t") for line in lines(house / "moves.tsv"))
    renames = [line.split("\t")[:2] for line in lines(house / "glossary.tsv")]
    renames = [[old, new] for old, new in renames if "=" not in old]
    assert len(renames) > 400
    classes = {old: new for old, new in renames if "." not in old.partition(":")[2]}
    left = []
    for old, new in renames:
        file, _, name = old.partition(":")
        owner, _, member = name.rpartition(".")
        file_now = moves.get(file, file)
        names = bound(ast.parse((PACKAGE / MOVED_SINCE.get(file_now, file_now)).read_text()))
        owners = {owner, classes.get(f"{file}:{owner}", owner)}
        if member != new and {f"{each}.{member}" if each else member for each in owners} & names:
            left.append(f"{file_now}: {name}")
    assert not left, "\n".join(left)


def lines(path: Path) -> list[str]:
    """Return the lines of a table that are not empty."""
    return [line for line in path.read_text().splitlines() if line.strip()]
