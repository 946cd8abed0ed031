"""Declare a panel of the comparison page."""

from collections.abc import Callable
from dataclasses import dataclass

from visionflan.report.compare_page.report import ComparisonReport


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A section of the page: a heading, and a view that the panel's template shows.

    The template finds the view under the name `view` and the page under `page`.
    """

    title: str
    link: str  # its entry in the contents of the page
    order: int  # panels with lower numbers come first
    view: Callable[[ComparisonReport], object | None]  # None or empty leaves the panel out
