"""The studies that a run took part in, with the verdicts on their claims in short."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from visionflan.analysis.study_links import PAGE, RESULTS, StudyLink, read_study_links
from visionflan.storage.stored_json import load_object


class StudyEntry(NamedTuple):
    """A study in the list of a page.

    Attributes:
        title: what it is called.
        href: its page, relative to the list's; empty if there is none.
        note: how its claims came out, or why that is not known.
    """

    title: str
    href: str
    note: str


def study_entries(run: Path, page: Path) -> Iterator[StudyEntry]:
    """Yield the studies that have adopted a run, as a page shows them."""
    for link in read_study_links(run):
        href = ""
        if (link.path / PAGE).is_file():
            href = quote(os.path.relpath(link.path / PAGE, page.resolve().parent))
        yield StudyEntry(link.title, href, study_note(link))


def study_note(link: StudyLink) -> str:
    """Return the number of claims with each verdict, or why there is none."""
    if not link.path.is_dir():
        return f"missing: {link.path} is not there"
    file = link.path / RESULTS
    results = load_object(file) if file.is_file() else None
    if results is None:
        return f"no results yet in {link.path}"
    counts = Counter(verdict["status"] for verdict in results.get("verdicts", ()))
    parts = [f"{count} {status.replace('_', ' ')}" for status, count in counts.items()]
    return ", ".join(parts) or "no claims"
