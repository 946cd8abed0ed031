"""WIT: other languages, images that are not the main one, and a table that is truncated."""

from pathlib import Path

import pytest

from visionflan.datasets import wit
from visionflan.errors import ReleaseError


def test_only_main_images_of_english_articles_make_examples(tmp_path: Path) -> None:
    wit.specimen(tmp_path, 20)
    rows = list(wit.dataset.rows(tmp_path))
    assert len(rows) == 20
    examples = [wit.detailed_description(row) for row in rows]
    assert sum(example is None for example in examples) == 4
    assert not any("Artikel" in example.target for example in examples if example)


def test_a_compressed_table_that_breaks_off_is_refused(tmp_path: Path) -> None:
    wit.specimen(tmp_path, 40)
    table = tmp_path / f"{wit.PARTS[0]}.tsv.gz"
    table.write_bytes(table.read_bytes()[:-20])
    with pytest.raises(ReleaseError, match=r"all-00000-of-00010\.tsv\.gz is truncated"):
        list(wit.read(tmp_path))
