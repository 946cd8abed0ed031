"""What is wrong with files on disk, one line each, with a limit for each file."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from visionflan.plural import counted

MAX_LINES = 20  # of one file


class Damage(NamedTuple):
    """One thing that is wrong.

    Attributes:
        file: the file, relative to what is verified.
        problem: what is wrong there, with the task, the row or the image.
    """

    file: str
    problem: str


@dataclass
class DamageList:
    """All damages, of which the first of each file are kept."""

    first: list[Damage] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        """Return the number of damages, those that are not kept included."""
        return self.counts.total()

    def add(self, file: str, problem: str) -> None:
        """Add one damage."""
        self.counts[file] += 1
        if self.counts[file] <= MAX_LINES:
            self.first.append(Damage(file, problem))

    def lines(self) -> Iterator[str]:
        """Yield a line for each damage that is kept, and one for the others of each file."""
        for file, count in self.counts.items():
            yield from (f"{file}: {one.problem}" for one in self.first if one.file == file)
            if count > MAX_LINES:
                yield f"{file}: {counted(count - MAX_LINES, 'damage')} more"
