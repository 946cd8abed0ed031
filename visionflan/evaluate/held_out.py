"""The held-out items of builds, as a set to evaluate on."""

from collections.abc import Collection, Sequence
from string import ascii_lowercase

from visionflan.errors import EvaluationError
from visionflan.evaluate.baselines import (
    TaskFacts,
    chance_score,
    majority_answer,
    right_answer,
    task_facts,
)
from visionflan.evaluate.records.header import TaskHeader
from visionflan.evaluate.records.record import sample_key
from visionflan.evaluate.requests import EvalSet, Item, merge_clusters
from visionflan.prompt import format_option
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance


def held_out(builds: Sequence[BuildDirectory], tasks: Collection[str] = ()) -> EvalSet:
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
                facts = task_facts(build, task, instances)
                items[task] = [make_item(build, instance, facts) for instance in instances]
                headers[task] = task_header(facts, len(instances))
    if missing := sorted(set(tasks) - set(items)):
        raise EvaluationError(f"the build has no held-out instances of {', '.join(missing)}")
    if not items:
        raise EvaluationError(
            "the build has no held-out instances: build again with `--hold-out-images` or "
            "`--hold-out-tasks`"
        )
    return EvalSet(items=merge_clusters(items), tasks=headers, sources=builds)


def make_item(build: BuildDirectory, instance: Instance, facts: TaskFacts) -> Item:
    """Return an instance as an item; its cluster is its first image until clusters are merged."""
    target = right_answer(instance)
    references = instance.references or (target,)
    key = sample_key(instance.images, instance.prompt, instance.options, references)
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
        chance_score=chance_score(instance, facts),
        majority_answer=majority_answer(instance, facts),
        candidates=answer_candidates(instance, facts, references),
    )


def answer_candidates(
    instance: Instance, facts: TaskFacts, references: Sequence[str]
) -> tuple[str, ...]:
    """Return all answers of a closed question as a model should write them; none if it is open.

    They include the references, even those that never occur in training.
    """
    if len(instance.options) > len(ascii_lowercase):
        return ()
    if instance.options:
        return tuple(format_option(instance.options, option) for option in instance.options)
    if not facts.candidates:
        return ()
    return tuple(dict.fromkeys((*facts.candidates, *references)))


def task_header(facts: TaskFacts, count: int) -> TaskHeader:
    """Return the header of a task with `count` held-out items."""
    return TaskHeader(
        dataset=facts.info.dataset,
        official_name=facts.info.official_name,
        title=facts.info.title,
        category=facts.info.category,
        group=facts.info.group,
        metric=facts.info.metric,
        sensitive=facts.info.sensitive,
        num_train=facts.num_train,
        held_out=count,
        num_train_answers=len(facts.train_answers),
        candidates=facts.candidates,
        conversation=facts.conversation,
    )
