"""The held-out items of builds, as a set to evaluate on."""

from collections.abc import Collection, Sequence
from string import ascii_lowercase

from visionflan.errors import EvaluationError
from visionflan.evaluate.baselines import (
    TaskStats,
    chance_score,
    correct_answer,
    majority_answer,
    task_stats,
)
from visionflan.evaluate.records.header import TaskHeader
from visionflan.evaluate.records.record import sample_key
from visionflan.evaluate.requests import EvalSet, Item, merge_clusters
from visionflan.prompt import answers_in_form
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance


def held_out_set(builds: Sequence[BuildDirectory], tasks: Collection[str] = ()) -> EvalSet:
    """Return the held-out items of some tasks, by default of all that have some."""
    items: dict[str, list[Item]] = {}
    headers: dict[str, TaskHeader] = {}
    for build in builds:
        for task in sorted(set(build.tasks) & set(tasks or build.tasks)):
            instances = list(build.instances("held_out", [task]))
            if task in items and instances:
                raise EvaluationError(
                    f"{task} is held out by two of the builds: name only one of them"
                )
            if instances:
                stats = task_stats(build, task, instances)
                items[task] = [make_item(build, instance, stats) for instance in instances]
                headers[task] = task_header(stats, len(instances))
    if missing := sorted(set(tasks) - set(items)):
        raise EvaluationError(f"the build has no held-out instances of {', '.join(missing)}")
    if not items:
        raise EvaluationError(
            "the build has no held-out instances: build again with `--hold-out-images` or "
            "`--hold-out-tasks`"
        )
    return EvalSet(items=merge_clusters(items), tasks=headers, sources=builds)


def make_item(build: BuildDirectory, instance: Instance, stats: TaskStats) -> Item:
    """Return an instance as an item; its cluster is its first image until clusters are merged."""
    target = correct_answer(instance)
    references = instance.references or (target,)
    words = "\n\n".join(filter(None, (instance.system, instance.prompt)))
    key = sample_key(instance.images, words, instance.options, references)
    return Item(
        source=build,
        task=instance.task,
        instance=instance.id,
        sample_key=key,
        prompt=instance.prompt,
        images=instance.images,
        image_cluster=instance.images[0] if instance.images else key,
        options=instance.options,
        target=target,
        references=references,
        metric=instance.metric,
        chance_score=chance_score(instance, stats),
        majority_answer=majority_answer(instance, stats),
        candidates=answer_candidates(instance, stats, references),
        system=instance.system,
    )


def answer_candidates(
    instance: Instance, stats: TaskStats, references: Sequence[str]
) -> tuple[str, ...]:
    """Return all answers of a closed question as a model should write them; none if it is open.

    They include the references, even those that never occur in training.
    """
    if len(instance.options) > len(ascii_lowercase):
        return ()
    if instance.options:
        return answers_in_form(instance.options, instance.target, instance.answer)
    if not stats.candidates:
        return ()
    return tuple(dict.fromkeys((*stats.candidates, *references)))


def task_header(stats: TaskStats, count: int) -> TaskHeader:
    """Return the header of a task with `count` held-out items."""
    return TaskHeader(
        dataset=stats.info.dataset,
        official_name=stats.info.official_name,
        title=stats.info.title,
        category=stats.info.category,
        group=stats.info.group,
        metric=stats.info.metric,
        sensitive=stats.info.sensitive,
        num_train=stats.num_train,
        held_out=count,
        num_train_answers=len(stats.train_answers),
        candidates=stats.candidates,
        conversation=stats.conversation,
    )
