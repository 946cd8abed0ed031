"""The context of what is written: the human-labeled rows of one image, chosen by hash."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from visionflan.catalog import match_tasks
from visionflan.errors import BuildError
from visionflan.evaluate.baselines import TaskStats, correct_answer, task_stats
from visionflan.hashing import shuffled, stable_hash
from visionflan.prompt import split_at_images
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance, Split
from visionflan.synthesize.kinds import SynthesisKind

MAX_ROWS = 24  # of one image in a context
MAX_CHARACTERS = 600  # of one field of a row in a context
MIN_ROWS = 2  # of an image that the model does not see
MAX_TERSE_WORDS = 5


class ContextRow(NamedTuple):
    """A row and, if its question is closed, all labels of its task."""

    instance: Instance
    candidates: tuple[str, ...] = ()

    @property
    def question(self) -> str:
        """The question about the image; the task's instruction if the row has no question."""
        return self.instance.text or self.instance.instruction

    @property
    def references(self) -> tuple[str, ...]:
        """All accepted answers."""
        return self.instance.references or (correct_answer(self.instance),)


class ImageContext(NamedTuple):
    """What a model is to write about: an image and rows of it."""

    key: str
    image: str
    rows: tuple[ContextRow, ...]


class ContextSource:
    """The contexts of the rows of one split of a build, which share no image with the other."""

    def __init__(
        self,
        build: BuildDirectory,
        tasks: Sequence[str],
        kind: SynthesisKind,
        seed: int,
        split: Split = "train",
    ) -> None:
        self.build, self.kind, self.seed, self.split = build, kind, seed, split
        selected = match_tasks(tasks, sorted(build.tasks)) if tasks else None
        self.instances = build.instances(split, selected)
        self.stats: dict[str, TaskStats] = {}

    @cached_property
    def by_image(self) -> dict[str, list[int]]:
        """The indices of the human-labeled rows of each image, of rows with one image."""
        rows = defaultdict[str, list[int]](list)
        columns = zip(
            self.instances.column("images"), self.instances.column("synthetic"), strict=True
        )
        for index, (images, synthetic) in enumerate(columns):
            if len(images) == 1 and not synthetic:
                rows[images[0]].append(index)
        return dict(rows)

    def contexts(self, *, sees_image: bool) -> Iterator[ImageContext]:
        """Yield the contexts in an order by hash.

        Raises BuildError if there is none.
        """
        num_contexts = 0
        contexts = self.terse_rows() if self.kind.name == "rewrite" else self.images(sees_image)
        for context in contexts:
            num_contexts += 1
            yield context
        if not num_contexts:
            needed = (
                f"a target of at most {MAX_TERSE_WORDS} words"
                if self.kind.name == "rewrite"
                else f"at least {1 if sees_image else MIN_ROWS} of them to an image"
            )
            raise BuildError(
                f"{self.build.path} has no human-labeled row to write from in its split "
                f"{self.split}: such rows need one image, and {needed}"
            )

    def images(self, sees_image: bool) -> Iterator[ImageContext]:
        """Yield the rows of each image."""
        order = sorted(self.by_image, key=lambda image: stable_hash(self.seed, "image", image))
        for image in order:
            indices = shuffled(self.by_image[image], self.seed, "rows", image)
            if sees_image or len(indices) >= MIN_ROWS:
                rows = tuple(map(self.labeled_row, indices[:MAX_ROWS]))
                yield ImageContext(image, image, rows)

    def terse_rows(self) -> Iterator[ImageContext]:
        """Yield each row whose target is a few words."""
        targets, ids = self.instances.column("target"), self.instances.column("id")
        indices = [index for rows in self.by_image.values() for index in rows]
        terse = [index for index in indices if 0 < len(targets[index].split()) <= MAX_TERSE_WORDS]
        for index in sorted(terse, key=lambda index: stable_hash(self.seed, "row", ids[index])):
            row = self.labeled_row(index)
            if len(row.instance.exchanges) == 2:
                yield ImageContext(row.instance.id, row.instance.images[0], (row,))

    def labeled_row(self, index: int) -> ContextRow:
        """Return a row with the labels of its task."""
        instance = self.instances[index]
        if instance.options:
            return ContextRow(instance)
        if instance.task not in self.stats:
            self.stats[instance.task] = task_stats(self.build, instance.task, [instance])
        return ContextRow(instance, self.stats[instance.task].candidates)


def context_text(context: ImageContext, titles: dict[str, str]) -> str:
    """Return the rows of a context as the model reads them; `titles` are those of the tasks."""
    blocks = []
    for number, row in enumerate(context.rows, 1):
        lines = [f"Row {number}: {titles[row.instance.task]}", *row_lines(row.instance)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def row_lines(instance: Instance) -> Iterator[str]:
    """Yield the lines of a row: its questions and answers, or those of its conversation."""
    if instance.instruction and len(instance.exchanges) == 2:
        yield f"Question: {shorten(f'{instance.instruction} {instance.text}')}"
        if instance.options:
            yield f"Options: {shorten('; '.join(instance.options))}"
        yield f"Answer: {shorten(correct_answer(instance))}"
        return
    for turn in instance.exchanges:
        parts = split_at_images(turn.text)
        text = " ".join(part["text"] for part in parts if part["type"] == "text")
        yield f"{'Question' if turn.role == 'user' else 'Answer'}: {shorten(text)}"


def shorten(text: str) -> str:
    """Return a text on one line, cut at the limit."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_CHARACTERS else f"{line[: MAX_CHARACTERS - 3]}..."
