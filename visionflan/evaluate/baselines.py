"""What can be scored without looking: by chance, and by always saying what training said most."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase

from visionflan.prompt import format_option
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance
from visionflan.storage.schema import TaskInfo

MAX_LABELS = 50
# Only these ask for one answer that is right or wrong, so that a guess can be.
GUESSABLE = frozenset({"exact_match", "vqa_accuracy", "relaxed_accuracy", "anls"})


@dataclass(frozen=True, kw_only=True)
class TaskFacts:
    """What an evaluation knows of a task besides its items.

    `trained` counts its training instances; a task without any is wholly held out. `answers` counts
    the training answers; `candidates` are all answers of a closed question; `conversation` marks
    tasks of free talk, which no overall score counts.
    """

    info: TaskInfo
    num_train: int
    train_answers: Mapping[str, int]
    candidates: tuple[str, ...]
    conversation: bool


def task_facts(build: BuildDirectory, task: str, held_out: Sequence[Instance]) -> TaskFacts:
    """Gather the facts of one task."""
    trained = build.instances("train", [task])
    answers = Counter(training_answers(trained))
    info = build.tasks[task]
    is_open = info.metric not in GUESSABLE or any(instance.options for instance in held_out)
    seen = answers or Counter(map(right_answer, held_out))
    return TaskFacts(
        info=info,
        num_train=len(trained),
        train_answers=answers,
        candidates=() if is_open else closed_label_set(seen),
        conversation=any(map(is_conversation, held_out)),
    )


def training_answers(trained: Instances) -> Iterable[str]:
    """Give the answer of each training instance, without its letter."""
    targets = trained.column("target")
    if all(targets):
        return targets
    return map(right_answer, trained)


def right_answer(instance: Instance) -> str:
    """Give what is to be answered first, without the letter of an option."""
    return instance.target or instance.answer


def is_conversation(instance: Instance) -> bool:
    """Whether an instance is free talk about a picture: written by rule, or of several turns."""
    return instance.synthetic or len(instance.turns) > 2


def closed_label_set(answers: Mapping[str, int]) -> tuple[str, ...]:
    """Give all answers of a question that has few: at most fifty, each met twice on average."""
    few = len(answers) <= MAX_LABELS and sum(answers.values()) >= 2 * len(answers)
    return tuple(sorted(answers)) if few else ()


def chance(instance: Instance, facts: TaskFacts) -> float | None:
    """Give the score of guessing: one of the options, or of the closed set; else None."""
    choices = len(instance.options) or len(facts.candidates)
    return 1 / choices if choices else None


def majority(instance: Instance, facts: TaskFacts) -> str | None:
    """Give the answer that training saw most: among its options where it has some.

    None where training saw nothing of the task. Ties go to what comes first in the alphabet.
    """
    if not facts.train_answers:
        return None
    offered = sorted(instance.options or facts.train_answers)
    best = max(offered, key=lambda answer: facts.train_answers.get(answer, 0))
    if instance.options and len(instance.options) <= len(ascii_lowercase):
        return format_option(instance.options, best)
    return best
