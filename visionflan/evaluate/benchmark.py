"""Declare a benchmark: its provenance, and how it is read, prompted and scored.

A benchmark is one file of `visionflan/evaluate/benchmarks/`, or of another package that names it
under the entry point `visionflan.benchmarks`; the file defines one `benchmark`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from visionflan.errors import ReleaseError
from visionflan.evaluate.aggregate.measures import AggregateMetric, mean_score
from visionflan.evaluate.judge.rubric import Rubric
from visionflan.evaluate.metric import AnswerScorer, Metric, ParsedAnswer, ScoringContext


class BenchmarkRow(NamedTuple):
    """One question of a benchmark, as its reader yields it."""

    part: str  # the subset that is scored separately
    key: str  # the release's own name of the question, unique within its part
    question: str  # as the release asks it, before any prompt style
    target: str  # the correct answer: the text of an option, a label, a reference answer
    images: tuple[Path | bytes, ...] = ()  # files, or encoded bytes
    references: tuple[str, ...] = ()  # all accepted answers, if there are several
    options: tuple[str, ...] = ()
    # All answers of a closed question as the model should write them; with options, one for each.
    candidates: tuple[str, ...] = ()
    item_group: str = ""  # rows of one group are scored together, such as rotations of a question
    image_cluster: str = ""  # within which scores correlate; default: the first image
    categories: tuple[str, ...] = ()  # abilities or subjects that the row counts for
    judge_context: str = ""  # shown only to an LLM judge


Reader = Callable[[Path], Iterable[BenchmarkRow]]
PromptStyle = Callable[[BenchmarkRow], str]
AnswerRule = AnswerScorer


@dataclass
class Benchmark:
    """A benchmark.

    Attributes:
        layout: which files must be where below `DATA_ROOT/<name>`.
        styles: prompt styles by name; the first is the default. Images go before the prompt
            unless it places its own markers.
        measures: the first is the headline.
        rubric: how an LLM judge scores it; None if rules alone do.
        read: from the root of the release to its rows.
        version: from the root of the release to the version of its files.
        rules: `official` and `lenient`; a missing one leaves the answer to a judge.
        diagnostics: shown next to the scores, but not scores.
    """

    title: str
    homepage: str
    license: str
    citation: str
    layout: str
    max_new_tokens: int = 64
    styles: dict[str, PromptStyle] = field(default_factory=dict)
    measures: tuple[AggregateMetric, ...] = (mean_score("accuracy"),)
    rubric: Rubric | None = None
    read: Reader | None = None
    write_specimen: Callable[..., None] | None = None
    version: Callable[[Path], str] | None = None
    rules: dict[str, AnswerRule] = field(default_factory=dict)
    diagnostics: Mapping[str, Callable[[str, ScoringContext], float]] = field(default_factory=dict)

    def reader(self, read: Reader) -> Reader:
        """Declare how the official release becomes rows."""
        self.read = read
        return read

    def specimen(self, write: Callable[..., None]) -> Callable[..., None]:
        """Declare how a small release in the official layout is written.

        `write` takes the directory; those of benchmarks of classes also take by how much to
        multiply the images of each, for studies.
        """
        self.write_specimen = write
        return write

    def version_reader(self, read_version: Callable[[Path], str]) -> Callable[[Path], str]:
        """Declare how the version of the files on disk is recognized."""
        self.version = read_version
        return read_version

    def style(self, name: str) -> Callable[[PromptStyle], PromptStyle]:
        """Declare how a row becomes a prompt in the style of this name."""

        def declare(style: PromptStyle) -> PromptStyle:
            self.styles[name] = style
            return style

        return declare

    def official(self, rule: AnswerRule) -> AnswerRule:
        """Declare the rule of the original code, quirks included."""
        self.rules["official"] = rule
        return rule

    def lenient(self, rule: AnswerRule) -> AnswerRule:
        """Declare the rule that asks only for the correct content."""
        self.rules["lenient"] = rule
        return rule

    @property
    def metric(self) -> Metric:
        """Both rules as a metric; a missing one leaves answers unjudged."""
        return Metric(
            self.rules.get("official", leave_to_judge),
            self.rules.get("lenient", leave_to_judge),
            label=self.title,
            diagnostics=self.diagnostics,
        )

    def rows(self, root: Path) -> Iterator[BenchmarkRow]:
        """Yield the rows of the release in a directory."""
        if self.read is None:
            raise TypeError(f"the benchmark {self.title} declares no reader")
        for row in self.read(root):
            require_texts(self.title, row)
            yield row


def require_texts(title: str, row: BenchmarkRow) -> None:
    """Raise ReleaseError unless question, answers and options are texts that say something."""
    texts = {
        "question": (row.question,),
        "answer": (row.target, *row.references),
        "options": (*row.options, *row.candidates),
    }
    for name, values in texts.items():
        if any(not isinstance(value, str) or not value.strip() for value in values):
            raise ReleaseError(
                f"{title}: the question {row.key} of {row.part} has no text as its {name}: "
                "copy the release again"
            )


def leave_to_judge(answer: str, _context: ScoringContext) -> ParsedAnswer:
    """Return an answer without a score: only a judge can give one."""
    return ParsedAnswer(None, answer, "unjudged")
