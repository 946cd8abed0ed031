"""Declare a dataset: how to read its release, and its tasks."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from inspect import cleandoc
from pathlib import Path
from typing import Generic, Literal, Protocol, TypeVar, cast, get_args

from visionflan.errors import UnusableError
from visionflan.image_sources import ImageSource
from visionflan.image_urls import ImageUrls
from visionflan.vocabulary import CATEGORIES, LICENSES, Layout, MetricName, OfficialSplit, TaskGroup

IMAGE_MARKER = "<image>"


@dataclass(frozen=True)
class BrokenRow:
    """A row that cannot be read; readers yield it so that the ledger counts it."""

    key: str
    reason: str
    detail: str


class Keyed(Protocol):
    """A row with a key of the release; the key does not change when the release grows."""

    @property
    def key(self) -> str:
        """Return the key."""
        ...


Row = TypeVar("Row", bound=Keyed)


@dataclass(frozen=True, kw_only=True)
class Example:
    """One row as an example of one task: the parts of its prompt and its target.

    Raises UnusableError if the parts do not fit together.

    Attributes:
        image: one image, or several in the order of the prompt.
        target: the answer to train on.
        text: what follows the instruction, such as a question.
        options: the answers to choose from; empty for an open question.
        references: all answers of annotators, for scoring; empty if there is only the target.
        repaired: codes of what was trimmed or fixed in the release's text, for the ledger.
    """

    image: ImageSource | tuple[ImageSource, ...]
    target: str
    text: str = ""
    options: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the types, and that the prompt can be answered with the target."""
        check_example_types(self)
        if not self.target.strip():
            raise UnusableError("empty_target", "the target is empty")
        if len({option.casefold() for option in self.options}) < len(self.options):
            raise UnusableError("repeated_option", f"two options are equal in {self.options}")
        if self.options and self.target not in self.options:
            raise UnusableError(
                "target_not_in_options", f"{self.target!r} is not one of {self.options}"
            )
        for text in (self.text, self.target, *self.options):
            if IMAGE_MARKER in text:
                raise UnusableError("image_token_in_text", f"{IMAGE_MARKER} occurs in {text!r}")

    @property
    def images(self) -> tuple[ImageSource, ...]:
        """Return the images in the order of the prompt."""
        return self.image if isinstance(self.image, tuple) else (self.image,)


@dataclass(frozen=True, kw_only=True)
class Task(Generic[Row]):
    """One task of a dataset.

    Attributes:
        name: the name within the dataset.
        official_name: the name in the paper's release.
        title: a short title for people.
        phrasings: the instruction that begins each prompt, then other phrasings of it.
        category: the paper's category, a key of CATEGORIES.
        metric: the metric that scores answers.
        sensitive: whether it asks about race, gender, age, identity or emotion.
        to_example: makes an example of a row; None if the task does not apply to the row.
        published_form: how the paper's release writes the target, if differently.
    """

    name: str
    official_name: str
    title: str
    phrasings: tuple[str, ...]
    category: str
    metric: MetricName
    sensitive: bool
    to_example: Callable[[Row], Example | None]
    published_form: str = ""

    @property
    def instruction(self) -> str:
        """Return the first phrasing."""
        return self.phrasings[0]

    @property
    def group(self) -> TaskGroup:
        """Return the primary group of the category."""
        return CATEGORIES[self.category]


@dataclass(kw_only=True)
class Dataset(Generic[Row]):
    """One academic dataset: provenance, reader, tasks, and a specimen of its layout on disk.

    Attributes:
        title: the dataset's name for people.
        homepage: its URL.
        license: a key of LICENSES.
        citation: the reference in plain text.
        obtain: how to get the release.
        tree: the layout of the release on disk.
        terms: the owners' conditions beyond the license.
        layout: whether the layout was checked against a real release.
        split_field: the field of a row that names its official split.
        no_split: why rows name no official split.
        group_field: the field of a row that names what must be held out together, such as a video.
        no_group: why rows name no such group.
        neighbors: other datasets in whose releases, beside its own, the reader looks for files.
        tasks: the tasks by name, added by the decorator `task`.
        image_urls: the images of a release that publishes URLs, set by the decorator `downloads`.
    """

    title: str
    homepage: str
    license: str
    citation: str
    obtain: str
    tree: str
    terms: str = ""
    layout: Layout = "confirmed"
    split_field: str = ""
    no_split: str = ""
    group_field: str = ""
    no_group: str = ""
    neighbors: tuple[str, ...] = ()
    tasks: dict[str, Task[Row]] = field(default_factory=dict, init=False)
    image_urls: Callable[[Path], Iterable[ImageUrls]] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Check the license, and normalize multi-line texts."""
        if self.license not in LICENSES:
            known = ", ".join(LICENSES)
            raise ValueError(f"{self.title}: license {self.license!r} is not one of {known}")
        for name in ("split", "group"):
            if getattr(self, f"{name}_field") and getattr(self, f"no_{name}"):
                raise ValueError(f"{self.title}: give {name}_field or no_{name}, not both")
        self.obtain, self.terms = join_lines(self.obtain), join_lines(self.terms)
        self.tree = cleandoc(self.tree)

    @property
    def commercial(self) -> bool:
        """Return whether the license allows commercial use; an unknown license does not."""
        return LICENSES[self.license]

    def official_split(self, row: Row) -> OfficialSplit | Literal[""]:
        """Return the official split of a row, or an empty string if it is in none.

        Raises UnusableError if the field holds another word.
        """
        split = getattr(row, self.split_field) if self.split_field else ""
        if split not in (*get_args(OfficialSplit), ""):
            known = ", ".join(get_args(OfficialSplit))
            raise UnusableError("unknown_split", f"{self.split_field} is {split!r}, not {known}")
        return cast("OfficialSplit", split)

    def hold_out_group(self, row: Row) -> str:
        """Return the name of what must be held out together with a row, or an empty string."""
        group = getattr(row, self.group_field) if self.group_field else None
        return "" if group is None else str(group)

    def reader(
        self, read: Callable[[Path], Iterable[Row | BrokenRow]]
    ) -> Callable[[Path], Iterable[Row | BrokenRow]]:
        """Register the function that reads the rows of the official release in a directory."""
        self.read = read
        return read

    def downloads(
        self, image_urls: Callable[[Path], Iterable[ImageUrls]]
    ) -> Callable[[Path], Iterable[ImageUrls]]:
        """Register the function that lists the URLs of a release without image files."""
        self.image_urls = image_urls
        return image_urls

    def specimen(self, write: Callable[[Path, int], None]) -> Callable[[Path, int], None]:
        """Register the function that writes a miniature release in the official layout.

        Its arguments are a directory and the approximate number of images to draw; all labels must
        be correct.
        """
        self.write_specimen = write
        return write

    def task(  # noqa: PLR0913 - each keyword describes the task
        self,
        instruction: str,
        *phrasings: str,
        title: str,
        category: str,
        metric: MetricName = "exact_match",
        official_name: str = "",
        sensitive: bool = False,
        published_form: str = "",
    ) -> Callable[[Callable[[Row], Example | None]], Callable[[Row], Example | None]]:
        """Declare a task, named after the decorated function, which makes an example of a row.

        Args:
            instruction: Begins each prompt; one paragraph, however it is wrapped.
            phrasings: Other phrasings of the instruction, of equal meaning.
            title: A short title for people.
            category: A key of CATEGORIES, which also gives the task's group.
            metric: Scores the answers.
            official_name: The name in the paper's release; by default `title+name`.
            sensitive: Whether it asks about race, gender, age, identity or emotion.
            published_form: How the paper's release writes the target, if differently.
        """
        if category not in CATEGORIES:
            raise ValueError(
                f"{self.title}: category {category!r} is not one of {', '.join(CATEGORIES)}"
            )
        if metric not in get_args(MetricName):
            raise ValueError(
                f"{self.title}: metric {metric!r} is not one of {', '.join(get_args(MetricName))}"
            )

        def declare(to_example: Callable[[Row], Example | None]) -> Callable[[Row], Example | None]:
            name = to_example.__name__
            if name in self.tasks:
                raise ValueError(f"{self.title} already has a task named {name}")
            self.tasks[name] = Task(
                name=name,
                official_name=official_name or f"{self.title}+{name}",
                title=title,
                phrasings=tuple(map(join_lines, (instruction, *phrasings))),
                category=category,
                metric=metric,
                sensitive=sensitive,
                to_example=to_example,
                published_form=published_form,
            )
            return to_example

        return declare

    def rows(self, root: Path) -> Iterator[Row]:
        """Yield the rows of a release, skipping broken ones."""
        return (row for row in self.read(root) if not isinstance(row, BrokenRow))

    def examples(self, task: str, root: Path) -> Iterator[Example]:
        """Yield the examples of one task from the release in `root`."""
        for row in self.rows(root):
            if (example := self.tasks[task].to_example(row)) is not None:
                yield example


def check_example_types(example: Example) -> None:
    """Raise TypeError if a part of an example has a wrong type, whatever a type checker missed."""
    for image in example.images:
        if not isinstance(image, get_args(ImageSource)):
            raise TypeError(f"image must be a Path or another image source, not {image!r}")
    for name in ("target", "text"):
        if not isinstance(value := getattr(example, name), str):
            raise TypeError(f"{name} must be a string, not {value!r}")
    for name in ("options", "references", "repaired"):
        values = getattr(example, name)
        if not isinstance(values, tuple) or not all(isinstance(value, str) for value in values):
            raise TypeError(f"{name} must be a tuple of strings, not {values!r}")


def join_lines(text: str) -> str:
    """Return the text with the lines of each paragraph joined; a blank line becomes a newline."""
    paragraphs = re.split(r"\n\s*\n", cleandoc(text).strip())
    return "\n".join(re.sub(r"\s*\n\s*", " ", paragraph) for paragraph in paragraphs)
