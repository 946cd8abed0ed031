"""Write every question with both answers as a table, one line each."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from visionflan.atomic_write import write_text
from visionflan.compare.results import Pair
from visionflan.evaluate.metric import ScoringRule
from visionflan.report.compare_page.examples import kind

ASKED = ("task", "style", "instance", "sample_key", "cluster", "group", "prompt", "target")
SAID = (
    "answer",
    "finish_reason",
    "tokens",
    "parsed",
    "status",
    "score_lenient",
    "parsed_official",
    "status_official",
    "score_official",
    "score_likelihood",
    "decided_by",
)
# `parsed` and `status` of a record are those of the lenient rule.
TITLES = {"parsed": "parsed_lenient", "status": "status_lenient"}


def write_table(path: Path, pairs: Iterable[Pair], rule: ScoringRule) -> None:
    """Write the table whole, in the order of tasks and of the items' content."""
    opened = io.StringIO()
    sides = [f"{TITLES.get(name, name)}_{side}" for name in SAID for side in ("before", "after")]
    lines = csv.writer(opened, lineterminator="\n")
    lines.writerow([*ASKED, "references", "images", "kind", *sides])
    for pair in sorted(pairs, key=lambda pair: pair.before.place):
        before, after = pair.before._asdict(), pair.after._asdict()
        lines.writerow(
            [
                *(after[name] for name in ASKED),
                " | ".join(pair.after.references),
                " ".join(pair.after.images),
                kind(pair, rule),
                *(cell(side[name]) for name in SAID for side in (before, after)),
            ]
        )
    write_text(path, opened.getvalue())


def cell(value: object) -> object:
    """Leave empty what is missing."""
    return "" if value is None else value
