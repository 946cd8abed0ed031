"""Check the words of the code: docstrings, names, and the sentences of errors.

A docstring of a function begins with what the function does ("Return", "Write", "Yield"), never
with a filler ("Give", "Tell"). A participle that could stand for anything ("told", "found") is no
name. An error speaks of an image, as options and columns do, and not of a picture. Run by
`make check`; files can be given as arguments.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIRECTORIES = ("visionflan", "tests", "benchmarks", "scripts")

FILLERS = frozenset(
    {
        "ask",
        "give",
        "go",
        "have",
        "know",
        "let",
        "look",
        "put",
        "say",
        "see",
        "take",
        "tell",
    }
)
# What each of these names hides is a noun: records, results, an index, an error ...
VAGUE = frozenset(
    {"asked", "fault", "found", "given", "kept", "made", "place", "places", "said", "shown", "told"}
) | {"whole"}
PICTURE = re.compile(r"\bpictures?\b", re.IGNORECASE)
# The rows of a release bear the names that its owners gave them.
OWNERS = ("visionflan/datasets/", "tests/dataset_files/")


def main(arguments: list[str]) -> int:
    """Print every finding and return 1 if there is one."""
    files = [Path(name).resolve() for name in arguments if name.endswith(".py")] or [
        path for name in DIRECTORIES for path in sorted((ROOT / name).rglob("*.py"))
    ]
    findings = [line for path in files for line in check(path)]
    sys.stdout.write("".join(f"{line}\n" for line in findings))
    return int(bool(findings))


def check(path: Path) -> Iterator[str]:
    """Yield a line for each docstring or name of a file that breaks a rule."""
    name = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = (ast.get_docstring(node) or " ").split(maxsplit=1)[:1]
            if first and first[0].lower().rstrip(".,:") in FILLERS:
                yield f"{name}:{node.lineno}: the docstring of {node.name} begins with {first[0]!r}"
        for line in picture_lines(node):
            yield f"{name}:{line}: an error says 'picture', where the word is 'image'"
        if not name.startswith(OWNERS):
            for bound, line in bound_names(node):
                if bound in VAGUE:
                    yield f"{name}:{line}: {bound!r} does not say what the thing is"


def picture_lines(node: ast.AST) -> Iterator[int]:
    """Yield the lines on which an error, or the detail of a broken row, speaks of a picture."""
    match node:
        case ast.Raise() | ast.Assign(targets=[ast.Name(id="detail" | "message")]):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and PICTURE.search(str(part.value)):
                    yield part.lineno


def bound_names(node: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield the names that a node binds or declares, with their lines."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, node.lineno
        case ast.Name(id=name, ctx=ast.Store()):
            yield name, node.lineno
        case ast.arg(arg=name):
            yield name, node.lineno
        case ast.Attribute(attr=name, ctx=ast.Store()):
            yield name, node.lineno
        case ast.ExceptHandler(name=str(name)):
            yield name, node.lineno
        case ast.alias(asname=str(name)):
            yield name, 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
