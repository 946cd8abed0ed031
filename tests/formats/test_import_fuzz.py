"""A damaged release is refused in one sentence, or each of its rows is imported or dropped."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.board import board_image
from tests.helpers.llava_release import record, talk, write_release
from visionflan.errors import VisionflanError
from visionflan.formats.huggingface import SCHEMA
from visionflan.formats.importing import find_release, import_release
from visionflan.storage.directory import BuildDirectory

RECORDS = [
    record("0.jpg", system="Be brief.", task_name="Lab+look"),
    record(["1.jpg", "2.jpg"], **talk("Is <image> like <image>?", "No.", "Why?", "Color.")),
    {"id": "text", **talk("What is one and one?", "Two.")},
    record("3.jpg", id=7),
]
SCALARS = st.sampled_from(
    [
        None,
        True,
        0,
        -1.5,
        math.nan,
        math.inf,
        10**30,
        "",
        " ",
        "<image>",
        "0.jpg",
        "../x",
        "/",
        "\0",
    ]
) | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS | st.just("half \ud83d"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
LONG, DEEP = "9" * 5_000, "[" * 20_000 + "]" * 20_000


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(tmp_path_factory.mktemp("fuzz") / "r", [])


@st.composite
def damaged_records(draw: st.DrawFn) -> list[Any]:
    """Return records of which some lack a field, or have another value for it."""
    records = json.loads(json.dumps(RECORDS))
    for _ in range(draw(st.integers(1, 3))):
        holder = draw(st.sampled_from(list(holders(records))))
        keys = range(len(holder)) if isinstance(holder, list) else sorted(holder)
        key = draw(st.sampled_from(keys))
        if draw(st.booleans()) or holder is records:
            holder[key] = draw(VALUES)
        else:
            del holder[key]
    return records  # type: ignore[no-any-return]


def holders(value: Any) -> Any:
    """Yield each list and object of a value that is not empty."""
    if isinstance(value, dict | list) and value:
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from holders(inner)


@st.composite
def damaged_files(draw: st.DrawFn) -> tuple[str, int | None]:
    """Return the text of a file and the number of its rows; None if it cannot be known."""
    entries = [json.dumps(entry) for entry in draw(damaged_records())]
    index = draw(st.integers(0, len(entries) - 1))
    entries[index] = draw(
        st.sampled_from(
            [
                entries[index],
                entries[index].replace('{"', '{"image": "1.jpg", "', 1),
                entries[index].replace('"id": ', f'"id": {LONG}, "i": ', 1),
                entries[index].replace('"id": ', f'"id": {DEEP}, "i": ', 1),
            ]
        )
    )
    form = draw(st.sampled_from(["list", "lists", "lines", "cut list", "cut lines"]))
    if "lines" in form:
        text = "\n".join(entries)
        text = text[: draw(st.integers(1, len(text)))] if form == "cut lines" else text
        return text, len([line for line in text.split("\n") if line.strip()])
    text = f"[{', '.join(entries)}]"
    if form == "lists":
        return f"{text}\n[]{text}", 2 * len(entries)
    if form == "cut list":
        return text[: draw(st.integers(1, len(text) - 1))], None
    return text, len(entries)


def check_error(error: VisionflanError, out: Path) -> None:
    assert str(error).strip()
    assert "\n" not in str(error)
    assert not out.exists()


@settings(max_examples=25)
@given(damaged_files())
def test_every_row_of_a_damaged_release_is_accounted_for(
    directory: Path, file: tuple[str, int | None]
) -> None:
    text, num_rows = file
    (directory / "annotations.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    out = directory / "build"
    shutil.rmtree(out, ignore_errors=True)
    try:
        release = find_release(directory / "annotations.json", directory / "images")
        import_release(release, out, name="lab")
    except VisionflanError as error:
        check_error(error, out)
        return
    build = BuildDirectory(out)
    ledger = pq.read_table(out / "ledger.parquet").to_pylist()
    dropped = [line for line in ledger if line["kind"] == "dropped"]
    assert all(line["reason"] and line["detail"] for line in dropped)
    assert num_rows is not None
    assert len(build.instances()) + len(dropped) == num_rows
    for instance in build.instances():
        assert not {"None", "nan", "null"} & {turn.text for turn in instance.turns}


TEXTS = st.none() | st.sampled_from(["user", "assistant", "text", "image", "system", "<image>", ""])
PIECES = st.none() | st.fixed_dictionaries({"type": TEXTS, "text": TEXTS})
MESSAGES = st.none() | st.fixed_dictionaries(
    {"role": TEXTS, "content": st.none() | st.lists(PIECES, max_size=3)}
)
IMAGES = st.none() | st.fixed_dictionaries(
    {"bytes": st.sampled_from([None, b"", board_image(0)]), "path": TEXTS}
)
GOOD = [
    {"role": "user", "content": [{"type": "image", "text": None}, {"type": "text", "text": "?"}]},
    {"role": "assistant", "content": [{"type": "text", "text": "b"}]},
]
LAYOUTS = st.sampled_from(["typed", "typed", "typed", "plain texts", "bare bytes", "no images"])


@st.composite
def damaged_tables(draw: st.DrawFn) -> pa.Table:
    """Return a table with values that are missing at any depth, or with other types."""
    images = [{"bytes": board_image(1), "path": "1.jpg"}]
    rows: list[dict[str, Any]] = [{"id": "good", "messages": GOOD, "images": images}]
    for _ in range(draw(st.integers(0, 4))):
        messages = draw(st.just(GOOD) | st.none() | st.lists(MESSAGES, max_size=4))
        drawn = draw(st.just(images) | st.none() | st.lists(IMAGES, max_size=2))
        rows.append({"id": draw(TEXTS), "messages": messages, "images": drawn})
    layout = draw(LAYOUTS)
    table = pa.Table.from_pylist(rows, schema=SCHEMA.remove(1).remove(1))
    if layout == "plain texts":
        table = table.set_column(1, "messages", pa.array(["a"] * len(rows)))
    if layout == "bare bytes":
        table = table.set_column(2, "images", pa.array([[b"x"]] * len(rows)))
    return table.drop_columns("images") if layout == "no images" else table


@settings(max_examples=25)
@given(damaged_tables(), st.sampled_from([0, 0, 0, 20]))
def test_every_row_of_a_damaged_table_is_accounted_for(
    directory: Path, table: pa.Table, cut: int
) -> None:
    out, path = directory / "table_build", directory / "rows.parquet"
    shutil.rmtree(out, ignore_errors=True)
    pq.write_table(table, path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - cut])
    try:
        import_release(find_release(path, None, "huggingface"), out, name="lab")
    except VisionflanError as error:
        check_error(error, out)
        return
    ledger = pq.read_table(out / "ledger.parquet").to_pylist()
    dropped = [line for line in ledger if line["kind"] == "dropped"]
    assert len(BuildDirectory(out).instances()) + len(dropped) == table.num_rows
