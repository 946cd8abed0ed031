from collections.abc import Iterator

import pytest

from tests.helpers.llm_server import LlmServer, serving
from tests.helpers.tiny_evaluation import tiny_build
from tests.helpers.writing_server import writing_server
from visionflan.storage.directory import BuildDirectory


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    return tiny_build(tmp_path_factory.mktemp("rows") / "build")


@pytest.fixture
def server() -> Iterator[LlmServer]:
    with serving(writing_server()) as server:
        yield server
