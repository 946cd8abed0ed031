"""The option for answers of persons, and what is printed of their agreement."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.escaping import one_line
from visionflan.plural import counted

if TYPE_CHECKING:
    from visionflan.compare.results import Agreement, HumanResults


def add_answers(parser: argparse.ArgumentParser) -> None:
    """Add the option for the answers of persons."""
    parser.add_argument(
        "--answers",
        type=Path,
        metavar="DIR",
        help="show the scores of persons beside those of models, and how far the persons agree: "
        "the directory of `visionflan web --answers`",
    )


def agreement_lines(humans: "HumanResults") -> Iterator[str]:
    """Yield a line for the agreement on each task, and the notes on persons."""
    for result in humans.agreement:
        names = ", ".join(result.persons)
        yield one_line(f"{result.task} by {names}: {describe_agreement(result)}")
    yield from map(one_line, humans.notes)


def describe_agreement(result: "Agreement") -> str:
    """Return the measures of agreement on a task in words, or why there are none."""
    from visionflan.report.number_format import coefficient

    if result.undefined:
        return f"no measure of agreement, {result.undefined}"
    measures = [f"alpha {coefficient(result.alpha)}"]
    if result.kappa is not None:
        measures.append(f"kappa {coefficient(result.kappa)}")
    items = counted(result.items, "item")
    return f"{', '.join(measures)}; {result.same:,} of {items} with the same answer"
