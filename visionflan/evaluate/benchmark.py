"""The words in which a benchmark is written: what it is, how it is read, asked and scored.

A benchmark is one file of `visionflan/evaluate/benchmarks/`, or of another package that names it
under the entry point `visionflan.benchmarks`; the file defines one `benchmark`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from visionflan.evaluate.aggregate.measures import AggregateMetric, mean_score
from visionflan.evaluate.judge.rubric import Rubric
from visionflan.evaluate.metric import Metric, ParsedAnswer, ScoringContext


class BenchmarkRow(NamedTuple):
    """One question of a benchmark, as its reader gives it.

    `part` names the subset that is scored by itself; `key` is the release's own name, one of a
    kind within its part. `images` are files or encoded bytes. `question` is what the release asks,
    before any style. `target` is the right answer: an option's text, a label, a reference answer;
    `references` are all accepted answers where there are several. `candidates` are the answers of
    a closed question in the words that the model is to use (with options, one for each, in their
    order). Rows of one `group` are judged together (the two questions of a picture, the rotations
    of a question). `cluster` names what rises and falls together, by default the first picture.
    `labels` are the abilities or subjects that it counts for; `context` is what only a judge sees.
    """

    part: str
    key: str
    question: str
    target: str
    images: tuple[Path | bytes, ...] = ()
    references: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    item_group: str = ""
    image_cluster: str = ""
    categories: tuple[str, ...] = ()
    judge_context: str = ""


Reader = Callable[[Path], Iterable[BenchmarkRow]]
PromptStyle = Callable[[BenchmarkRow], str]
AnswerRule = Callable[[str, ScoringContext], ParsedAnswer]


@dataclass
class Benchmark:
    """A benchmark: where it comes from, its reader, prompt styles, two rules, and its measures.

    `layout` tells which files must lie where below `DATA_ROOT/<name>`. The first style is the one
    that is used unless another is named; a picture goes before the words unless a style places its
    own markers. `headline` is the first of `measures`.
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
    write_specimen: Callable[[Path], None] | None = None
    version: Callable[[Path], str] | None = None
    rules: dict[str, AnswerRule] = field(default_factory=dict)
    diagnostics: Mapping[str, Callable[[str, ScoringContext], float]] = field(default_factory=dict)

    def reader(self, read: Reader) -> Reader:
        """Declare how the official release becomes rows."""
        self.read = read
        return read

    def specimen(self, write: Callable[[Path], None]) -> Callable[[Path], None]:
        """Declare how a tiny tree in the layout of the release is written."""
        self.write_specimen = write
        return write

    def names_version(self, name: Callable[[Path], str]) -> Callable[[Path], str]:
        """Declare how the version of the files on disk is told, in a few words."""
        self.version = name
        return name

    def style(self, name: str) -> Callable[[PromptStyle], PromptStyle]:
        """Declare how a row becomes a prompt under this name."""

        def declare(ask: PromptStyle) -> PromptStyle:
            self.styles[name] = ask
            return ask

        return declare

    def official(self, judge: AnswerRule) -> AnswerRule:
        """Declare the rule of the original code, its quirks kept."""
        self.rules["official"] = judge
        return judge

    def lenient(self, judge: AnswerRule) -> AnswerRule:
        """Declare the rule that asks only for the right content."""
        self.rules["lenient"] = judge
        return judge

    @property
    def metric(self) -> Metric:
        """Both rules in the form in which scores are computed; without one only a judge scores."""
        return Metric(
            self.rules.get("official", unjudged),
            self.rules.get("lenient", unjudged),
            diagnostics=self.diagnostics,
        )

    def rows(self, root: Path) -> Iterator[BenchmarkRow]:
        """Read the release below a folder."""
        if self.read is None:
            raise TypeError(f"the benchmark {self.title} declares no reader")
        yield from self.read(root)


def unjudged(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Leave an answer without a score: only a judge can give one."""
    return ParsedAnswer(None, answer, "unjudged")
