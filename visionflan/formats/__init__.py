"""Formats of other tools, one file each; a format is imported only when it is used."""

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.catalog import unknown_name_error
from visionflan.errors import DefinitionError
from visionflan.plugins import PluginKind
from visionflan.python_source import parse_python

if TYPE_CHECKING:
    from visionflan.formats.base import Format

FORMATS = PluginKind(
    "format", "visionflan.formats", __name__, helpers=("base", "exporting", "importing", "shared")
)


def names() -> list[str]:
    """Return the name of every format without importing any of them."""
    return FORMATS.names()


def summaries() -> dict[str, str]:
    """Return the first line of the docstring of every format, without importing any of them."""
    return {name: first_line(FORMATS.module_name(name)) for name in names()}


def first_line(module: str) -> str:
    """Return the first line of a module's docstring; empty if its source cannot be read."""
    try:
        spec = find_spec(module)
        source = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
        docstring = ast.get_docstring(parse_python(source)) or ""
    except (ImportError, OSError, SyntaxError, ValueError):
        return ""
    return docstring.partition("\n")[0].rstrip(".")


def load(name: str) -> "Format":
    """Import the file of one format and return the `FORMAT` it defines."""
    from visionflan.formats.base import Format

    if name not in names():
        raise unknown_name_error("format", name, names(), hint="see `visionflan export --help`.")
    defined: object = getattr(FORMATS.import_module(name), "FORMAT", None)
    if not isinstance(defined, Format) or defined.name != name:
        raise DefinitionError(
            f"the file of the format {name} must define `FORMAT = Format({name!r}, ...)`"
        )
    return defined
