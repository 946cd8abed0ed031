"""A stage trains on what a model wrote, by kind and author."""

from pathlib import Path

import pytest

from tests.helpers.llm_server import LlmServer
from tests.helpers.writing_server import run_synthesis
from visionflan.builder.combine import combine_builds
from visionflan.errors import UnknownNameError
from visionflan.storage.directory import BuildDirectory
from visionflan.train.config import DataConfig
from visionflan.train.selection import count_by_task


@pytest.fixture
def written(build: BuildDirectory, server: LlmServer, tmp_path: Path) -> BuildDirectory:
    """Return a build of conversations and descriptions by two models."""
    parts = [
        run_synthesis(server, build, tmp_path / f"{number}", kind, 4, model=model)[0].build
        for number, (kind, model) in enumerate(
            (("conversation", "Writer-1"), ("detail", "Writer-1"), ("detail", "org/Writer 2"))
        )
    ]
    return combine_builds(parts, tmp_path / "combined")


@pytest.mark.parametrize(
    ("patterns", "tasks"),
    [
        (("*/detail",), ["written-by-org-writer-2/detail", "written-by-writer-1/detail"]),
        (
            ("written-by-writer-1/*",),
            ["written-by-writer-1/conversation", "written-by-writer-1/detail"],
        ),
        (("written-by-org-writer-2/detail",), ["written-by-org-writer-2/detail"]),
    ],
)
def test_a_stage_takes_its_rows_by_kind_and_author(
    patterns: tuple[str, ...], tasks: list[str], written: BuildDirectory
) -> None:
    assert count_by_task(written, DataConfig(tasks=patterns)) == dict.fromkeys(tasks, 4)


def test_an_author_who_wrote_nothing_is_an_error(written: BuildDirectory) -> None:
    with pytest.raises(UnknownNameError, match="written-by-writer-1"):
        count_by_task(written, DataConfig(tasks=("written-by-writer-3/*",)))
