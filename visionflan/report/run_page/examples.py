"""Choose answers to show beside their pictures: what a stage changed, and where the model fails.

Everything is chosen by hash within its kind, so that nobody picked the examples.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from visionflan.evaluate.aggregate.paired import Key, by_item
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.records.record import Record
from visionflan.hashing import stable_hash
from visionflan.prompt import format_option
from visionflan.report.inline_images import InlineImages
from visionflan.report.run_page.data import words
from visionflan.report.run_page.inputs import StageEvaluation

RIGHT = 0.5
EACH_KIND, EACH_TASK, WORST_TASKS, TALKS = 5, 5, 4, 10
ENOUGH = 10  # questions, fewer than which make a poor score a matter of luck
LONGEST = 400
KINDS = {
    (False, True): "Right only after",
    (True, False): "Right only before",
    (True, True): "Right before and after",
    (False, False): "Wrong before and after",
}


class AnswerView(NamedTuple):
    """An answer of one phase, and how it scored."""

    phase: str
    text: str
    mark: str
    score: float | None


class ExampleView(NamedTuple):
    """A question with its pictures and answers.

    `asked` is what is special to it in its prompt; `grey` is what was said of a grey picture.
    """

    task: str
    title: str
    pictures: Sequence[str]
    prompt: str
    asked: str
    wanted: str
    said: Sequence[AnswerView]
    gray: str


class Kind(NamedTuple):
    """Some questions of one kind, of how many."""

    title: str
    questions: int
    shown: Sequence[ExampleView]


class Failure(NamedTuple):
    """A task that the model does badly: its estimates, and wrong answers."""

    task: str
    title: str
    words: str
    wrong: int
    shown: Sequence[ExampleView]


class ExampleGallery:
    """Shows questions with their pictures and the answers of every phase."""

    def __init__(self, evaluated: Sequence[StageEvaluation], pictures: InlineImages) -> None:
        self.evaluated, self.pictures = evaluated, pictures
        self.true = [by_item(each.records) for each in evaluated]
        self.gray = by_item(evaluated[-1].records, "blank")
        self.headers = evaluated[-1].header.tasks

    def kinds(self) -> list[Kind]:
        """Show what became of questions between the first phase and the last."""
        before, after = self.true[0], self.true[-1]
        of_kind: dict[tuple[bool, bool], list[Key]] = {kind: [] for kind in KINDS}
        for key in before.keys() & after.keys():
            if self.judged(key[0]):
                of_kind[is_right(before[key]), is_right(after[key])].append(key)
        return [
            Kind(title, len(of_kind[kind]), self.some(of_kind[kind], EACH_KIND))
            for kind, title in KINDS.items()
        ]

    def judged(self, task: str) -> bool:
        """Whether answers to a task are right or wrong."""
        told = self.headers[task]
        return METRICS[told.metric].bounded and not told.conversation

    def talks(self) -> list[ExampleView]:
        """Show free talk."""
        talk = [key for key in self.true[-1] if self.headers[key[0]].conversation]
        return self.some(talk, TALKS)

    def failures(self) -> list[Failure]:
        """Show wrong answers of the tasks that gain least over what needs no looking."""
        scores = self.evaluated[-1].scores["tasks"]
        judged = [task for task in scores if self.judged(task) and scores[task]["score"]]
        worst = sorted(judged, key=lambda task: (few(scores[task]), gain(scores[task]), task))
        return [self.failure(task, scores[task]) for task in worst[:WORST_TASKS]]

    def failure(self, task: str, told: Mapping[str, Any]) -> Failure:
        """Show wrong answers of one task."""
        wrong = [k for k, record in self.true[-1].items() if k[0] == task and not is_right(record)]
        return Failure(
            task, self.headers[task].title, in_words(told), len(wrong), self.some(wrong, EACH_TASK)
        )

    def some(self, keys: Iterable[Key], most: int) -> list[ExampleView]:
        """Show some questions, of different tasks and pictures as far as there are."""
        return [self.shown(key) for key in spread(keys, self.true[-1], most)]

    def shown(self, key: Key) -> ExampleView:
        """Show one question."""
        record = self.true[-1][key]
        gray = self.gray.get(key)
        return ExampleView(
            task=record.task,
            title=self.headers[record.task].title,
            pictures=[self.pictures.uri(image) for image in record.images],
            prompt=words(record.prompt),
            asked=truncate_text(question_text(record.prompt)),
            wanted=truncate_text(target_text(record)),
            said=[
                said(each.phase, answers[key], judged=self.judged(record.task))
                for each, answers in zip(self.evaluated, self.true, strict=True)
                if key in answers
            ],
            gray=truncate_text(gray.answer) if gray else "",
        )


def spread(keys: Iterable[Key], records: Mapping[Key, Record], most: int) -> Iterator[Key]:
    """Take keys by hash, first one of each task and picture, then more where there are too few."""
    order = sorted(keys, key=lambda key: stable_hash("shown", *key))
    tasks: set[str] = set()
    images: set[str] = set()
    fresh: list[Key] = []
    others: list[Key] = []
    for key in order:
        cluster = records[key].cluster
        (others if key[0] in tasks or cluster in images else fresh).append(key)
        tasks.add(key[0])
        images.add(cluster)
    yield from [*fresh, *others][:most]


def said(phase: str, record: Record, *, judged: bool) -> AnswerView:
    """Give an answer, and whether it was right."""
    right = "right" if is_right(record) else "wrong"
    text = truncate_text(record.answer) or "(nothing)"
    return AnswerView(phase, text, right if judged else "open", record.score_lenient)


def is_right(record: Record) -> bool:
    """Whether an answer counts as right: it has at least half the points."""
    return (record.score_lenient or 0.0) >= RIGHT


def gain(told: Mapping[str, Any]) -> float:
    """Give by how much a task's score is above what needs no looking."""
    blind = [told[name]["mean"] for name in ("chance", "majority", "blank") if told[name]]
    return float(told["score"]["mean"] - max(blind, default=0.0))


def few(told: Mapping[str, Any]) -> bool:
    """Whether a task has too few questions for its score to say much."""
    return bool(told["score"]["items"] < ENOUGH)


def in_words(told: Mapping[str, Any]) -> str:
    """Say how a task's score compares with what needs no looking."""
    score = told["score"]
    compared = [
        f"{told[name]['mean']:.2f} {how}"
        for name, how in (
            ("chance", "by guessing"),
            ("majority", "by the commonest answer"),
            ("blank", "on grey pictures"),
        )
        if told[name]
    ]
    questions = "one question" if score["items"] == 1 else f"{score['items']} questions"
    scored = f"It scores {score['mean']:.2f} on {questions}"
    return f"{scored}, against {', '.join(compared)}." if compared else f"{scored}."


def target_text(record: Record) -> str:
    """Give the true answer, with its letter where the prompt has letters."""
    if record.target in record.options:
        return format_option(record.options, record.target)
    return record.target


def question_text(prompt: str) -> str:
    """Give what follows the instruction in a prompt, or the instruction where nothing does."""
    instruction, _, rest = words(prompt).partition("\n\n")
    return rest or instruction


def truncate_text(text: str) -> str:
    """Shorten what is too long to show."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rstrip()} …"
