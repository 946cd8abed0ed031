"""Judges: language models that score answers which rules cannot parse.

A kind of judge is one module of this package, listed in `KINDS`.
"""

import argparse
from importlib import import_module
from typing import Protocol, cast

from visionflan.llm.base import LlmClient

# Modules, imported on demand: what a kind needs is not loaded for the others.
KINDS = ("openai_compatible", "local")


class JudgeKind(Protocol):
    """The interface of the module of a kind of judge."""

    def add_arguments(
        self, choice: argparse._MutuallyExclusiveGroup, group: argparse._ArgumentGroup
    ) -> None:
        """Add the option that selects this kind to `choice`, and its other options to `group`."""
        ...

    def from_arguments(self, args: argparse.Namespace) -> LlmClient | None:
        """Return the judge that the arguments describe; None if this kind is not selected."""
        ...


def judge_kinds() -> list[JudgeKind]:
    """Import and return all kinds of judges."""
    return [cast("JudgeKind", import_module(f"{__name__}.{name}")) for name in KINDS]
