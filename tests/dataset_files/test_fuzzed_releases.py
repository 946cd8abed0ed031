"""Damaged values of a release cost rows with a reason, and never become words of an example."""

import sys
from codecs import BOM_UTF8
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import fuzz_readers

from visionflan import catalog
from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError

COUNT = 1500
TABLES = {
    "cova": "splits/webpage_info.csv",
    "deepweeds": "labels/labels.csv",
    "fairface": "fairface_label_train.csv",
    "gtsrb": "GT-final_test.csv",
    "memotion": "memotion_dataset_7k/labels.csv",
    "mocheg": "test/Corpus2.csv",
    "semart": "SemArt/semart_train.csv",
    "vqg": "bing_train_all.csv",
}


def test_no_damaged_value_becomes_words_or_ends_a_reader() -> None:
    count, failures = fuzz_readers.run_trials(catalog.names(), COUNT, seed=0)
    assert count == COUNT
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("name", TABLES)
def test_an_open_quote_costs_one_row_of_a_table_and_is_counted(name: str, tmp_path: Path) -> None:
    dataset = catalog.load(name)
    dataset.write_specimen(tmp_path, 12)
    (table,) = tmp_path.rglob(TABLES[name])
    encoding = "latin-1" if name == "semart" else "utf-8-sig"
    original = table.read_text(encoding=encoding)
    rows = {row.key for row in dataset.rows(tmp_path)}
    lines = original.splitlines(keepends=True)
    for number in range(1, len(lines)):
        damaged = [*lines[:number], f'"{lines[number]}', *lines[number + 1 :]]
        table.write_text("".join(damaged), encoding=encoding)
        read = list(dataset.read(tmp_path))
        broken = [row for row in read if isinstance(row, BrokenRow)]
        kept = {row.key for row in read if not isinstance(row, BrokenRow)}
        assert kept <= rows
        assert len(rows - kept) <= 1, f"line {number} of {table.name}"
        assert any(table.name in row.key for row in broken)


TEXTS = frozenset({".txt", ".csv", ".tsv", ".xml", ".lst", ".token", ".json", ".jsonl", ".odgt"})


def text_files(root: Path) -> list[Path]:
    """Return one text file of each directory and suffix, and all that have no number in a name."""
    files: dict[tuple[Path, str, str], Path] = {}
    for path in sorted(path for path in root.rglob("*") if path.suffix in TEXTS):
        numbered = any(character.isdigit() for character in path.stem)
        files.setdefault((path.parent, path.suffix, "" if numbered else path.stem), path)
    return list(files.values())


@pytest.mark.parametrize("name", catalog.names())
def test_the_start_of_a_text_file_and_its_line_ends_are_no_content(
    name: str, tmp_path: Path
) -> None:
    dataset = catalog.load(name)
    dataset.write_specimen(tmp_path, 4)
    rows = list(dataset.rows(tmp_path))
    for path in text_files(tmp_path):
        content = path.read_bytes()
        for changed in (BOM_UTF8 + content, content.replace(b"\n", b"\r\n")):
            path.write_bytes(changed)
            assert [row.key for row in dataset.rows(tmp_path)] == [row.key for row in rows], path
        path.write_bytes(content[: len(content) // 2] + b"\xff" + content[len(content) // 2 :])
        message = refusal(name, tmp_path)
        assert not message or path.name in message
        path.write_bytes(content)


def refusal(name: str, root: Path) -> str:
    """Return why a release cannot be read; empty if it can."""
    try:
        list(catalog.load(name).read(root))
    except ReleaseError as error:
        return str(error)
    return ""
