"""Choose what builds hold out: their items, and what is known of their tasks."""

from collections.abc import Collection, Sequence
from string import ascii_lowercase

from visionflan.errors import EvaluationError
from visionflan.evaluate.baselines import TaskFacts, chance, majority, right_answer, task_facts
from visionflan.evaluate.records.header import TaskHeader
from visionflan.evaluate.records.record import sample_key
from visionflan.evaluate.requests import EvalSet, Item, merge_clusters
from visionflan.prompt import format_option
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance


def held_out(builds: Sequence[BuildDirectory], tasks: Collection[str] = ()) -> EvalSet:
    """Find the held-out items of the tasks, by default of all that have some."""
    items: dict[str, list[Item]] = {}
    headers: dict[str, TaskHeader] = {}
    for build in builds:
        for task in sorted(set(build.tasks) & set(tasks or build.tasks)):
            instances = list(build.instances("held_out", [task]))
            if task in items and instances:
                raise EvaluationError(f"{task} is in two of the builds: give one of them")
            if instances:
                facts = task_facts(build, task, instances)
                items[task] = [item(build, instance, facts) for instance in instances]
                headers[task] = task_header(facts, len(instances))
    if missing := sorted(set(tasks) - set(items)):
        raise EvaluationError(f"the build holds nothing out of {', '.join(missing)}")
    if not items:
        raise EvaluationError("the build holds nothing out: build again with `--hold-out`")
    return EvalSet(items=merge_clusters(items), tasks=headers, sources=builds)


def item(build: BuildDirectory, instance: Instance, facts: TaskFacts) -> Item:
    """Make an item of an instance; its cluster is its own first image until clusters are joined."""
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
        chance_score=chance(instance, facts),
        majority_answer=majority(instance, facts),
        candidates=closed_answers(instance, facts, references),
    )


def closed_answers(
    instance: Instance, facts: TaskFacts, references: Sequence[str]
) -> tuple[str, ...]:
    """Give the answers that a closed question can have, as they are to be said; none if it is open.

    A right answer that training never gave is one of them.
    """
    if instance.options:
        known = len(instance.options) <= len(ascii_lowercase)
        return (
            tuple(format_option(instance.options, each) for each in instance.options)
            if known
            else ()
        )
    if not facts.candidates:
        return ()
    return tuple(dict.fromkeys((*facts.candidates, *references)))


def task_header(facts: TaskFacts, count: int) -> TaskHeader:
    """Put down what is known of a task, and how many of its items are held out."""
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
