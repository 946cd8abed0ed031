"""The words of a dataset file: what the dataset is, how to read it, which tasks it offers."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from inspect import cleandoc
from pathlib import Path
from typing import Generic, Literal, Protocol, TypeVar, get_args

from visionflan.errors import UnusableError
from visionflan.image_sources import ImageSource

TaskGroup = Literal["question answering", "generation", "classification"]
MetricName = Literal[
    "exact_match",
    "vqa_accuracy",
    "anls",
    "relaxed_accuracy",
    "cider",
    "rouge_l",
    "bleu_4",
    "character_accuracy",
    "set_f1",
]
Layout = Literal["confirmed", "unconfirmed"]

# The categories of the paper's Appendix I, each in one of its three primary groups.
CATEGORIES: dict[str, TaskGroup] = {
    "Perception": "question answering",
    "Outside Knowledge": "question answering",
    "Reasoning": "question answering",
    "OCR": "question answering",
    "Document-Level OCR": "generation",
    "Phrase-Level OCR": "generation",
    "Knowledge Extraction": "generation",
    "Semantic Art Understanding": "generation",
    "Visual Dialogue": "generation",
    "Rational and Script Generation": "generation",
    "Coarse-grained Captioning": "generation",
    "Fine-grained Captioning": "generation",
    "Scene Classification": "classification",
    "Animal Classification": "classification",
    "Vehicle Classification": "classification",
    "Human Activity": "classification",
    "Facial Recognition": "classification",
    "Anomaly Detection": "classification",
    "General Object": "classification",
    "Complex Reasoning": "classification",
    "Image Text Matching": "classification",
    "General Object in Special Image Domain": "classification",
    "Image-Style Classification": "classification",
    "Image Quality Classification": "classification",
    "Texture Classification": "classification",
}

# What the owners allow no model to be tuned on: built to be held out as a whole, where asked for.
EVALUATION_ONLY = "evaluation-only"

# SPDX identifiers, and five words for terms that have none. True: commercial use is allowed.
LICENSES: dict[str, bool] = {
    "Apache-2.0": True,
    "BSD-2-Clause": True,
    "BSD-3-Clause": True,
    "CC0-1.0": True,
    "CC-BY-2.0": True,
    "CC-BY-3.0": True,
    "CC-BY-4.0": True,
    "CC-BY-SA-3.0": True,
    "CC-BY-SA-4.0": True,
    "CC-BY-NC-4.0": False,
    "CC-BY-NC-SA-3.0": False,
    "CC-BY-NC-SA-4.0": False,
    "CC-BY-NC-ND-4.0": False,
    "GPL-3.0-only": True,
    "MIT": True,
    "ODbL-1.0": True,
    "DbCL-1.0": True,
    "attribution": True,
    EVALUATION_ONLY: False,
    "non-commercial": False,
    "research-only": False,
    "unknown": False,
}

IMAGE_MARKER = "<image>"


@dataclass(frozen=True)
class BrokenRow:
    """What a reader yields in place of a row that it cannot read, so that nothing is lost."""

    key: str
    reason: str
    detail: str


class Keyed(Protocol):
    """A row names itself by a key of the release that stays the same when the release grows."""

    @property
    def key(self) -> str:
        """The key."""
        ...


Row = TypeVar("Row", bound=Keyed)


@dataclass(frozen=True, kw_only=True)
class Example:
    """One row under one task: the parts of its prompt, and the target to learn.

    `references` are all answers that annotators gave, for scoring; the target when there is one.
    `repaired` names what was trimmed or mended in the release's own words, for the ledger.
    Raises UnusableError where the parts do not fit together.
    """

    image: ImageSource | tuple[ImageSource, ...]
    target: str
    text: str = ""
    options: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no reader of the prompt could answer."""
        if not self.target.strip():
            raise UnusableError("empty_target", "the answer holds no words")
        if len({option.casefold() for option in self.options}) < len(self.options):
            raise UnusableError("repeated_option", f"two options are the same in {self.options}")
        if self.options and self.target not in self.options:
            raise UnusableError(
                "target_not_in_options", f"{self.target!r} is not among {self.options}"
            )
        for words in (self.text, self.target, *self.options):
            if IMAGE_MARKER in words:
                raise UnusableError(
                    "image_token_in_text", f"{IMAGE_MARKER} stands in the words {words!r}"
                )

    @property
    def images(self) -> tuple[ImageSource, ...]:
        """The pictures in the order in which the prompt shows them."""
        return self.image if isinstance(self.image, tuple) else (self.image,)


@dataclass(frozen=True, kw_only=True)
class Task(Generic[Row]):
    """One instruction, and how a row answers it; a row that is not of this task gives None."""

    name: str
    official_name: str
    title: str
    instruction: str
    category: str
    metric: MetricName
    sensitive: bool
    to_example: Callable[[Row], Example | None]

    @property
    def group(self) -> TaskGroup:
        """The primary group that the category belongs to."""
        return CATEGORIES[self.category]


@dataclass(kw_only=True)
class Dataset(Generic[Row]):
    """One academic dataset: provenance, reader, tasks, and a specimen of its layout on disk.

    `citation` is the reference in plain words, `obtain` tells how a user gets the release, `tree`
    is what it looks like on disk, and `terms` are the owner's conditions beyond the license.
    """

    title: str
    homepage: str
    license: str
    citation: str
    obtain: str
    tree: str
    terms: str = ""
    layout: Layout = "confirmed"
    tasks: dict[str, Task[Row]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Refuse a license outside the vocabulary, which no filter would understand."""
        if self.license not in LICENSES:
            known = ", ".join(LICENSES)
            raise ValueError(f"{self.title}: license {self.license!r} is none of {known}")
        self.obtain, self.terms = join_lines(self.obtain), join_lines(self.terms)
        self.tree = cleandoc(self.tree)

    @property
    def commercial(self) -> bool:
        """Whether the license allows commercial use; an unknown license does not."""
        return LICENSES[self.license]

    def reader(
        self, read: Callable[[Path], Iterable[Row | BrokenRow]]
    ) -> Callable[[Path], Iterable[Row | BrokenRow]]:
        """Use this function to read the rows of the official release under a folder."""
        self.read = read
        return read

    def specimen(self, write: Callable[[Path, int], None]) -> Callable[[Path, int], None]:
        """Use this function to write a small tree in the official layout.

        It is given the folder and about how many pictures to draw; every label in it is true.
        """
        self.write_specimen = write
        return write

    def task(
        self,
        instruction: str,
        *,
        title: str,
        category: str,
        metric: MetricName = "exact_match",
        official_name: str = "",
        sensitive: bool = False,
    ) -> Callable[[Callable[[Row], Example | None]], Callable[[Row], Example | None]]:
        """Offer the task named by the decorated function."""
        if category not in CATEGORIES:
            raise ValueError(f"{self.title}: {category!r} is none of {', '.join(CATEGORIES)}")
        if metric not in get_args(MetricName):
            raise ValueError(
                f"{self.title}: {metric!r} is none of {', '.join(get_args(MetricName))}"
            )

        def offer(to_example: Callable[[Row], Example | None]) -> Callable[[Row], Example | None]:
            name = to_example.__name__
            if name in self.tasks:
                raise ValueError(f"{self.title} already offers a task named {name}")
            self.tasks[name] = Task(
                name=name,
                official_name=official_name or f"{self.title}+{name}",
                title=title,
                instruction=join_lines(instruction),
                category=category,
                metric=metric,
                sensitive=sensitive,
                to_example=to_example,
            )
            return to_example

        return offer

    def rows(self, root: Path) -> Iterator[Row]:
        """Yield the rows that can be read, passing over the broken ones."""
        return (row for row in self.read(root) if not isinstance(row, BrokenRow))

    def examples(self, task: str, root: Path) -> Iterator[Example]:
        """Yield what one task makes of the release under `root`."""
        for row in self.rows(root):
            if (example := self.tasks[task].to_example(row)) is not None:
                yield example


def join_lines(text: str) -> str:
    """Join the lines of each paragraph; a blank line becomes one line break."""
    paragraphs = re.split(r"\n\s*\n", cleandoc(text).strip())
    return "\n".join(re.sub(r"\s*\n\s*", " ", paragraph) for paragraph in paragraphs)
