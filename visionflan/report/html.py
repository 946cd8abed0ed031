"""The template environment that all pages share, and their style sheet."""

import re
from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from visionflan.errors import VisionflanError
from visionflan.escaping import web_link
from visionflan.plural import counted

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def environment(panels: Sequence[str] = ()) -> "Environment":
    """Return the template environment, in which an undefined name is an error.

    Templates in the directories `panels` are found as `panels/<name>.html`.
    """
    try:
        from jinja2 import (
            ChoiceLoader,
            Environment,
            FileSystemLoader,
            PackageLoader,
            PrefixLoader,
            StrictUndefined,
        )
    except ImportError as error:
        raise VisionflanError(
            "HTML pages need jinja2: pip install 'visionflan[evaluate]'"
        ) from error
    templates = Environment(
        loader=ChoiceLoader(
            [
                PackageLoader("visionflan.report"),
                PrefixLoader({"panels": FileSystemLoader(list(panels))}),
            ]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["counted"] = counted
    templates.filters["task_name"] = task_name
    templates.filters["web_link"] = web_link
    templates.globals["next_number"] = partial(next, count(1))  # for ids
    return templates


def asset(templates: "Environment", name: str) -> "Markup":
    """Return a style sheet or script for inlining into a page."""
    from markupsafe import Markup

    return Markup(templates.get_template(name).render())


def task_name(name: str) -> "Markup":
    """Format the name of a task as code in which a line may break after `_` and `/`."""
    from markupsafe import Markup

    breakable = Markup("").join(
        part + Markup("<wbr>") if part in "_/" else part for part in re.split("([_/])", name)
    )
    return Markup("<code>{}</code>").format(breakable)
