"""What the pages share: how their templates are filled, and their style."""

import re
from typing import TYPE_CHECKING

from visionflan.errors import VisionflanError

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def environment() -> "Environment":
    """Give the environment of the pages' templates, which refuses a name that nothing fills."""
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as fault:
        raise VisionflanError(
            "a page is written with jinja2: pip install 'visionflan[evaluate]'"
        ) from fault
    pages = Environment(
        loader=PackageLoader("visionflan.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["name"] = name
    return pages


def style(pages: "Environment") -> "Markup":
    """Give the style sheet of all pages, to stand in each."""
    from markupsafe import Markup

    return Markup(pages.get_template("style.css").render())


def name(task: str) -> "Markup":
    """Write the name of a task so that a line may break between its words."""
    from markupsafe import Markup

    broken = Markup("").join(
        part + Markup("<wbr>") if part in "_/" else part for part in re.split("([_/])", task)
    )
    return Markup("<code>{}</code>").format(broken)
