"""The laws of scoring answers that are identical to the target or to a reference."""

from collections.abc import Iterator, Sequence
from itertools import islice
from math import isclose
from pathlib import Path

from visionflan import catalog
from visionflan.dataset import Example
from visionflan.errors import UnusableError
from visionflan.evaluate.baselines import closed_label_set
from visionflan.evaluate.metric import PARSING_RULES, ParsingRule, ScoringContext
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.metrics.vqa_accuracy import MIN_REFERENCES
from visionflan.evaluate.records.document_frequencies import count_document_frequencies
from visionflan.evaluate.scorer import score_answer
from visionflan.prompt import format_option, render

# Those that give an identical answer 1, whichever of the references it is.
BEST_OF_REFERENCES = {
    "exact_match",
    "relaxed_accuracy",
    "anls",
    "set_f1",
    "character_accuracy",
    "rouge_l",
}


def task_examples(task: str, rows: Sequence[object], limit: int) -> list[Example]:
    """Return up to `limit` examples that a task makes of rows, evenly spread over them."""
    name, _, task_name = task.partition("/")
    to_example = catalog.load(name).tasks[task_name].to_example

    def examples() -> Iterator[Example]:
        step = max(1, len(rows) // (3 * limit))
        for row in rows[::step]:
            try:
                example = to_example(row)
            except UnusableError:
                continue
            if example is not None:
                yield example

    return list(islice(examples(), limit))


def contexts(task: str, examples: Sequence[Example]) -> Iterator[ScoringContext]:
    """Yield what the answers to examples are scored with, as for held-out items."""
    metric = metric_of(task)
    references = [accepted(example) for example in examples]
    frequencies = count_document_frequencies(references)
    is_closed = METRICS[metric].guessable and not any(example.options for example in examples)
    answers: dict[str, int] = {}
    for example in examples:
        answers[example.target] = answers.get(example.target, 0) + 2
    labels = closed_label_set(answers) if is_closed else ()
    for index, example in enumerate(examples):
        options = render("Choose.", example, 0, task, str(index)).options
        context = ScoringContext(
            example.target, references[index], options, labels, frequencies, prompt=example.text
        )
        yield context
        if labels:
            yield context._replace(candidates=())


def accepted(example: Example) -> tuple[str, ...]:
    """Return the references of an example as a build stores them."""
    known = example.references
    return known if example.target in known else (example.target, *known)


def metric_of(task: str) -> str:
    name, _, task_name = task.partition("/")
    return catalog.load(name).tasks[task_name].metric


def violations(task: str, examples: Sequence[Example]) -> Iterator[str]:
    """Yield what breaks a law: the target scores 1 (or the owner's value), so does a reference."""
    metric = metric_of(task)
    for context in contexts(task, examples):
        for rule in PARSING_RULES:
            yield from (
                f"{task}, {rule}: {problem} for {context.target!r} of {context.references!r}"
                for problem in problems(metric, context, rule)
            )


def problems(metric: str, context: ScoringContext, rule: ParsingRule) -> Iterator[str]:
    """Yield what is wrong with the scores of the target and the references under one rule."""
    target = context.target
    answer = format_option(context.options, target) if context.options else target
    score = score_of(metric, answer, context, rule)
    expected = expected_score(metric, context)
    if expected is not None and not isclose(score, expected, abs_tol=1e-9):
        yield f"the target scores {score} instead of {expected}"
    if context.options:
        yield from option_problems(metric, context, rule)
    elif metric in BEST_OF_REFERENCES or metric == "vqa_accuracy":
        for reference in context.references:
            of_reference = score_of(metric, reference, context, rule)
            if of_reference > score + 1e-9:
                yield f"{reference!r} scores {of_reference}, above the target's {score}"
            if metric in BEST_OF_REFERENCES and of_reference < 1.0 - 1e-9:
                yield f"the reference {reference!r} scores {of_reference}"


def option_problems(metric: str, context: ScoringContext, rule: ParsingRule) -> Iterator[str]:
    """Yield what is wrong with the scores of all options, with and without their letters."""
    for option in context.options:
        answers = [format_option(context.options, option)]
        answers += [option] if rule == "lenient" else []
        for answer in answers:
            if score_of(metric, answer, context, rule) != float(option == context.target):
                yield f"the option {answer!r} is scored wrongly"


def expected_score(metric: str, context: ScoringContext) -> float | None:
    """Return the score of the target; None if it depends on more than the answer's identity."""
    if context.options or metric in BEST_OF_REFERENCES:
        return 1.0
    if metric == "vqa_accuracy":
        return 1.0 if len(context.references) < MIN_REFERENCES else None
    if metric == "bleu_4" and any(
        len(reference.split()) >= 8 and reference == context.target
        for reference in context.references
    ):
        return 1.0
    return None


def score_of(metric: str, answer: str, context: ScoringContext, rule: ParsingRule) -> float:
    score = score_answer(metric, answer, context, rule).score
    assert score is not None
    return score


def specimen_examples(name: str, root: Path, limit: int) -> dict[str, list[Example]]:
    """Write a small specimen of a dataset and return the examples of each of its tasks."""
    dataset = catalog.load(name)
    dataset.write_specimen(root, limit)
    rows = list(dataset.rows(root))
    return {
        f"{name}/{task}": task_examples(f"{name}/{task}", rows, limit) for task in dataset.tasks
    }
