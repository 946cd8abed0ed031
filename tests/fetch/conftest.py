"""A server of images for the tests of downloads."""

from collections.abc import Iterator

import pytest

from tests.helpers.image_server import ImageServer, image_server


@pytest.fixture
def server() -> Iterator[ImageServer]:
    """Yield a running server."""
    with image_server() as running:
        yield running
