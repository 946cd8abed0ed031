"""Example responses: what the last stage changed, where the model fails, and conversations.

Examples are chosen by hash within each category, not by hand.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from visionflan.evaluate.aggregate.paired import Key, by_item
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.records.record import Record
from visionflan.hashing import stable_hash
from visionflan.plural import counted
from visionflan.report.inline_images import InlineImages
from visionflan.report.run_page.inputs import StageEvaluation
from visionflan.report.run_page.scores import (
    ScoreEstimates,
    all_controls,
    image_controls,
    score_estimates,
)
from visionflan.report.text import prompt_text, question_text, target_text, truncate_text

CORRECT_FROM = 0.5  # the lowest score of a correct response
MAX_PER_CATEGORY, MAX_PER_TASK, MAX_TASKS, MAX_CONVERSATIONS = 5, 5, 4, 10
MIN_QUESTIONS = 10  # tasks with fewer come last among those the model does worst
# By whether a response is correct before and after.
CATEGORIES = {
    (False, True): "Gained: wrong before, right after",
    (True, False): "Lost: right before, wrong after",
    (True, True): "Right before and after",
    (False, False): "Wrong before and after",
}


class StageResponse(NamedTuple):
    """The response of one stage."""

    stage: str
    text: str
    mark: str  # "right", "wrong", or "unscored" for conversations


class ExampleView(NamedTuple):
    """A question with its images and the responses of all stages."""

    task: str
    title: str
    images: Sequence[str]
    prompt: str
    question: str  # the prompt without the instruction of its task
    target: str
    responses: Sequence[StageResponse]
    # Of the last stage, without anything of the images: label and response.
    image_free_responses: Sequence[tuple[str, str]]


class ExampleCategory(NamedTuple):
    """Questions that changed in one way from the first stage to the last."""

    title: str
    num_questions: int
    examples: Sequence[ExampleView]


class Failure(NamedTuple):
    """A task that the model does badly, with wrong responses."""

    task: str
    title: str
    summary: str
    num_wrong: int
    examples: Sequence[ExampleView]


class ExampleGallery:
    """Chooses questions and shows them with their images and the responses of every stage."""

    def __init__(self, evaluations: Sequence[StageEvaluation], images: InlineImages) -> None:
        self.evaluations, self.images = evaluations, images
        self.by_stage = [by_item(evaluation.records) for evaluation in evaluations]
        self.image_free = [
            (control.label, by_item(evaluations[-1].records, control.name))
            for control in image_controls()
            if control.image_free
        ]
        self.tasks = evaluations[-1].header.tasks

    def changes(self) -> list[ExampleCategory]:
        """Return examples by whether they are right before and after; none for a single stage."""
        if len(self.evaluations) < 2:
            return []
        before, after = self.by_stage[0], self.by_stage[-1]
        keys: dict[tuple[bool, bool], list[Key]] = {category: [] for category in CATEGORIES}
        for key in before.keys() & after.keys():
            if self.is_scored(key[0]):
                keys[is_correct(before[key]), is_correct(after[key])].append(key)
        return [
            ExampleCategory(
                title, len(keys[category]), self.choose(keys[category], MAX_PER_CATEGORY)
            )
            for category, title in CATEGORIES.items()
        ]

    def is_scored(self, task: str) -> bool:
        """Return whether responses to a task are right or wrong."""
        header = self.tasks[task]
        return METRICS[header.metric].bounded and not header.conversation

    def conversations(self) -> list[ExampleView]:
        """Return examples of conversations."""
        keys = [key for key in self.by_stage[-1] if self.tasks[key[0]].conversation]
        return self.choose(keys, MAX_CONVERSATIONS)

    def failures(self) -> list[Failure]:
        """Return wrong responses of the tasks that gain least over the image-free baselines.

        A task without any is left out.
        """
        scores = {
            task: score_estimates(entry)
            for task, entry in self.evaluations[-1].scores["tasks"].items()
            if self.is_scored(task) and entry["score"]
        }
        worst = sorted(scores, key=lambda task: (*failure_order(scores[task]), task))
        failures = (self.failure(task, scores[task]) for task in worst)
        return list(islice((failure for failure in failures if failure.num_wrong), MAX_TASKS))

    def failure(self, task: str, scores: ScoreEstimates) -> Failure:
        """Return wrong responses of one task."""
        wrong = [
            key
            for key, record in self.by_stage[-1].items()
            if key[0] == task and not is_correct(record)
        ]
        return Failure(
            task=task,
            title=self.tasks[task].title,
            summary=score_sentence(scores),
            num_wrong=len(wrong),
            examples=self.choose(wrong, MAX_PER_TASK),
        )

    def choose(self, keys: Iterable[Key], max_count: int) -> list[ExampleView]:
        """Return some of the questions, spread over tasks and images."""
        return [self.example(key) for key in spread_over_tasks(keys, self.by_stage[-1], max_count)]

    def example(self, key: Key) -> ExampleView:
        """Return one question with all responses."""
        record = self.by_stage[-1][key]
        return ExampleView(
            task=record.task,
            title=self.tasks[record.task].title,
            images=[self.images.uri(image) for image in record.images],
            prompt=prompt_text(record.prompt),
            question=truncate_text(question_text(record.prompt)),
            target=truncate_text(target_text(record)),
            responses=[
                stage_response(
                    evaluation.stage, records[key], is_scored=self.is_scored(record.task)
                )
                for evaluation, records in zip(self.evaluations, self.by_stage, strict=True)
                if key in records
            ],
            image_free_responses=[
                (label, truncate_text(records[key].response))
                for label, records in self.image_free
                if key in records
            ],
        )


def spread_over_tasks(
    keys: Iterable[Key], records: Mapping[Key, Record], max_count: int
) -> Iterator[Key]:
    """Choose keys by hash: first one of each task and image cluster, then others."""
    tasks: set[str] = set()
    clusters: set[str] = set()
    first: list[Key] = []
    others: list[Key] = []
    for key in sorted(keys, key=lambda key: stable_hash("shown", *key)):
        cluster = records[key].image_cluster
        (others if key[0] in tasks or cluster in clusters else first).append(key)
        tasks.add(key[0])
        clusters.add(cluster)
    yield from [*first, *others][:max_count]


def stage_response(stage: str, record: Record, *, is_scored: bool) -> StageResponse:
    """Return a response and whether it is correct."""
    mark = "right" if is_correct(record) else "wrong"
    text = truncate_text(record.response) or "(empty)"
    return StageResponse(stage, text, mark if is_scored else "unscored")


def is_correct(record: Record) -> bool:
    """Return whether a response has at least half the points under the lenient rule."""
    return (record.score_lenient or 0.0) >= CORRECT_FROM


def failure_order(scores: ScoreEstimates) -> tuple[bool, float]:
    """Order tasks by their gain over the best image-free baseline; very small tasks come last."""
    if scores.score is None:
        return True, 0.0
    baselines = (scores.controls[control.name] for control in all_controls() if control.image_free)
    best = max((baseline.mean for baseline in baselines if baseline), default=0.0)
    return scores.score.items < MIN_QUESTIONS, scores.score.mean - best


def score_sentence(scores: ScoreEstimates) -> str:
    """Format the score of a task next to the image-free baselines."""
    if scores.score is None:
        return ""
    baselines_text = ", ".join(
        f"{control.label} {estimate.mean:.2f}"
        for control in all_controls()
        if control.image_free and (estimate := scores.controls[control.name])
    )
    score = f"Score {scores.score.mean:.2f} on {counted(scores.score.items, 'question')}"
    return f"{score} ({baselines_text})." if baselines_text else f"{score}."
