"""Rules for image classification: the answer must be one name of a closed list.

The four benchmarks of forgetting share them: CIFAR-10, CIFAR-100, MNIST and miniImageNet, prompted
as in EMT (arXiv:2309.10313). There the model sees the list of classes, and a text model judges its
answer by yes or no. The authors' own code could not be read; their page (yx-s-z.github.io/emt)
names the four sets and shows three kinds of failure: the wrong class, the list echoed, and a
description without a class. Public code that follows the paper has the list joined by commas and
the judge's prompt that is used here. So there is no published rule to agree with:

- `official` is strict: the answer is the name and nothing else but case, articles and punctuation.
- `lenient` finds complete names, the longest first, also plurals and numerals in words. One
  name is the answer; two are ambiguous; three or more are the list echoed; none is an answer that
  is not in the list. The last three score 0, and a judge may be asked.
- by log-likelihood the names of the list are compared and no text is parsed: the number that tells
  forgetting from another way of answering.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Literal

from visionflan.errors import ReleaseError
from visionflan.evaluate.aggregate.intervals import Floats
from visionflan.evaluate.aggregate.measures import AggregateMetric, mean_score, ratio
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.judge.rubric import JudgeScore, Rubric
from visionflan.evaluate.metric import ParsedAnswer, ParseStatus, ScoringContext, ScoringRule
from visionflan.evaluate.metrics.answer_parsing import NO, YES
from visionflan.evaluate.metrics.label_search import is_denied
from visionflan.evaluate.metrics.normalization import normalize_squad, normalize_words
from visionflan.evaluate.records.record import Record
from visionflan.llm.base import LlmRequest, Message

Noun = Literal["number", "object"]

PART = "test"
MIN_ECHO = 3  # as many different classes in one answer are an echo of the list
PLURALS = {"man": "men", "woman": "women", "mouse": "mice"}


@contextmanager
def prefix_errors(title: str) -> Iterator[None]:
    """Prefix errors about the files of a benchmark with its title."""
    try:
        yield
    except ReleaseError as error:
        raise ReleaseError(f"{title}: {error}") from error


def rows(
    noun: Noun,
    names: Sequence[str],
    images: Iterable[tuple[str, Path | bytes, str]],
) -> Iterator[BenchmarkRow]:
    """Yield a row per image; `images` are of a key, an image and the name of its class."""
    candidates = tuple(map(label_text, names))
    for key, image, name in images:
        yield BenchmarkRow(
            part=PART,
            key=key,
            question=f"What is the {noun} in the picture?",
            target=label_text(name),
            images=(image,),
            candidates=candidates,
        )


def label_text(name: str) -> str:
    """Return the name of a class as text, without underscores."""
    return name.replace("_", " ")


def emt_prompt(row: BenchmarkRow, noun: Noun) -> str:
    """Return a prompt with the list of classes, close to EMT's wording."""
    return (
        f"{row.question} Answer with a single {noun} and nothing else, chosen from: "
        f"{', '.join(row.candidates)}."
    )


def bare_prompt(row: BenchmarkRow) -> str:
    """Return the question without the list."""
    return row.question


def official(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Accept an answer that is the name of the class and nothing else."""
    text = normalize_squad(label_text(answer))
    names = {normalize_squad(label_text(name)): name for name in class_list(question)}
    if text in names:
        return ParsedAnswer(
            float(text == normalize_squad(label_text(question.target))), names[text]
        )
    is_echo = len(find_classes(answer, class_list(question))) >= MIN_ECHO
    return ParsedAnswer(0.0, text, "list_echo" if is_echo else "unparsed")


def lenient(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Accept an answer that names the class, and no other one."""
    parsed = parse_class(answer, class_list(question))
    if parsed.score is not None:
        return parsed
    return parsed._replace(
        score=float(normalize_words(parsed.parsed) == normalize_words(question.target))
    )


def class_list(question: ScoringContext) -> tuple[str, ...]:
    """Return the classes of a question."""
    return question.candidates or question.references


def parse_class(answer: str, names: Sequence[str]) -> ParsedAnswer:
    """Parse the one class that an answer names; its score is then None, still to be set."""
    classes = find_classes(answer, names)
    if len(classes) == 1:
        return ParsedAnswer(None, classes[0])
    status: ParseStatus = "ambiguous" if classes else "unparsed"
    return ParsedAnswer(0.0, "", "list_echo" if len(classes) >= MIN_ECHO else status)


def find_classes(answer: str, names: Sequence[str]) -> list[str]:
    """Return the distinct classes that an answer names and does not deny, in order."""
    pattern, class_of = class_pattern(tuple(names))
    text = f" {normalize_words(answer)} "
    matches = [match for match in pattern.finditer(text) if not is_denied(text, match.start())]
    return list(dict.fromkeys(class_of[match[0]] for match in matches))


@lru_cache(maxsize=64)
def class_pattern(names: tuple[str, ...]) -> tuple[re.Pattern[str], dict[str, str]]:
    """Return a pattern for names as complete words, and the class that each form means."""
    class_of = {form: name for name in names for form in plurals(normalize_words(name))}
    class_of |= {normalize_words(name): name for name in names}
    longest_first = sorted(class_of, key=lambda form: (-len(form), form))
    return re.compile(rf"(?<!\S)(?:{'|'.join(map(re.escape, longest_first))})(?!\S)"), class_of


def plurals(name: str) -> Iterator[str]:
    """Yield the forms that the plural of a name may have."""
    yield from (f"{name}s", f"{name}es")
    if name.endswith("y"):
        yield f"{name[:-1]}ies"
    if name.endswith("f"):
        yield f"{name[:-1]}ves"
    if name in PLURALS:
        yield PLURALS[name]


def status_share(name: str, status: ParseStatus) -> AggregateMetric:
    """Return the share of answers with this parse status, also of those that a judge scored.

    By log-likelihood, which parses no text, it has no value.
    """

    def cluster_sums(records: Sequence[Record], rule: ScoringRule) -> Sequence[float]:
        answered = [] if rule == "likelihood" else [r for r in records if not r.error]
        matches = [parse_class(r.response, r.candidates).status == status for r in answered]
        return sum(matches), len(matches)

    def from_totals(totals: Floats) -> Floats:
        return ratio(totals[..., 0], totals[..., 1])

    return AggregateMetric(name, cluster_sums, from_totals)


MEASURES = (
    mean_score("accuracy"),
    status_share("list echoed", "list_echo"),
    status_share("not in the list", "unparsed"),
)


def request(record: Record, swapped: bool) -> LlmRequest:
    """Return the request whether the answer names the correct class, in the wording after EMT."""
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


def parse_verdict(text: str, record: Record, swapped: bool) -> JudgeScore | None:
    """Parse yes or no: the first word if it is one of them, else the only one in the text."""
    words = normalize_words(text).split()
    verdicts = [word for word in words if word in (YES, NO)]
    is_first = words[:1] == verdicts[:1]
    if not verdicts or (len(set(verdicts)) > 1 and not is_first):
        return None
    return JudgeScore(float(verdicts[0] == YES))


RUBRIC = Rubric("emt yes or no 1", request, parse_verdict, scope="unparsed")


def add_class_rules(benchmark: Benchmark, noun: Noun) -> Benchmark:
    """Add metrics, rules, rubric and prompt styles to a benchmark of image classification."""
    benchmark.measures, benchmark.rubric = MEASURES, RUBRIC
    benchmark.official(official)
    benchmark.lenient(lenient)
    benchmark.style("emt")(lambda row: emt_prompt(row, noun))
    benchmark.style("bare")(bare_prompt)
    return benchmark
