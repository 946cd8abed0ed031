"""Types and actions of `argparse` that several commands share."""

import argparse
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from visionflan.stores import is_url

PROCESSES_PER_CORE = 8


def parse_names(text: str) -> tuple[str, ...]:
    """Split a comma-separated list into its distinct names."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise argparse.ArgumentTypeError("the list of names is empty")
    return names


def path_or_url(text: str) -> Path | str:
    """Parse the place of a directory: its path or, in an object store, its URL."""
    return text if is_url(text) else Path(text)


def positive_int(text: str) -> int:
    """Parse an integer of at least 1."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not an integer of at least 1")
    return number


def process_count(text: str) -> int:
    """Parse a number of processes that a machine can hold: a typing error would take it down."""
    number, most = positive_int(text), PROCESSES_PER_CORE * (os.cpu_count() or 1)
    if number > most:
        raise argparse.ArgumentTypeError(
            f"{number} processes are too many for this machine: use at most {most}"
        )
    return number


class ExtendNames(argparse.Action):
    """Collect lists of names, given as `A B`, as `A,B` or in a repeated option, into one tuple."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Append the distinct names to those of earlier options."""
        lists = [getattr(namespace, self.dest), *(values or ())]
        setattr(namespace, self.dest, tuple(dict.fromkeys(name for part in lists for name in part)))


def add_names(
    parser: argparse.ArgumentParser,
    option: str,
    *,
    metavar: str,
    description: str,
    choices: Collection[str] = (),
) -> None:
    """Add an option that takes one or more names, separated by spaces or commas.

    Names other than `choices`, if there are any, are refused.
    """

    def parse(text: str) -> tuple[str, ...]:
        names = parse_names(text)
        if choices and (unknown := [name for name in names if name not in choices]):
            raise argparse.ArgumentTypeError(
                f"unknown name {unknown[0]!r}: choose from {', '.join(choices)}"
            )
        return names

    parser.add_argument(
        option,
        type=parse,
        nargs="+",
        action=ExtendNames,
        default=(),
        metavar=metavar,
        help=description,
    )
