"""Pair the answers of two models by content, and refuse models that were evaluated differently."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from visionflan.compare.results import AnswerPair, ComparedModel, Evaluation
from visionflan.errors import EvaluationError
from visionflan.evaluate.conditions import ORIGINAL
from visionflan.evaluate.records.header import same_generation
from visionflan.evaluate.records.record import Record, check_scores
from visionflan.plural import counted

Key = tuple[str, str, str]
# What an item consists of: its name in a message, and the column of a record.
CONTENT = (
    ("prompt style", "prompt_style"),
    ("prompt", "prompt"),
    ("images", "images"),
    ("options", "options"),
    ("accepted answers", "references"),
)
MAX_CHARACTERS = 120  # of an item's content in a message


class JoinedAnswers(NamedTuple):
    """Pairs of answers, and how many items of each task could not be paired."""

    pairs: list[AnswerPair]
    only_before: Mapping[str, int]
    only_after: Mapping[str, int]
    missing: Mapping[str, int]  # pairs in which an answer is an error


def describe_model(evaluations: Sequence[Evaluation]) -> ComparedModel:
    """Return the model of one side; all its evaluations must be of the same checkpoint."""
    if not evaluations:
        raise EvaluationError("there is nothing to compare: name an evaluation for each side")
    first = evaluations[0]
    for evaluation in evaluations:
        if evaluation.header.checkpoint != first.header.checkpoint:
            raise EvaluationError(
                f"{first.directory} and {evaluation.directory} are evaluations of different "
                "checkpoints and cannot form one side of a comparison: name evaluations of one "
                "checkpoint"
            )
    return ComparedModel(
        first.header.run,
        first.header.stage,
        first.header.checkpoint,
        tuple(evaluation.directory for evaluation in evaluations),
        tuple(sorted({evaluation.header.generation_config for evaluation in evaluations})),
    )


def join(before: Sequence[Evaluation], after: Sequence[Evaluation]) -> JoinedAnswers:
    """Pair the answers to every item that both models were asked with its original images."""
    names = [model_name(describe_model(evaluations)) for evaluations in (before, after)]
    first, second = answers_by_key(before), answers_by_key(after)
    common = sorted(first.keys() & second.keys())
    unpaired = [
        [answers[key] for key in sorted(answers.keys() - set(common))]
        for answers in (first, second)
    ]
    # Both models may share an item in one prompt style that one of them also has in other styles.
    shared = {(first[key].task, first[key].instance) for key in common}
    unshared = [
        [record for record in records if (record.task, record.instance) not in shared]
        for records in unpaired
    ]
    check_same_content(unshared[0], unshared[1], names)
    if not common:
        raise EvaluationError(
            f"{names[0]} and {names[1]} answered no item in common ({example_items(unpaired)}): "
            "evaluate both on the same benchmarks and builds"
        )
    pairs = [make_pair(first[key], second[key], names) for key in common]
    complete = [pair for pair in pairs if not (pair.before.error or pair.after.error)]
    failed = count_by_task(pair.before for pair in pairs if pair.before.error or pair.after.error)
    return JoinedAnswers(complete, count_by_task(unpaired[0]), count_by_task(unpaired[1]), failed)


def model_name(model: ComparedModel) -> str:
    """Return the name of a model in a message."""
    return f"{model.name or 'the run'} ({model.stage}, {', '.join(model.directories)})"


def answers_by_key(evaluations: Iterable[Evaluation]) -> dict[Key, Record]:
    """Index the answers to original images by task, prompt style and content of the item."""
    answers: dict[Key, Record] = {}
    for evaluation in evaluations:
        check_scores(evaluation.records, evaluation.directory)
        for record in evaluation.records:
            if record.condition != ORIGINAL:
                continue
            key = record.task, record.prompt_style, record.sample_key
            known = answers.setdefault(key, record)
            if (
                known.response != record.response
                or known.generation_config != record.generation_config
            ):
                raise EvaluationError(
                    f"{evaluation.directory} has another answer to item {record.instance} of "
                    f"{record.task} than a second evaluation of the same side: name only one of "
                    "them"
                )
    return answers


def check_same_content(
    before: Sequence[Record], after: Sequence[Record], names: Sequence[str]
) -> None:
    """Raise EvaluationError if an item of one name has different content on the two sides."""
    by_name: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in before:
        by_name[record.task, record.instance].append(record)
    differing = [
        (first, second) for second in after for first in by_name[second.task, second.instance][:1]
    ]
    if not differing:
        return
    first, second = differing[0]
    parts = [(name, getattr(first, field), getattr(second, field)) for name, field in CONTENT]
    name, first_content, second_content = next(
        (part for part in parts if part[1] != part[2]), ("content", "", "")
    )
    raise EvaluationError(
        f"{names[0]} and {names[1]} were asked {counted(len(differing), 'item')} differently: the "
        f"{name} of "
        f"item {first.instance} of {first.task} is {abbreviate(first_content)} in one and "
        f"{abbreviate(second_content)} in the other; evaluate both with the same prompt style "
        "on the same version of the data"
    )


def abbreviate(content: object) -> str:
    """Return the beginning of a part of an item, in quotes."""
    text = ", ".join(content) if isinstance(content, tuple) else str(content)
    return repr(text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 3]}...")


def make_pair(before: Record, after: Record, names: Sequence[str]) -> AnswerPair:
    """Pair two answers to one item; settings may differ in the engine that computed them."""
    if not same_generation(before.generation_config, after.generation_config):
        raise EvaluationError(
            f"{names[0]} and {names[1]} were evaluated with different generation settings (item "
            f"{before.instance} of {before.task}: {before.generation_config} and "
            f"{after.generation_config}): evaluate both with the same settings"
        )
    return AnswerPair(before, after._replace(image_cluster=before.image_cluster))


def count_by_task(records: Iterable[Record]) -> dict[str, int]:
    """Count records by task."""
    return dict(sorted(Counter(record.task for record in records).items()))


def example_items(unpaired: Sequence[Sequence[Record]]) -> str:
    """Return an item of each side as an example."""
    examples = [
        f"{side} has, for example, item {records[0].instance} of {records[0].task}"
        if records
        else f"{side} has no item"
        for side, records in zip(("the first", "the second"), unpaired, strict=True)
    ]
    return ", ".join(examples)
