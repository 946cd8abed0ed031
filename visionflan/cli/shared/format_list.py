"""List the formats below the options of a command."""

import argparse

from visionflan import formats


def add_format_list(parser: argparse.ArgumentParser) -> None:
    """Add what the files of each format say they are, as lines of their own."""
    lines = [f"  {name:<22}{summary}" for name, summary in formats.summaries().items()]
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(["formats:", *lines])
