"""Who wrote the instances of a build: people, a rule, or one of several models."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np

from visionflan.errors import UnknownNameError
from visionflan.storage.directory import Instances
from visionflan.storage.instance import WRITTEN_BY

HUMAN, RULE = "human", "rule"


def author_slug(name: str) -> str:
    """Return the name of a model, or a pattern of names, as it is in the names of datasets."""
    return re.sub(r"[^a-z0-9._*?-]+", "-", name.lower()).strip("-.")


def author_of(dataset: str, *, synthetic: bool) -> str:
    """Return who wrote an instance: `human`, `rule`, or the model as in the name of the dataset."""
    if not synthetic:
        return HUMAN
    return dataset.removeprefix(WRITTEN_BY) if dataset.startswith(WRITTEN_BY) else RULE


def instances_by(instances: Instances, patterns: Sequence[str]) -> Instances:
    """Return the instances whose author matches one of the patterns.

    Raises UnknownNameError if a pattern matches no author.
    """
    columns = zip(instances.column("dataset"), instances.column("synthetic"), strict=True)
    authors = [author_of(dataset, synthetic=synthetic) for dataset, synthetic in columns]
    known = sorted(set(authors))
    slugs = {pattern: author_slug(pattern) for pattern in patterns}
    for pattern, slug in slugs.items():
        if not any(fnmatchcase(author, slug) for author in known):
            raise UnknownNameError(
                f"no instance of {instances.directory.path} is by {pattern!r}: its authors are "
                f"{', '.join(known)}"
            )
    chosen = {name for name in known if any(fnmatchcase(name, slug) for slug in slugs.values())}
    mask = np.array([author in chosen for author in authors], dtype=bool)
    return Instances(instances.directory, instances.positions[mask])
