"""Formats of other tools, one file each; a format is imported only when it is used."""

import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from visionflan.catalog import (
    distinct_names,
    entry_point_modules,
    import_module_of,
    unknown_name_error,
)
from visionflan.errors import DefinitionError

if TYPE_CHECKING:
    from visionflan.formats.base import Format

GROUP = "visionflan.formats"
SHARED_MODULES = frozenset({"base", "exporting", "importing"})


@cache
def installed_modules() -> dict[str, str]:
    """Return the modules of other packages' formats by name."""
    return entry_point_modules(GROUP)


def names() -> list[str]:
    """Return the name of every format without importing any of them."""
    modules = {module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg}
    return distinct_names("formats", modules - SHARED_MODULES, installed_modules())


def load(name: str) -> "Format":
    """Import the file of one format and return the `FORMAT` it defines."""
    from visionflan.formats.base import Format

    if name not in names():
        raise unknown_name_error("format", name, names(), hint="see `visionflan export --help`.")
    module = import_module_of("format", name, installed_modules().get(name, f"{__name__}.{name}"))
    defined: object = getattr(module, "FORMAT", None)
    if not isinstance(defined, Format) or defined.name != name:
        raise DefinitionError(
            f"the file of the format {name} must define `FORMAT = Format({name!r}, ...)`"
        )
    return defined
