"""Rules for a picture whose class is asked for: the answer is to be one name of a closed list.

The four benchmarks of forgetting share them: CIFAR-10, CIFAR-100, MNIST and miniImageNet, asked as
EMT (arXiv:2309.10313) asks. There the model sees the list of classes, and a text model judges its
free answer by yes or no. The authors' own code could not be read; their page (yx-s-z.github.io/emt)
names the four sets and shows three kinds of failure: the wrong class, the list said again, and a
description without a class. Public code that follows the paper has the list joined by commas and
the words of the judge that are used here. So there is no rule of others to agree with:

- `official` is strict: the answer is the name and nothing else but case, articles and marks.
- `lenient` finds the names that are said, whole, the longest first, also in the plural or as a
  numeral in words. One name is the answer; two are ambiguous; three or more are the list again;
  none is an answer off the list. The last three score nothing, and a judge may be asked.
- by likelihood the names of the list are compared, and no word is read: the figure that tells
  forgetting from another way of answering.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Literal

from visionflan.errors import ReleaseError
from visionflan.evaluate.aggregate.bootstrap import Floats
from visionflan.evaluate.aggregate.measures import AggregateMetric, mean_score, ratio
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.judge.rubric import JudgeScore, Rubric
from visionflan.evaluate.metric import ParsedAnswer, ParseStatus, ScoringContext, ScoringRule
from visionflan.evaluate.metrics.answer_parsing import NO, YES
from visionflan.evaluate.metrics.normalization import normalize_squad, normalize_words
from visionflan.evaluate.records.record import Record
from visionflan.llm.base import LlmRequest, Message

Thing = Literal["number", "object"]

PART = "test"
ECHO = 3  # as many different classes in one answer are the list said again
PLURALS = {"man": "men", "woman": "women", "mouse": "mice"}


@contextmanager
def reading(title: str) -> Iterator[None]:
    """Name the benchmark in what is told of its files."""
    try:
        yield
    except ReleaseError as fault:
        raise ReleaseError(f"{title}: {fault}") from fault


def rows(
    thing: Thing,
    names: Sequence[str],
    pictures: Iterable[tuple[str, Path | bytes, str]],
) -> Iterator[BenchmarkRow]:
    """Ask for the class of each picture, given as its key, the picture and the name."""
    candidates = tuple(map(spoken, names))
    for key, image, name in pictures:
        yield BenchmarkRow(
            part=PART,
            key=key,
            question=f"What is the {thing} in the picture?",
            target=spoken(name),
            images=(image,),
            candidates=candidates,
        )


def spoken(name: str) -> str:
    """Write the name of a class as it is said."""
    return name.replace("_", " ")


def from_list(row: BenchmarkRow, thing: Thing) -> str:
    """Ask for one name of the list, near the words of EMT."""
    return (
        f"{row.question} Answer with a single {thing} and nothing else, chosen from: "
        f"{', '.join(row.candidates)}."
    )


def alone(row: BenchmarkRow) -> str:
    """Ask without the list."""
    return row.question


def official(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Take an answer that is the name of the class and nothing else."""
    said = normalize_squad(spoken(answer))
    names = {normalize_squad(spoken(name)): name for name in known(question)}
    if said in names:
        return ParsedAnswer(float(said == normalize_squad(spoken(question.target))), names[said])
    echoed = len(named(answer, known(question))) >= ECHO
    return ParsedAnswer(0.0, said, "list_echo" if echoed else "unparsed")


def lenient(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Take an answer that names the class, and no other one."""
    verdict = read(answer, known(question))
    if verdict.score is not None:
        return verdict
    return verdict._replace(
        score=float(normalize_words(verdict.parsed) == normalize_words(question.target))
    )


def known(question: ScoringContext) -> tuple[str, ...]:
    """Give the classes of a question."""
    return question.candidates or question.references


def read(answer: str, names: Sequence[str]) -> ParsedAnswer:
    """Read which one of the classes an answer names; a score of None is still to be given."""
    found = named(answer, names)
    if len(found) == 1:
        return ParsedAnswer(None, found[0])
    status: ParseStatus = "ambiguous" if found else "unparsed"
    return ParsedAnswer(0.0, "", "list_echo" if len(found) >= ECHO else status)


def named(answer: str, names: Sequence[str]) -> list[str]:
    """Find the different classes that an answer names, in the order in which they are said."""
    pattern, meant = finder(tuple(names))
    return list(dict.fromkeys(meant[found] for found in pattern.findall(normalize_words(answer))))


@lru_cache(maxsize=64)
def finder(names: tuple[str, ...]) -> tuple[re.Pattern[str], dict[str, str]]:
    """Prepare to look for names as whole words; also tell which name each form is of."""
    meant = {form: name for name in names for form in plurals(normalize_words(name))}
    meant |= {normalize_words(name): name for name in names}
    longest_first = sorted(meant, key=lambda form: (-len(form), form))
    return re.compile(rf"(?<!\S)(?:{'|'.join(map(re.escape, longest_first))})(?!\S)"), meant


def plurals(words: str) -> Iterator[str]:
    """Give the forms that the plural of a name may have."""
    yield from (f"{words}s", f"{words}es")
    if words.endswith("y"):
        yield f"{words[:-1]}ies"
    if words.endswith("f"):
        yield f"{words[:-1]}ves"
    if words in PLURALS:
        yield PLURALS[words]


def share(name: str, status: ParseStatus) -> AggregateMetric:
    """Say in how many of the answers the names are said so, whoever had the last word on them.

    A rule that reads no words has no such share.
    """

    def cluster_sums(records: Sequence[Record], rule: ScoringRule) -> Sequence[float]:
        given = [] if rule == "likelihood" else [each for each in records if not each.error]
        found = [read(each.response, each.candidates).status == status for each in given]
        return sum(found), len(found)

    def from_totals(totals: Floats) -> Floats:
        return ratio(totals[..., 0], totals[..., 1])

    return AggregateMetric(name, cluster_sums, from_totals)


MEASURES = (
    mean_score("accuracy"),
    share("list said again", "list_echo"),
    share("off the list", "unparsed"),
)


def request(record: Record, swapped: bool) -> LlmRequest:
    """Ask a judge whether the answer names the right class, in the words that follow EMT."""
    return LlmRequest(
        (
            Message(
                "system",
                "You are a helpful and precise assistant for checking the quality of the answer.",
            ),
            Message(
                "user",
                'Please only answer the question in yes or no. Is the "Prediction" correctly '
                f'predicting the right "Label"? Label: {record.target}, '
                f"Prediction: {record.response}",
            ),
        ),
        temperature=0.0,
        max_tokens=16,
    )


def verdict_of(words: str, record: Record, swapped: bool) -> JudgeScore | None:
    """Read yes or no: the first word if it is one, else the only one that is said."""
    said = [word for word in normalize_words(words).split() if word in (YES, NO)]
    opens = normalize_words(words).split()[:1] == said[:1]
    if not said or (len(set(said)) > 1 and not opens):
        return None
    return JudgeScore(float(said[0] == YES))


RUBRIC = Rubric("emt yes or no 1", request, verdict_of, scope="unparsed")


def of_classes(made: Benchmark, thing: Thing) -> Benchmark:
    """Give a benchmark whose pictures each show one thing of a closed list all but its reader."""
    made.measures, made.rubric = MEASURES, RUBRIC
    made.official(official)
    made.lenient(lenient)
    made.style("emt")(lambda row: from_list(row, thing))
    made.style("bare")(alone)
    return made
