"""What a study notes of each run, such as the composition of its draw, as a table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from visionflan.analysis.verdict_text import number_text
from visionflan.report import number_format


class NoteRow(NamedTuple):
    """The notes of an arm in one replicate, or in all that have equal ones."""

    arm: str
    seed: str
    cells: Sequence[str]


class CorrelationRow(NamedTuple):
    """How a note goes with the headline measure."""

    label: str
    pearson: str
    runs: int
    within: str
    runs_within: int


class NotesView(NamedTuple):
    """The notes of all runs.

    Attributes:
        labels: what the notes are.
        rows: the runs.
        measure: the label of the headline measure.
        correlations: of notes with it.
    """

    labels: Sequence[str]
    rows: Sequence[NoteRow]
    measure: str
    correlations: Sequence[CorrelationRow]


def notes_view(results: Mapping[str, Any]) -> NotesView | None:
    """Return the notes of a study; None if it has none."""
    labels = {note["name"]: note["label"] for note in results["about"]["notes"]}
    runs = [result["notes"] for arm in results["arms"] for result in arm["replicates"]]
    noted = dict.fromkeys(name for notes in runs for name in notes)
    names = sorted(noted, key=[*labels, *noted].index)  # in the order of the study
    if not names:
        return None
    columns = {name: [notes.get(name) for notes in runs] for name in names}
    decimals = {name: decimals_of(values) for name, values in columns.items()}
    rows = [row for arm in results["arms"] for row in note_rows(arm, decimals)]
    correlations = sorted(
        results["note_correlations"], key=lambda entry: names.index(entry["note"])
    )
    return NotesView(
        [labels.get(name, name) for name in names],
        rows,
        results["about"]["measures"][0]["label"],
        [correlation_row(entry, labels) for entry in correlations],
    )


def decimals_of(values: Sequence[float | None]) -> int:
    """Return the decimals that show the numbers of a note: two if they may be shares."""
    known = [value for value in values if value is not None]
    is_count = all(float(value).is_integer() for value in known) and max(known) > 1
    return 0 if is_count else 2


def note_rows(arm: Mapping[str, Any], decimals: Mapping[str, int]) -> Iterator[NoteRow]:
    """Yield a row for each replicate of an arm, one for all of them if they are equal."""
    rows = [
        NoteRow(
            arm["name"],
            str(result["seed"]),
            [cell(result["notes"].get(name), digits) for name, digits in decimals.items()],
        )
        for result in arm["replicates"]
    ]
    if len(rows) > 1 and all(row.cells == rows[0].cells for row in rows):
        yield rows[0]._replace(seed="all")
    else:
        yield from rows


def correlation_row(entry: Mapping[str, Any], labels: Mapping[str, str]) -> CorrelationRow:
    """Return the row of a note's correlations."""
    return CorrelationRow(
        labels.get(entry["note"], entry["note"]),
        cell(entry["pearson"], 2),
        entry["runs"],
        cell(entry["within"], 2),
        entry["runs_within"],
    )


def cell(value: float | None, decimals: int) -> str:
    """Format a number; a missing one is a dash."""
    return number_format.NONE if value is None else number_text(value, decimals)
