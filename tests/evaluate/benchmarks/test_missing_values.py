"""A missing value of a benchmark is refused; it never becomes a word such as `None` or `nan`."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from visionflan.errors import ReleaseError
from visionflan.evaluate import benchmarks
from visionflan.evaluate.benchmark import BenchmarkRow
from visionflan.specimens import write_text

JSON_NAMES = ("llava_bench", "mm_vet", "pope")
HEADER = ("index", "question", "hint", "A", "B", "C", "D", "answer", "image")


def specimen(name: str, root: Path) -> Path:
    write = benchmarks.load(name).write_specimen
    assert write
    write(root / name)
    return root / name


def texts(rows: list[BenchmarkRow]) -> set[str]:
    groups = [(row.question, row.target, *row.options, *row.references, row.key) for row in rows]
    return {text for group in groups for text in group}


def replaced(value: Any, new: Any) -> Iterator[Any]:
    """Yield copies of a JSON value with one of its leaves replaced."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from ({**value, name: other} for other in replaced(member, new))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from ([*value[:index], m, *value[index + 1 :]] for m in replaced(member, new))
    else:
        yield new


@pytest.mark.parametrize(
    "new", [None, float("nan"), "", {}], ids=["null", "nan", "empty", "object"]
)
@pytest.mark.parametrize("name", JSON_NAMES)
def test_a_missing_value_in_json_is_refused_or_was_never_read(
    name: str, new: Any, tmp_path: Path
) -> None:
    root = specimen(name, tmp_path)
    benchmark = benchmarks.load(name)
    before = texts(list(benchmark.rows(root)))
    num_refused = 0
    for path in sorted((*root.rglob("*.json"), *root.rglob("*.jsonl"))):
        content = path.read_text()
        is_lines = name != "mm_vet"
        value = [*map(json.loads, content.splitlines())] if is_lines else json.loads(content)
        for other in replaced(value, new):
            path.write_text("\n".join(map(json.dumps, other)) if is_lines else json.dumps(other))
            try:
                assert texts(list(benchmark.rows(root))) <= before
            except ReleaseError:
                num_refused += 1
        path.write_text(content)
    assert num_refused > 10


@pytest.mark.parametrize("column", ["id", "question", "options", "answer", "question_type"])
def test_a_missing_value_in_parquet_is_refused(column: str, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    root = specimen("mmmu", tmp_path)
    for path in sorted(root.rglob("*.parquet")):
        table = pq.ParquetFile(path).read()
        rows = [{**row, column: None} for row in table.to_pylist()]
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    with pytest.raises(ReleaseError, match=r"(?i)^mmmu"):
        list(benchmarks.load("mmmu").rows(root))


@pytest.mark.parametrize("options", ["['it', None]", "['it', '']", "[nan, 'it']", "['it', ['no']]"])
def test_an_option_without_a_text_is_refused(options: str, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    root = specimen("mmmu", tmp_path)
    path = root / "Art/validation-00000-of-00001.parquet"
    table = pq.ParquetFile(path).read()
    rows = [{**row, "options": options, "answer": "A"} for row in table.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    with pytest.raises(ReleaseError, match=r"(?i)^mmmu"):
        list(benchmarks.load("mmmu").rows(root))


def mmbench_table(root: Path, *rows: tuple[str, ...]) -> Path:
    """Write a table with the questions' hint and options; the image is that of the specimen."""
    table = specimen("mmbench", root) / "mmbench_dev_20230712.tsv"
    image = table.read_text().splitlines()[1].split("\t")[7]
    lines = [
        (str(number), "What is it?", *row, "A", image) for number, row in enumerate(rows, start=1)
    ]
    write_text(table, "".join("\t".join(line) + "\n" for line in (HEADER, *lines)))
    return table.parent


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("nan", "a", "b", "c", "d"), ("see", "a", "b", "c", "d")], "row 2 has 'nan' as its hint"),
        ([("None", "a", "b", "c", "d")], "row 2 has 'None' as its hint"),
        ([("", "a", "b", "c", "d"), ("", "a", "b", "nan", "nan")], "row 3 has 'nan' as its C"),
        ([("", "a", "b", "c", "d"), ("", "a", "b", "c", "NaN")], "row 3 has 'NaN' as its D"),
        ([("", "a", "b", "None", "None")], "row 2 has 'None' as its C"),
        ([("", "a", "b", "<NA>", "<NA>")], "row 2 has '<NA>' as its C"),
    ],
)
def test_words_for_missing_cells_are_refused(
    rows: list[tuple[str, ...]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ReleaseError, match=f"{message}, and no row .* a conversion wrote"):
        list(benchmarks.load("mmbench").rows(mmbench_table(tmp_path, *rows)))


@pytest.mark.parametrize(
    "rows",
    [
        [("", "nan", "None", "c", "d")],
        [("", "a", "b", "c", "None"), ("", "a", "b", "c", "d")],
        [("", "a", "b", "c", "nan"), ("", "a", "b", "c", "")],
        [("nan", "a", "b", "c", "d"), ("", "a", "b", "c", "d")],
    ],
)
def test_such_words_are_texts_where_the_owners_wrote_them(
    rows: list[tuple[str, ...]], tmp_path: Path
) -> None:
    read = list(benchmarks.load("mmbench").rows(mmbench_table(tmp_path, *rows)))
    assert {row.options[0] for row in read if row.key in ("1", "2")} == {rows[0][1]}


def test_the_texts_of_any_benchmark_are_checked() -> None:
    read: Callable[[Path], list[Any]] = lambda root: [BenchmarkRow("all", "7", "Is it?", None)]  # type: ignore[arg-type]  # noqa: E731
    benchmark = benchmarks.load("pope")
    other = type(benchmark)("Toy", "", "MIT", "", "", read=read)
    with pytest.raises(ReleaseError, match="Toy: the question 7 of all has no text as its answer"):
        list(other.rows(Path()))


@pytest.mark.shared
def test_a_table_that_a_conversion_wrote_is_refused(shared: Path, tmp_path: Path) -> None:
    case = shared / "cases/mmbench-nan/mmbench_dev_20230712.tsv"
    (tmp_path / case.name).write_bytes(case.read_bytes())
    with pytest.raises(ReleaseError, match="a conversion wrote missing cells as words"):
        list(benchmarks.load("mmbench").rows(tmp_path))
