"""The panels of the comparison page: a module `<name>.py` and a template `<name>.html` each.

A module declares its `PANEL`; nothing else needs to know of it.
"""

import importlib
import pkgutil

from visionflan.errors import DefinitionError
from visionflan.report.compare_page.panel import Panel


def names() -> list[str]:
    """Return the names of all panels."""
    return [module.name for module in pkgutil.iter_modules(__path__)]


def load(name: str) -> Panel:
    """Import the module of one panel and return its `PANEL`."""
    panel: object = getattr(importlib.import_module(f"{__name__}.{name}"), "PANEL", None)
    if not isinstance(panel, Panel):
        raise DefinitionError(f"the module of the panel {name} must define one `PANEL`")
    return panel


def load_all() -> dict[str, Panel]:
    """Return all panels by name, in the order of the page."""
    panels = {name: load(name) for name in names()}
    return dict(sorted(panels.items(), key=lambda item: (item[1].order, item[0])))
