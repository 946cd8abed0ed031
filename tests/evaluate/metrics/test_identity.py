"""An answer identical to the target scores 1, or what the metric's owner gives it; none more."""

from pathlib import Path

import pytest

from tests.helpers.identical_answers import specimen_examples, task_examples, violations
from visionflan import catalog
from visionflan.errors import ReleaseError

IMAGES = 6
ROWS = 60


@pytest.mark.parametrize("name", catalog.names())
def test_targets_and_references_of_every_specimen_score_what_identity_does(
    name: str, tmp_path: Path
) -> None:
    for task, examples in specimen_examples(name, tmp_path, IMAGES).items():
        assert examples, task
        assert list(violations(task, examples)) == []


@pytest.mark.shared
def test_targets_and_references_of_real_rows_score_what_identity_does(shared: Path) -> None:
    num_tasks = 0
    for root in sorted((*shared.glob("real/*/"), *shared.glob("real_more/*/"))):
        dataset = catalog.load(root.name)
        try:
            rows = list(dataset.rows(root))
        except ReleaseError:
            continue  # images of this release are to be drawn
        for task in dataset.tasks:
            name = f"{root.name}/{task}"
            examples = task_examples(name, rows, ROWS)
            num_tasks += bool(examples)
            assert list(violations(name, examples)) == []
    assert num_tasks > 25
