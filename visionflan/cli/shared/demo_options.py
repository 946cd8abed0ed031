"""Refuse options that a demonstration with `--demo` does not use, rather than ignore them."""

import argparse
from collections.abc import Callable, Collection

from visionflan.errors import UsageError

AddArguments = Callable[[argparse.ArgumentParser], None]


def check_demo_options(
    args: argparse.Namespace, add_arguments: AddArguments, used: Collection[str]
) -> None:
    """Raise UsageError if an option of a command is set that its demonstration does not use.

    Args:
        args: the parsed arguments.
        add_arguments: adds the options of the command to a parser.
        used: the names of the options that the demonstration uses.
    """
    parser = argparse.ArgumentParser(add_help=False)
    add_arguments(parser)
    for action in parser._actions:
        if not action.option_strings or action.dest in {"demo", *used}:
            continue
        if getattr(args, action.dest) != action.default:
            option = action.option_strings[-1]
            raise UsageError(f"`--demo` does not use `{option}`: leave it out")
