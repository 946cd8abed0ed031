"""Image-free baselines: guessing, and always giving the most frequent training answer."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase

from visionflan.evaluate.metrics import METRICS
from visionflan.prompt import format_option
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance
from visionflan.storage.schema import TaskInfo

MAX_LABELS = 50


@dataclass(frozen=True, kw_only=True)
class TaskFacts:
    """What an evaluation knows of a held-out task besides its items."""

    info: TaskInfo
    num_train: int  # training instances; 0: the task is held out completely
    train_answers: Mapping[str, int]  # counts of the training answers
    candidates: tuple[str, ...]  # all answers of a task with a closed set; else empty
    conversation: bool  # free conversation, which no average counts


def task_facts(build: BuildDirectory, task: str, held_out: Sequence[Instance]) -> TaskFacts:
    """Return the facts of one task."""
    train = build.instances("train", [task])
    answers = Counter(training_answers(train))
    info = build.tasks[task]
    can_guess = METRICS[info.metric].guessable
    is_open = not can_guess or any(instance.options for instance in held_out)
    return TaskFacts(
        info=info,
        num_train=len(train),
        train_answers=answers,
        candidates=() if is_open else closed_label_set(answers or count_answers(held_out)),
        conversation=any(map(is_conversation, held_out)),
    )


def count_answers(instances: Iterable[Instance]) -> Counter[str]:
    """Count the right answers of instances."""
    return Counter(map(right_answer, instances))


def training_answers(train: Instances) -> Iterable[str]:
    """Return the right answer of each training instance."""
    targets = train.column("target")
    if all(targets):
        return targets
    return map(right_answer, train)


def right_answer(instance: Instance) -> str:
    """Return the answer to the first question, without the letter of an option."""
    return instance.target or instance.answer


def is_conversation(instance: Instance) -> bool:
    """Return whether an instance is free conversation: synthetic, or of several turns."""
    return instance.synthetic or len(instance.turns) > 2


def closed_label_set(answers: Mapping[str, int]) -> tuple[str, ...]:
    """Return all answers if they are at most 50 and occur twice on average; else an empty tuple."""
    few = len(answers) <= MAX_LABELS and sum(answers.values()) >= 2 * len(answers)
    return tuple(sorted(answers)) if few else ()


def chance_score(instance: Instance, facts: TaskFacts) -> float | None:
    """Return the score of guessing an option or label; None for open questions."""
    choices = len(instance.options) or len(facts.candidates)
    return 1 / choices if choices else None


def majority_answer(instance: Instance, facts: TaskFacts) -> str | None:
    """Return the most frequent training answer, among the options if there are some.

    None if the task has no training instances. Ties go to the first in alphabetical order.
    """
    if not facts.train_answers:
        return None
    answers = sorted(instance.options or facts.train_answers)
    best = max(answers, key=lambda answer: facts.train_answers.get(answer, 0))
    if instance.options and len(instance.options) <= len(ascii_lowercase):
        return format_option(instance.options, best)
    return best
