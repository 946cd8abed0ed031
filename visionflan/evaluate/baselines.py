"""Image-free baselines: guessing, and always giving the most frequent training answer."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase

from visionflan.evaluate.metrics import METRICS
from visionflan.prompt import answers_in_form
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance
from visionflan.storage.schema import TaskInfo

MAX_LABELS = 50


@dataclass(frozen=True, kw_only=True)
class TaskStats:
    """The metadata and training answers of a held-out task."""

    info: TaskInfo
    num_train: int  # training instances; 0: the task is held out completely
    train_answers: Mapping[str, int]  # counts of the training answers
    candidates: tuple[str, ...]  # all answers of a task with a closed set; else empty
    conversation: bool  # free conversation, which no average counts


def task_stats(build: BuildDirectory, task: str, held_out: Sequence[Instance]) -> TaskStats:
    """Return the metadata and training answers of one task."""
    train = build.instances("train", [task])
    answers = Counter(training_answers(train))
    info = build.tasks[task]
    can_guess = METRICS[info.metric].guessable
    is_open = not can_guess or any(instance.options for instance in held_out)
    return TaskStats(
        info=info,
        num_train=len(train),
        train_answers=answers,
        candidates=() if is_open else closed_label_set(answers or count_answers(held_out)),
        conversation=any(map(is_conversation, held_out)),
    )


def count_answers(instances: Iterable[Instance]) -> Counter[str]:
    """Count the correct answers of instances."""
    return Counter(map(correct_answer, instances))


def training_answers(train: Instances) -> Iterable[str]:
    """Return the correct answer of each training instance."""
    targets = train.column("target")
    if all(targets):
        return targets
    return map(correct_answer, train)


def correct_answer(instance: Instance) -> str:
    """Return the answer to the first question, without the letter of an option."""
    return instance.target or instance.answer


def is_conversation(instance: Instance) -> bool:
    """Return whether an instance is free conversation: synthetic, or of several turns."""
    return instance.synthetic or len(instance.exchanges) > 2


def closed_label_set(answers: Mapping[str, int]) -> tuple[str, ...]:
    """Return all answers if they are at most 50 and occur twice on average; else an empty tuple."""
    few = len(answers) <= MAX_LABELS and sum(answers.values()) >= 2 * len(answers)
    return tuple(sorted(answers)) if few else ()


def chance_score(instance: Instance, stats: TaskStats) -> float | None:
    """Return the score of guessing an option or label; None for open questions."""
    choices = len(instance.options) or len(stats.candidates)
    return 1 / choices if choices else None


def majority_answer(instance: Instance, stats: TaskStats) -> str | None:
    """Return the most frequent training answer, among the options if there are some.

    None if the task has no training instances. Ties go to the first in alphabetical order.
    """
    if not stats.train_answers:
        return None
    answers = sorted(instance.options or stats.train_answers)
    best = max(answers, key=lambda answer: stats.train_answers.get(answer, 0))
    if instance.options and len(instance.options) <= len(ascii_lowercase):
        return answers_in_form(instance.options, instance.target, instance.answer)[
            instance.options.index(best)
        ]
    return best
