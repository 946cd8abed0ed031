"""Scores of persons beside those of models on the same items, and the agreement of persons."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from visionflan.compare.agreement import measure_agreement
from visionflan.compare.inputs import read_evaluations
from visionflan.compare.results import Agreement, Evaluation, HumanResults, HumanScore
from visionflan.errors import EvaluationError
from visionflan.evaluate.aggregate.estimates import Estimate, Sample, estimates
from visionflan.evaluate.aggregate.summary import OVERALL, task_groups
from visionflan.evaluate.conditions import ORIGINAL
from visionflan.evaluate.metric import PARSING_RULES, DocumentFrequencies, ParsingRule
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.records.document_frequencies import read_frequencies
from visionflan.evaluate.records.files import HEADER, RECORDS
from visionflan.evaluate.records.header import HUMAN, TaskHeader, read_header
from visionflan.evaluate.records.record import Record, check_scores

ItemKey = tuple[str, str, str]
Answers = Mapping[ItemKey, Record]
Levels = tuple[dict[str, Estimate], dict[str, Estimate]]


def find_persons(answers: Path) -> list[Evaluation]:
    """Read the answers of all persons below the directory of `visionflan web --answers`.

    Raises EvaluationError if there are none.
    """
    directories = sorted(header.parent for header in answers.glob(f"*/*/{HEADER}"))
    persons = [path for path in directories if read_header(path).stage == HUMAN]
    if not persons:
        raise EvaluationError(
            f"{answers} has no answers of persons: make some with `visionflan web BUILD --as NAME`"
        )
    if not any((path / RECORDS).is_file() for path in persons):
        raise EvaluationError(
            f"no person in {answers} has answered all items of a task: solve one with "
            "`visionflan web BUILD --as NAME`"
        )
    return [read_person(path) for path in persons]


def read_person(directory: Path) -> Evaluation:
    """Read the answers of a person, none if all items of no task are answered yet."""
    if (directory / RECORDS).is_file():
        return read_evaluations([directory])[0]
    return Evaluation(str(directory), read_header(directory), [])


def is_human(evaluation: Evaluation) -> bool:
    """Return whether a person gave the answers of an evaluation."""
    return evaluation.header.stage == HUMAN


def compare_humans(
    persons: Sequence[Evaluation], models: Mapping[str, Sequence[Evaluation]]
) -> HumanResults:
    """Set persons beside models by their labels, and measure how far persons agree.

    Items are those of the same build, with the same content.
    """
    by_person: dict[str, list[Evaluation]] = defaultdict(list)
    for evaluation in persons:
        check_scores(evaluation.records, evaluation.directory)
        known = by_person[evaluation.header.run]
        if all(evaluation.header.sources != other.header.sources for other in known):
            known.append(evaluation)
    answers = {person: answers_by_item(members) for person, members in by_person.items()}
    model_answers = {label: answers_by_item(members) for label, members in models.items()}
    tasks = {
        task: header for evaluation in persons for task, header in evaluation.header.tasks.items()
    }
    return HumanResults(
        list(scores_of_persons(answers, model_answers, tasks)),
        list(agreement_by_task(answers, stored_frequencies(persons))),
        list(person_notes(by_person, models)),
    )


def answers_by_item(evaluations: Sequence[Evaluation]) -> dict[ItemKey, Record]:
    """Return the answers to the original images by build, task and content of the item."""
    return {
        (record.source, record.task, record.sample_key): record
        for evaluation in evaluations
        for record in evaluation.records
        if record.condition == ORIGINAL and not record.error
    }


def scores_of_persons(
    persons: Mapping[str, Answers], models: Mapping[str, Answers], tasks: Mapping[str, TaskHeader]
) -> Iterator[HumanScore]:
    """Yield the scores of each person and all models by task, on the items that all answered."""
    if not models:
        return
    groups = {OVERALL: task_groups(tasks).get(OVERALL, [])}
    for rule in PARSING_RULES:
        for person, own in persons.items():
            sides = {"": own, **models}
            common = [key for key in sorted(own) if all_scored(sides, key, rule)]
            levels = {
                label: estimate_scores([answers[key] for key in common], groups, rule)
                for label, answers in sides.items()
            }
            for level in (1, 0):
                for name, human in levels[""][level].items():
                    others = {label: levels[label][level][name] for label in models}
                    yield HumanScore(person, name, rule, human, others)


def all_scored(sides: Mapping[str, Answers], key: ItemKey, rule: ParsingRule) -> bool:
    """Return whether all sides have a score of an item."""
    return all(
        key in answers and answers[key].score(rule) is not None for answers in sides.values()
    )


def estimate_scores(
    records: Sequence[Record], groups: Mapping[str, Sequence[str]], rule: ParsingRule
) -> Levels:
    """Estimate the mean score of each task and group."""
    samples = [
        Sample(record.task, record.image_cluster, score)
        for record in records
        if (score := record.score(rule)) is not None
    ]
    unbounded = {record.task for record in records if not METRICS[record.metric].bounded}
    return estimates(samples, groups, unbounded=unbounded)


def agreement_by_task(
    persons: Mapping[str, Answers], frequencies: Mapping[str, DocumentFrequencies]
) -> Iterator[Agreement]:
    """Yield the agreement on each task that two persons or more answered."""
    by_task: dict[str, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for person, answers in persons.items():
        for (_, task, _), record in answers.items():
            by_task[task][person].append(record)
    for task, members in sorted(by_task.items()):
        if len(members) > 1:
            yield measure_agreement(task, members, frequencies.get(task))


def stored_frequencies(evaluations: Sequence[Evaluation]) -> dict[str, DocumentFrequencies]:
    """Return the document frequencies by which the answers were scored, by task."""
    stored: dict[str, DocumentFrequencies] = {}
    for evaluation in evaluations:
        stored = read_frequencies(Path(evaluation.directory)) | stored
    return stored


def person_notes(
    persons: Mapping[str, Sequence[Evaluation]], models: Mapping[str, Sequence[Evaluation]]
) -> Iterator[str]:
    """Yield which persons solved another build than the models, or no task completely."""
    sources = {
        label: {source for member in members for source in member.header.sources}
        for label, members in models.items()
    }
    for person, evaluations in persons.items():
        for evaluation in evaluations:
            if not evaluation.records:
                yield f"{person} has not yet answered all items of a task: not shown."
                continue
            solved = evaluation.header.sources
            others = [label for label, known in sources.items() if not known.issuperset(solved)]
            if others:
                yield (
                    f"{person} solved another build than {' and '.join(others)} answered "
                    f"(digest {', '.join(digest[:12] for digest in solved)}): these answers are "
                    "not set beside each other."
                )
