"""Which studies a run took part in: `studies.json` in its directory, for its report."""

from pathlib import Path
from typing import Any, NamedTuple

from visionflan.atomic_write import locked, write_json
from visionflan.storage.stored_json import load_object

STUDIES = "studies.json"
RESULTS, PAGE = "results.json", "index.html"  # in the directory of a study


class StudyLink(NamedTuple):
    """A study that has adopted a run.

    Attributes:
        path: its `--out`.
        title: what it is called.
    """

    path: Path
    title: str


def add_study_link(run: Path, study: Path, title: str) -> None:
    """Record a study in a run, once; another process that does so is waited for."""
    path = study.resolve()
    with locked(run / f".{STUDIES}.lock"):
        links = {link.path: link for link in read_study_links(run)}
        if links.get(path) != (link := StudyLink(path, title)):
            links[path] = link
            entries = [{"path": str(link.path), "title": link.title} for link in links.values()]
            write_json(run / STUDIES, {"studies": entries})


def read_study_links(run: Path) -> list[StudyLink]:
    """Return the studies of a run, in the order in which they adopted it."""
    file = run / STUDIES
    content: dict[str, Any] = (load_object(file) if file.is_file() else None) or {}
    entries = content.get("studies")
    return [
        StudyLink(Path(entry["path"]), entry["title"])
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict)
        and isinstance(entry.get("path"), str)
        and isinstance(entry.get("title"), str)
    ]
