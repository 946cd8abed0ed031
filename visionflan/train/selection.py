"""Select the instances that a stage trains on."""

import heapq
from collections import Counter

import numpy as np

from visionflan.catalog import match_tasks
from visionflan.errors import TrainingError
from visionflan.hashing import stable_hash
from visionflan.plural import counted
from visionflan.storage.authors import instances_by
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.row_list import read_row_list
from visionflan.train.config import DataConfig
from visionflan.train.mixture import mixture_order


def select_instances(build: BuildDirectory, data: DataConfig, seed: int) -> Instances:
    """Return the instances that a stage trains on. Raises if a pattern matches no task.

    Those of a mixture are in its order, and more than its budget: what is trained on is a prefix
    of the usable ones.
    """
    instances = available_instances(build, data)
    if data.mixture is not None:
        columns = instances.column("task"), instances.column("id")
        order = mixture_order(data.mixture, *columns, seed)
        return Instances(build, instances.positions[np.array(order, np.int64)])
    if data.max_instances is not None and data.max_instances < len(instances):
        ids = instances.column("id")
        selected = heapq.nsmallest(
            data.max_instances, range(len(ids)), key=lambda index: stable_hash(seed, ids[index])
        )
        return Instances(build, instances.positions[sorted(selected)])
    return instances


def available_instances(build: BuildDirectory, data: DataConfig) -> Instances:
    """Return the instances of a stage's split, tasks, authors and list of rows.

    Raises TrainingError if there is none, or if the list has rows of another split;
    UnknownNameError if there is no such task or author.
    """
    tasks = None if not data.tasks else match_tasks(data.tasks, sorted(build.tasks))
    instances = build.instances(data.split, tasks)
    if not len(instances):
        raise TrainingError(f"{build.path} has no {data.split} instances to train on")
    if data.authors:
        instances = instances_by(instances, data.authors)
    return instances if data.row_list is None else listed_instances(instances, data)


def listed_instances(instances: Instances, data: DataConfig) -> Instances:
    """Return the instances that are in a stage's list of rows, in the order of the build."""
    assert data.row_list is not None
    build = instances.directory
    positions = np.sort(read_row_list(data.row_list).positions(build))
    of_split = build.instances(data.split).positions
    if num_others := int((~np.isin(positions, of_split)).sum()):
        raise TrainingError(
            f"{data.row_list} lists {counted(num_others, 'row')} of {build.path} that are not in "
            f"the split {data.split}: select rows of that split, or set `data.split`"
        )
    positions = positions[np.isin(positions, instances.positions)]
    if not len(positions):
        tasks = f" of the tasks {', '.join(data.tasks)}" if data.tasks else ""
        authors = f" by {', '.join(data.authors)}" if data.authors else ""
        raise TrainingError(f"{data.row_list} lists no row{tasks}{authors}")
    return Instances(build, positions)


def count_by_task(build: BuildDirectory, data: DataConfig) -> dict[str, int]:
    """Return how many instances of each task a stage may train on, ordered by task."""
    return dict(sorted(Counter(available_instances(build, data).column("task")).items()))
