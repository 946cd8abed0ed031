"""What the tests of builds share."""

from typing import Any

import pytest

from visionflan.builder import dataset_builder, part_processes
from visionflan.builder.part_job import PartJob


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the datasets whose parts are built from now on."""
    names: list[str] = []

    def record(job: PartJob, *arguments: Any) -> Any:
        names.append(job.name)
        return dataset_builder.build_part(job, *arguments)

    monkeypatch.setattr(part_processes, "build_part", record)
    return names
