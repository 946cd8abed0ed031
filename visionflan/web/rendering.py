"""Templates, parameters and errors that all pages share."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from jinja2 import ChoiceLoader, PackageLoader
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

import visionflan
from visionflan.report.html import asset, environment

if TYPE_CHECKING:
    from jinja2 import Environment

    from visionflan.web.sources import Sources

IMAGE_SECONDS = 3600  # that a browser keeps an image
MAX_DIGITS = 9  # of a number in a URL
Item = TypeVar("Item")


class Pages:
    """Renders the templates of the pages."""

    def __init__(self, sources: "Sources") -> None:
        self.templates = page_environment()
        self.templates.globals.update(version=visionflan.__version__, sources=sources)
        self.style = "\n".join(
            asset(self.templates, name) for name in ("style.css", "web.css")
        ).encode()

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """Return a page."""
        text = self.templates.get_template(template).render(**values)
        return HTMLResponse(text, status)


def page_environment() -> "Environment":
    """Return the templates of the pages and those of the reports, whose look they share."""
    templates = environment()
    templates.filters["pretty_value"] = pretty_value
    assert templates.loader is not None
    templates.loader = ChoiceLoader([PackageLoader("visionflan.web"), templates.loader])
    return templates


def pretty_value(value: object) -> str:
    """Format a value of a setting or a field: text as it is, other values as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def image_response(encoded: bytes, media_type: str) -> Response:
    """Return an image, which the browser may keep for a while."""
    headers = {"Cache-Control": f"private, max-age={IMAGE_SECONDS}"}
    return Response(encoded, media_type=media_type, headers=headers)


def not_found(what: str) -> HTTPException:
    """Return the error for something that does not exist."""
    return HTTPException(404, what)


def item_at(items: Sequence[Item], index: str, noun: str) -> Item:
    """Return the item at an index of a URL; raise a 404 if there is none."""
    number = parse_number(index)
    if number is None or number >= len(items):
        raise not_found(f"there is no {noun} {index!r}")
    return items[number]


def parse_number(text: str) -> int | None:
    """Return the number that a text of a few digits is; else None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else None


def text_parameter(request: Request, name: str) -> str:
    """Return a parameter of the query without blanks around it; empty if it is missing."""
    return request.query_params.get(name, "").strip()
