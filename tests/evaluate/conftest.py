"""A build of drawn squares, and a server that answers questions about them."""

from collections.abc import Iterator

import pytest

from tests.helpers.llm_server import LlmServer, serving
from tests.helpers.served_squares import squares_server
from tests.helpers.tiny_evaluation import tiny_build
from visionflan.storage.directory import BuildDirectory


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    return tiny_build(tmp_path_factory.mktemp("build") / "build")


@pytest.fixture
def server() -> Iterator[LlmServer]:
    with serving(squares_server()) as running:
        yield running
