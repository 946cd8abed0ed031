"""A build of questions without an image, some of whose tasks go wrong in training."""

from collections.abc import Callable
from pathlib import Path

from tests.helpers.tiny_checkpoint import COLORS, color_instance, task_info
from visionflan.hashing import stable_hash

WORDS = ("one", "two", "a", "b", "c", *COLORS)
# The prompt and the answer of each row of a task, by its number.
TASKS: dict[str, Callable[[int], tuple[str, str]]] = {
    "tiny/constant": lambda number: (f"what is it {word(number)} ?", "red"),
    "tiny/repeat": lambda number: (f"is it {word(number)} ?", "blue blue"),
    "tiny/color": lambda number: (f"what color {word(number)} ?", "green a"),
    "tiny/noise": lambda number: (f"what {word(number)} ?", noise(number)),
    "tiny/empty": lambda number: (f"is {word(number)} ?", ""),
    "tiny/long": lambda number: (" ".join(["what"] * 300), word(number)),
}


def word(number: int) -> str:
    """Return the word of a row."""
    return WORDS[number % len(WORDS)]


def noise(number: int) -> str:
    """Return words that nothing in the prompt tells of."""
    return " ".join(WORDS[stable_hash(number, index) % len(WORDS)] for index in range(4))


def write_planted_build(out: Path, rows: dict[str, int]) -> Path:
    """Write a build with so many rows of each task."""
    from visionflan.builder.directory_writer import DirectoryWriter

    info = {"name": "planted", "title": "Planted", "license": "CC0-1.0", "citation": "none"}
    with DirectoryWriter(out, info) as writer:
        for task, count in rows.items():
            writer.add_task(task, task_info(task))
            for number in range(count):
                prompt, answer = TASKS[task](number)
                writer.add_instance(color_instance(task, number, (), prompt, answer))
    return out
