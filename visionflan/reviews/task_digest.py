"""The digest of a task: its words, and the code that makes its examples from a release.

Of the dataset file only the definitions count that the task and the reader use, so that a change of
one task leaves its neighbors as they are. Formatting, comments, docstrings, the specimen and the
metadata of the dataset do not count.
"""

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from visionflan import catalog
from visionflan.dataset import Dataset
from visionflan.dataset_code import source_file
from visionflan.dataset_files import dataset_files
from visionflan.python_source import parse_python

# The fields of a task that its author writes.
WORDS = (
    "title",
    "phrasings",
    "category",
    "metric",
    "sensitive",
    "official_name",
    "published_form",
)
REGISTRAR = "dataset"  # its declaration is metadata, the arguments of its decorators are words
NOT_IN_EVERY_VERSION = ("kind", "type_comment")  # of Python's syntax trees

computed: dict[str, tuple[Dataset[Any], dict[str, str]]] = {}
computing = Lock()


def task_digests(name: str) -> dict[str, str]:
    """Return the digest of each task of a dataset, computed once for each time it is loaded."""
    dataset = catalog.load(name)
    with computing:
        known = computed.get(name)
        if known is None or known[0] is not dataset:
            computed[name] = known = (dataset, dict(digests_of(name, dataset)))
        return known[1]


def digests_of(name: str, dataset: Dataset[Any]) -> Iterator[tuple[str, str]]:
    """Yield each task of a dataset with its digest."""
    own = catalog.file_of(name)
    module = ModuleCode(own)
    others = [normalized(parse(path)) for path in dataset_files(name) if path != own]
    for task in dataset.tasks.values():
        is_here = source_file(task.to_example) == own
        roots = [function_name(dataset.read), *([task.to_example.__name__] if is_here else [])]
        words = {field: getattr(task, field) for field in WORDS}
        yield task.name, digest([words, module.used_by(roots), others])


def function_name(function: Any) -> str:
    """Return the name of a function; empty for a callable without one."""
    return getattr(function, "__name__", "")


class ModuleCode:
    """The code of a module, by the names that it defines at its top level."""

    def __init__(self, path: Path) -> None:
        self.definitions: dict[str, list[Any]] = {}
        self.references: dict[str, set[str]] = {}
        self.statements: list[Any] = []  # what runs in any case, such as a loop
        self.used_always: set[str] = set()
        for node in parse(path).body:
            self.add(node)

    def add(self, node: ast.stmt) -> None:
        """Add a statement of the top level."""
        names = defined_names(node)
        if not names:
            if not does_nothing(node):
                self.statements.append(normalized(node))
                self.used_always |= references(node)
            return
        for name, code in names.items():
            self.definitions.setdefault(name, []).append(normalized(code))
            self.references.setdefault(name, set()).update(references(code))

    def used_by(self, roots: Iterable[str]) -> list[Any]:
        """Return the code that some functions run, in an order that does not depend on the file."""
        pending, used = {*roots, *self.used_always}, set[str]()
        while pending:
            name = pending.pop()
            if name in self.definitions and name not in (*used, REGISTRAR):
                used.add(name)
                pending |= self.references[name]
        return [self.statements, [[name, self.definitions[name]] for name in sorted(used)]]


def defined_names(node: ast.stmt) -> Mapping[str, ast.AST]:
    """Return the names that a statement defines with what defines them; empty for any other."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return {name: without_registration(node)}
        case ast.ClassDef(name=name):
            return {name: node}
        case ast.Assign(targets=targets):
            return names_in(targets, node)
        case ast.AnnAssign(target=target):
            return names_in([target], node)
        case ast.Import() | ast.ImportFrom():
            return imported_names(node)
    return {}


def imported_names(node: ast.Import | ast.ImportFrom) -> dict[str, ast.AST]:
    """Return the names that an import defines, each with an import of it alone."""
    return {
        one.asname or one.name.partition(".")[0]: type(node)(
            **{**dict(ast.iter_fields(node)), "names": [one]}
        )
        for one in node.names
    }


def names_in(targets: Iterable[ast.expr], node: ast.stmt) -> dict[str, ast.AST]:
    """Return the names that an assignment binds; empty if it changes something else."""
    parts = [part for target in targets for part in flat(target)]
    if not all(isinstance(part, ast.Name) for part in parts):
        return {}
    return {part.id: node for part in parts if isinstance(part, ast.Name)}


def flat(target: ast.expr) -> Iterator[ast.expr]:
    """Yield the targets of an assignment to a tuple or a list, or the only one."""
    if isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from flat(element)
    else:
        yield target


def without_registration(node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
    """Return a function without the decorators of the dataset, whose arguments are words."""
    other_decorators = [one for one in node.decorator_list if REGISTRAR not in references(one)]
    fields = {**dict(ast.iter_fields(node)), "decorator_list": other_decorators}
    return type(node)(**fields)


def references(node: ast.AST) -> set[str]:
    """Return the names that some code refers to."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def does_nothing(node: object) -> bool:
    """Return whether a statement is a constant alone, such as a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_empty(node: ast.expr) -> bool:
    """Return whether a part of an f-string is an empty text, which some versions of Python add."""
    return isinstance(node, ast.Constant) and node.value == ""


def normalized(node: object) -> Any:
    """Return code as nested lists that are equal in all versions of Python for equal code."""
    if isinstance(node, ast.JoinedStr):
        return ["JoinedStr", [normalized(part) for part in node.values if not is_empty(part)]]
    if isinstance(node, ast.AST):
        return [
            type(node).__name__,
            *(
                [field, normalized(value)]
                for field, value in ast.iter_fields(node)
                if value not in (None, []) and field not in NOT_IN_EVERY_VERSION
            ),
        ]
    if isinstance(node, list):
        return [normalized(part) for part in node if not does_nothing(part)]
    return ascii(node)


def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return parse_python(path.read_bytes(), path)


def digest(content: object) -> str:
    """Return the SHA-256 of JSON values."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
