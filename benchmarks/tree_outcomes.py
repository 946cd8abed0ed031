"""Check what a build made of damaged releases: the failures, and the rows that are gone unsaid."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tree_damage import Damaged

MEMORY_LIMIT = 2 << 30


class Finished(NamedTuple):
    """A command that ended: its exit code, what it printed, and the memory of its processes.

    Attributes:
        code: the exit code.
        output: what it wrote to stdout and stderr.
        peak_memory: the memory of the largest of its processes, in bytes.
    """

    code: int
    output: str
    peak_memory: int


def tasks_of(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the entries of the tasks of a dataset."""
    return {task: e for task, e in manifest["tasks"].items() if e["dataset"] == name}


def miscounts(manifest: dict[str, Any]) -> Iterator[str]:
    """Yield the tasks whose counts do not add up to the rows of their dataset."""
    for name, task in manifest["tasks"].items():
        dataset = manifest["datasets"][task["dataset"]]
        counted = task["written"] + task["not_applicable"] + task["over_cap"]
        if counted + sum(task["dropped"].values()) != task["rows_read"]:
            yield f"{name}: its counts do not add up"
        if task["rows_read"] + sum(dataset["broken"].values()) != dataset["rows_read"]:
            yield f"{name}: its rows are not those of the dataset"


def failures_of(
    done: Finished, before: dict[str, Any], after: dict[str, Any], sound: str
) -> Iterator[str]:
    """Yield what is wrong with a build of damaged releases, of which one is sound."""
    if "Traceback" in done.output or "Error:" in done.output:
        yield done.output[max(0, done.output.find("Error:") - 1500) :][:3000]
    failed = [name for name, entry in after["datasets"].items() if entry["status"] == "failed"]
    if done.code != bool(failed):
        yield f"exit code {done.code} with {len(failed)} failed datasets"
    if sound in failed or tasks_of(after, sound) != tasks_of(before, sound):
        yield f"{sound} was not damaged, and differs"
    yield from miscounts(after)
    for name in failed:
        message = after["datasets"][name]["message"]
        if "\n" in message or not message.isprintable() or name not in message:
            yield f"{name}: a message is not one sentence about it: {message!r}"
    if done.peak_memory > MEMORY_LIMIT:
        yield f"a process used {done.peak_memory:,} bytes"


def lost_unsaid(
    before: dict[str, Any], after: dict[str, Any], damaged: Mapping[str, Damaged]
) -> Iterator[str]:
    """Yield the damaged datasets that lost rows of which the manifest has no word."""
    for name in damaged:
        entry = after["datasets"][name]
        if entry["status"] != "built" or entry["broken"] or entry["unread_directories"]:
            continue
        if any(task["dropped"] for task in tasks_of(after, name).values()):
            continue
        if entry["rows_read"] < before["datasets"][name]["rows_read"]:
            yield name
