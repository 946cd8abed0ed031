"""Write every question with both responses as a CSV table, one row per question."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from visionflan.atomic_write import write_text
from visionflan.compare.results import AnswerPair
from visionflan.escaping import spreadsheet_cell
from visionflan.evaluate.metric import ScoringRule
from visionflan.report.compare_page.flips import flip_kind

# Columns of a question, and those of each response.
QUESTION = (
    "task",
    "prompt_style",
    "instance",
    "sample_key",
    "image_cluster",
    "item_group",
    "prompt",
    "target",
)
RESPONSE = (
    "response",
    "finish_reason",
    "num_tokens",
    "parsed_lenient",
    "status_lenient",
    "score_lenient",
    "parsed_official",
    "status_official",
    "score_official",
    "score_likelihood",
    "scored_by",
)


def write_table(path: Path, pairs: Iterable[AnswerPair], rule: ScoringRule) -> None:
    """Write the table atomically, ordered by task and content of the question."""
    text = io.StringIO()
    columns = [f"{name}_{side}" for name in RESPONSE for side in ("before", "after")]
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*QUESTION, "references", "images", "kind", *columns])
    for pair in sorted(pairs, key=lambda pair: pair.before.key):
        before, after = pair.before._asdict(), pair.after._asdict()
        rows.writerow(
            [
                spreadsheet_cell(value)
                for value in (
                    *(after[name] for name in QUESTION),
                    " | ".join(pair.after.references),
                    " ".join(pair.after.images),
                    flip_kind(pair, rule),
                    *(record[name] for name in RESPONSE for record in (before, after)),
                )
            ]
        )
    write_text(path, text.getvalue())
