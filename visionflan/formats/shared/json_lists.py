"""Read the YAML list of JSON files of LLaVA-NeXT, with a sampling strategy for each."""

import heapq
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError
from visionflan.formats.base import ConversationRecord
from visionflan.formats.shared.json_release import JsonRelease
from visionflan.formats.shared.yaml_lists import load_yaml
from visionflan.hashing import stable_hash
from visionflan.layouts.fields import FieldError, items, mapping, text
from visionflan.plural import counted
from visionflan.storage.instance import Split

STRATEGY = re.compile(r"(first|end|random):\s*(\d{1,12}(?:\.\d{1,6})?)\s*(%?)")
NOUN = "list of JSON files"


class Strategy(NamedTuple):
    """Which records of a file are taken.

    Attributes:
        kind: `all`, `first`, `end` or `random`.
        amount: a number of records, or a percentage of them.
        is_percentage: whether it is one.
    """

    kind: str = "all"
    amount: float = 100
    is_percentage: bool = True

    def number(self, total: int) -> int:
        """Return how many of the records are taken; a percentage is rounded up, as there."""
        wanted = math.ceil(self.amount * total / 100) if self.is_percentage else int(self.amount)
        return min(wanted, total)


class ListedFile(NamedTuple):
    """An entry of a list: the path of a JSON file as written, and its strategy."""

    path: str
    strategy: Strategy


def read_list(path: Path) -> list[ListedFile | BrokenRow]:
    """Return the entries of a list; one that cannot be read comes as a BrokenRow."""
    try:
        entries = items(load_yaml(path, NOUN), "datasets")
    except FieldError as error:
        raise ReleaseError(f"{path} is no {NOUN}: {error}") from error
    return [parse_entry(path, number, entry) for number, entry in enumerate(entries, start=1)]


def parse_entry(path: Path, number: int, entry: Any) -> ListedFile | BrokenRow:
    """Return an entry of a list, or what is wrong with it."""
    try:
        name = text(mapping(entry), "json_path")
        strategy = parse_strategy(entry.get("sampling_strategy", "all"))
    except FieldError as error:
        return BrokenRow(f"{path.name}: entry {number}", "unread_file", f"{error}")
    return ListedFile(name, strategy)


def parse_strategy(words: Any) -> Strategy:
    """Parse `all`, or `first`, `end` or `random` with a number or a percentage."""
    if words == "all":
        return Strategy()
    match = STRATEGY.fullmatch(words.strip()) if isinstance(words, str) else None
    if not match or ("." in match[2] and not match[3]):
        raise FieldError(
            f"its sampling_strategy is {words!r:.60}, not all or first, end or random with a number"
        )
    return Strategy(match[1], float(match[2]), bool(match[3]))


@dataclass(frozen=True)
class SampledRelease:
    """A part of the records of a file.

    Attributes:
        file: the release of the file.
        strategy: which of its records are taken.
        seed: decides which ones a random strategy takes.
        split: the split of its records.
    """

    file: JsonRelease
    strategy: Strategy
    seed: int
    split: Split

    @property
    def annotations(self) -> Path:
        """Return the path of the file."""
        return self.file.annotations

    @property
    def images(self) -> Path:
        """Return the directory of the images."""
        return self.file.images

    def conversations(self) -> Iterator[ConversationRecord | BrokenRow]:
        """Yield the records that are taken; the first has a note on how many these are.

        A record that names no task is of the task of its file.
        """
        is_taken, notes = self.choose()
        for index, record in enumerate(self.file.conversations()):
            if not is_taken(index):
                continue
            if isinstance(record, BrokenRow):
                yield record
                continue
            task = record.task or self.annotations.name.partition(".")[0]
            yield record._replace(task=task, split=self.split, notes=(*record.notes, *notes))
            notes = ()

    def choose(self) -> tuple[Callable[[int], bool], tuple[tuple[str, str], ...]]:
        """Return which records are taken, by their index, and a note where these are not all."""
        if self.strategy.kind == "all":
            return (lambda index: True), ()
        total = sum(1 for _ in self.file.records())
        number = self.strategy.number(total)
        detail = f"{number:,} of {counted(total, 'record')} of {self.annotations.name}"
        notes = (("sampled", detail),) if number < total else ()
        if self.strategy.kind == "random":
            return self.draw(number).__contains__, notes
        start = 0 if self.strategy.kind == "first" else total - number
        return range(start, start + number).__contains__, notes

    def draw(self, number: int) -> frozenset[int]:
        """Return the records with the lowest hashes of seed and id, however they are ordered."""
        earlier: Counter[str] = Counter()

        def hashes() -> Iterator[tuple[int, int]]:
            for index, record in enumerate(self.file.records()):
                name = record_name(record)
                yield stable_hash(self.seed, self.annotations.name, name, earlier[name]), index
                earlier[name] += 1

        return frozenset(index for _, index in heapq.nsmallest(number, hashes()))


def record_name(record: Any) -> str:
    """Return the id of a raw record as a text that can be hashed; empty if it has none."""
    value = record.get("id") if isinstance(record, dict) else None
    return f"{value!a}" if isinstance(value, str | int) else ""
