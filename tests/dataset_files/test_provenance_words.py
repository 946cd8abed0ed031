"""What users read of a dataset, such as its terms, uses the words of the other messages."""

import re

import pytest

from visionflan import catalog

OTHER_WORDS = re.compile(r"\b(pictures?|folders?|task\(s\))(?!\w)", re.IGNORECASE)


@pytest.mark.parametrize("name", catalog.names())
def test_a_dataset_speaks_of_images_and_directories(name: str) -> None:
    dataset = catalog.load(name)
    for text in (dataset.obtain, dataset.terms, dataset.no_split, dataset.no_group):
        assert not OTHER_WORDS.findall(text)
