"""Join the answers of two sides by content, and refuse to compare what was asked differently."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from visionflan.compare.results import ComparedModel, Evaluation, Pair
from visionflan.errors import EvaluationError
from visionflan.evaluate.records.record import Record

Key = tuple[str, str, str]
# What makes an item, in the words of an error, and where a record holds it.
CONTENT = (
    ("prompt style", "style"),
    ("prompt", "prompt"),
    ("pictures", "images"),
    ("options", "options"),
    ("accepted answers", "references"),
)


class Joined(NamedTuple):
    """Pairs that both answered, and how many items of each task one side alone was asked.

    `missing` counts pairs of which an answer failed.
    """

    pairs: list[Pair]
    only_before: Mapping[str, int]
    only_after: Mapping[str, int]
    missing: Mapping[str, int]


def side(evaluations: Sequence[Evaluation]) -> ComparedModel:
    """Say who one side is: its evaluations must all be of one checkpoint."""
    if not evaluations:
        raise EvaluationError("there is nothing to compare: name an evaluation for each side")
    first = evaluations[0]
    for other in evaluations:
        if other.header.checkpoint != first.header.checkpoint:
            raise EvaluationError(
                f"{first.directory} and {other.directory} are of different checkpoints and cannot "
                "be one side of a comparison: name evaluations of one checkpoint"
            )
    return ComparedModel(
        first.header.run,
        first.header.phase,
        first.header.checkpoint,
        tuple(evaluation.directory for evaluation in evaluations),
        tuple(sorted({evaluation.header.generation for evaluation in evaluations})),
    )


def join(before: Sequence[Evaluation], after: Sequence[Evaluation]) -> Joined:
    """Pair the answers to the true pictures of every item that both sides were asked."""
    names = [named(side(evaluations)) for evaluations in (before, after)]
    first, second = answers(before), answers(after)
    common = sorted(first.keys() & second.keys())
    alone = [
        [found[key] for key in sorted(found.keys() - set(common))] for found in (first, second)
    ]
    # An item that both were asked in one style may well have been asked in another by one of them.
    known = {(first[key].task, first[key].instance) for key in common}
    strange = [[r for r in records if (r.task, r.instance) not in known] for records in alone]
    refuse_unlike(strange[0], strange[1], names)
    if not common:
        raise EvaluationError(
            f"{names[0]} and {names[1]} answered no item in common ({examples(alone)}): evaluate "
            "both on the same benchmarks and builds"
        )
    pairs = [paired(first[key], second[key], names) for key in common]
    whole = [pair for pair in pairs if not (pair.before.error or pair.after.error)]
    failed = Counter(pair.before.task for pair in pairs if pair.before.error or pair.after.error)
    return Joined(whole, counted(alone[0]), counted(alone[1]), dict(sorted(failed.items())))


def named(told: ComparedModel) -> str:
    """Name a side in an error."""
    return f"{told.name or 'the run'} ({told.stage}, {', '.join(told.directories)})"


def answers(evaluations: Iterable[Evaluation]) -> dict[Key, Record]:
    """Name the answers to the true pictures by task, prompt style and content of the item."""
    found: dict[Key, Record] = {}
    for evaluation in evaluations:
        for record in evaluation.records:
            if record.condition != "true":
                continue
            key = record.task, record.style, record.sample_key
            earlier = found.setdefault(key, record)
            if earlier.answer != record.answer or earlier.generation != record.generation:
                raise EvaluationError(
                    f"{evaluation.directory} answers item {record.instance} of {record.task} "
                    "differently from another evaluation of the same side: name only one of them"
                )
    return found


def refuse_unlike(before: Sequence[Record], after: Sequence[Record], names: Sequence[str]) -> None:
    """Refuse items of the same name that differ in what was asked."""
    asked: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in before:
        asked[record.task, record.instance].append(record)
    unlike = [
        (first, second) for second in after for first in asked[second.task, second.instance][:1]
    ]
    if not unlike:
        return
    first, second = unlike[0]
    parts = [(name, getattr(first, part), getattr(second, part)) for name, part in CONTENT]
    differing = [told for told in parts if told[1] != told[2]] or [("content", "", "")]
    name, one, other = differing[0]
    raise EvaluationError(
        f"{names[0]} and {names[1]} were asked {len(unlike)} items differently: the {name} of item "
        f"{first.instance} of {first.task} is {shown(one)} in one and {shown(other)} in the other; "
        "evaluate both with the same prompt style on the same version of the data"
    )


def shown(content: object) -> str:
    """Show the beginning of what was asked."""
    text = ", ".join(content) if isinstance(content, tuple) else str(content)
    return repr(text if len(text) <= 120 else f"{text[:117]}...")


def paired(before: Record, after: Record, names: Sequence[str]) -> Pair:
    """Pair two answers to one item, made with the same settings."""
    if before.generation != after.generation:
        raise EvaluationError(
            f"{names[0]} and {names[1]} answered with different settings, as item "
            f"{before.instance} of {before.task} shows: {before.generation} and "
            f"{after.generation}; evaluate both with the same settings"
        )
    return Pair(before, after._replace(cluster=before.cluster))


def counted(records: Iterable[Record]) -> dict[str, int]:
    """Count records by task."""
    return dict(sorted(Counter(record.task for record in records).items()))


def examples(alone: Sequence[Sequence[Record]]) -> str:
    """Name an item of each side."""
    told = [
        f"{word} was asked, for example, item {records[0].instance} of {records[0].task}"
        if records
        else f"{word} was asked nothing"
        for word, records in zip(("the one", "the other"), alone, strict=True)
    ]
    return ", ".join(told)
