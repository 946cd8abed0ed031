"""Builds whose releases and files are in a store."""

from typing import Any

from tests.helpers.faulty_store import FaultyStore
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build

NAMES = ("board", "twin")
SETTINGS = BuildSettings(tasks=NAMES, hold_out_images=0.2)
DATA, OUT = "faulty://bucket/data", "faulty://bucket/out"


def build_in_store(**options: Any) -> dict[str, Any]:
    """Build from and to the store, and return the manifest."""
    return build(DATA, OUT, options.pop("settings", SETTINGS), workers=1, **options)


def build_files(store: type[FaultyStore]) -> dict[str, bytes]:
    """Return the files of the build in the store, except hidden ones."""
    return {name: b for name, b in store.contents("bucket/out").items() if name[0] != "."}
