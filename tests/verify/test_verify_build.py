"""Each damage of a build is found and named; an intact build, derived ones included, has none."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visionflan import catalog
from visionflan.builder.combine import combine_builds
from visionflan.builder.conversations import write_conversations
from visionflan.builder.plan import BuildSettings
from visionflan.builder.rephrase import rephrase_build
from visionflan.builder.run import build
from visionflan.builder.subset import write_subset
from visionflan.cli.main import main
from visionflan.errors import BuildError
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.manifest_file import write_manifest
from visionflan.storage.schema import instances_path, write_table
from visionflan.verify.build import verify_build
from visionflan.verify.damage import MAX_LINES, DamageList

TASK = "tdiuc/vqa_color"
FILE = "instances/tdiuc.vqa_color.parquet"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("verify")
    catalog.load("tdiuc").write_specimen(directory / "releases/tdiuc", 24)
    broken = next((directory / "releases/tdiuc").rglob("*.jpg"))
    broken.write_bytes(broken.read_bytes()[:100])
    build(directory / "releases", directory / "build", BuildSettings(), workers=1)
    return directory / "build"


@pytest.fixture
def copy(source: Path, tmp_path: Path) -> Path:
    shutil.copytree(source, tmp_path / "copy")
    return tmp_path / "copy"


def lines(path: Path, **chosen: Any) -> list[str]:
    return list(verify_build(path, **chosen).damages.lines())


def test_an_intact_build_and_those_derived_of_it_have_no_damage(
    source: Path, tmp_path: Path
) -> None:
    original = BuildDirectory(source)
    conversations = write_conversations(original, tmp_path / "conversations", 12)
    derived = [
        original,
        write_subset(original, tmp_path / "subset", [TASK]),
        rephrase_build(original, tmp_path / "rephrased", held_back=0, seed=1),
        conversations,
        combine_builds([original, conversations], tmp_path / "combined"),
    ]
    for each in derived:
        verified = verify_build(each.path, workers=2)
        assert list(verified.damages.lines()) == []
        assert verified.instances == len(each.instances())
        assert verified.hashed_images == verified.images == each.index.count > 0


def rewrite(path: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    table = pq.ParquetFile(path).read()
    rows = table.to_pylist()
    change(rows)
    write_table(path, pa.Table.from_pylist(rows, schema=table.schema))


def set_size(build: Path, name: str) -> None:
    """Record the size that a file has now, so that only its content is wrong."""
    manifest = json.loads((build / "manifest.json").read_bytes())
    manifest["files"][name] = (build / name).stat().st_size
    write_manifest(build, manifest)


CHANGES: dict[str, tuple[Callable[[list[dict[str, Any]]], object], str]] = {
    "target": (lambda rows: rows[0].update(target="x"), "do not have the digest"),
    "order": (lambda rows: rows.reverse(), "do not have the digest"),
    "lost": (lambda rows: rows.pop(), ", the manifest has"),
    "image": (lambda rows: rows[0].update(images=["ab" * 32]), "is not in the index"),
    "no image": (lambda rows: rows[0].update(images=["abc"]), "image abc is not in the index"),
    "marker": (lambda rows: rows[0].update(images=[]), "1 <image> and 0 images"),
    "key": (lambda rows: rows[0].update(key="x"), "its id is not that of its task and key"),
    "repeated": (lambda rows: rows.append(rows[0]), "an earlier row has the same id"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_row_is_named(name: str, copy: Path) -> None:
    change, message = CHANGES[name]
    rewrite(copy / FILE, change)
    set_size(copy, FILE)
    damages = lines(copy, quick=True)
    assert any(message in line and line.startswith(f"{FILE}: {TASK}: ") for line in damages)


def edit_manifest(build: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((build / "manifest.json").read_bytes())
    change(manifest)
    (build / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(digest="0" * 64), "its digest is not that of its tasks"),
        (lambda m: m["tasks"][TASK].update(rows_read=1), "1 row read, and outcomes of"),
        (lambda m: m["tasks"][TASK].update(train=1), "do not add up to written"),
        (lambda m: m["totals"].update(instances=1), "its totals do not have the"),
        (lambda m: m["totals"].update(images=1), "images, the manifest 1"),
        (lambda m: m["tasks"][TASK]["dropped"].update(duplicate=99), "the manifest has 99"),
        (lambda m: m["datasets"]["tdiuc"].update(broken={"x": 2}), "tdiuc/*: 0 lines with x"),
    ],
)
def test_a_manifest_that_contradicts_the_files_is_found(
    change: Callable[[dict[str, Any]], object], message: str, copy: Path
) -> None:
    edit_manifest(copy, change)
    assert any(message in line for line in lines(copy, quick=True))


def test_a_lost_line_of_the_ledger_is_found(copy: Path) -> None:
    rewrite(copy / "ledger.parquet", lambda rows: rows.pop())
    set_size(copy, "ledger.parquet")
    (line,) = lines(copy, quick=True)
    assert line.startswith("ledger.parquet: tdiuc/")
    assert "with image_corrupt (dropped), the manifest has" in line


def damaged_files(build: Path) -> set[str]:
    """Return the files that are named as damaged; the manifest where it cannot be read."""
    try:
        return set(verify_build(build).damages.counts)
    except BuildError:
        return {"manifest.json"}


FLIPPED = ["images.index", "ledger.parquet", FILE, "manifest.json"]


@settings(max_examples=25)
@given(st.data())
def test_any_changed_byte_of_a_file_names_it(
    source: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    copy = tmp_path_factory.mktemp("flip") / "build"
    shutil.copytree(source, copy)
    for name in FLIPPED:
        content = (copy / name).read_bytes()
        changed = bytearray(content)
        changed[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        (copy / name).write_bytes(changed)
        assert name in damaged_files(copy)
        (copy / name).write_bytes(content)
    shutil.rmtree(copy)


@pytest.mark.parametrize(
    ("column", "value"),
    [("shard", 7), ("shard", -1), ("format", 9), ("group", 1 << 20), ("offset", -8)],
)
def test_an_index_with_an_impossible_number_is_damaged(column: str, value: int, copy: Path) -> None:
    file = copy / "images.index"
    table = pa.ipc.open_file(pa.BufferReader(file.read_bytes())).read_all()
    values = table[column].to_pylist()
    changed = pa.array([value, *values[1:]], table.schema.field(column).type)
    table = table.set_column(table.schema.get_field_index(column), table.field(column), changed)
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    set_size(copy, "images.index")
    (line,) = lines(copy, quick=True)
    assert line.startswith(f"images.index: is damaged (its {column} is out of range)")
    with pytest.raises(BuildError, match="out of range"):
        BuildDirectory(copy).index  # noqa: B018


@settings(max_examples=15)
@given(st.data())
def test_any_changed_byte_of_an_image_names_it(
    source: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    copy = tmp_path_factory.mktemp("flip") / "build"
    shutil.copytree(source, copy)
    index = BuildDirectory(copy).index
    image_id = index.ids[data.draw(st.integers(0, index.count - 1))].tobytes().hex()
    location = index.locate(image_id)
    shard = copy / "images" / location.shard
    position = location.offset + data.draw(st.integers(0, location.length - 1))
    content = bytearray(shard.read_bytes())
    content[position] ^= data.draw(st.integers(1, 255))
    shard.write_bytes(content)
    expected = f"images/{location.shard}: image {image_id}: its content has another sha256"
    assert lines(copy) == [expected]
    assert lines(copy, quick=True) == []
    shutil.rmtree(copy)


@pytest.mark.parametrize("name", ["images/tdiuc-00000.parquet", FILE, "images.index"])
def test_a_missing_a_cut_and_an_unreadable_file_are_named(name: str, copy: Path) -> None:
    file = copy / name
    content = file.read_bytes()
    file.write_bytes(content[:-50])
    damages = lines(copy)
    assert any(line.startswith(f"{name}: it has {len(content) - 50:,} bytes") for line in damages)
    file.write_bytes(content[:-50] + b"?" * 50)
    assert any(line.startswith(f"{name}: ") for line in lines(copy))
    file.unlink()
    assert lines(copy) == [f"{name}: the file is missing"]


def test_a_copy_of_the_instances_that_is_none_is_found(copy: Path) -> None:
    digest = BuildDirectory(copy).digest
    assert BuildDirectory(copy).table.num_rows
    (cache,) = copy.glob(".cache/*/instances.arrow")
    assert lines(copy, quick=True) == []
    content = cache.read_bytes()
    position = content.index(b"question") if b"question" in content else content.index(b"tdiuc")
    cache.write_bytes(content[:position] + b"Q" + content[position + 1 :])
    (line,) = lines(copy, quick=True)
    assert line.startswith(f".cache/{digest}/instances.arrow: it is not a copy of the instances")
    cache.write_bytes(content[:-100])
    (line,) = lines(copy, quick=True)
    assert "it cannot be compared with the instances" in line


def test_a_directory_without_a_manifest_to_check_against_is_refused(copy: Path) -> None:
    (copy / "manifest.json").write_text("{")
    with pytest.raises(BuildError, match=r"manifest\.json is damaged"):
        verify_build(copy)
    assert main(["verify", str(copy)]) == 1
    (copy / "manifest.json").unlink()
    with pytest.raises(BuildError, match="has no manifest"):
        verify_build(copy)


def test_the_command_prints_a_line_for_each_damage(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(copy), "--quick"]) == 0
    assert "the contents of images were not read" in capsys.readouterr().out
    instances_path(copy, TASK).unlink()
    assert main(["verify", str(copy)]) == 1
    first, summary = capsys.readouterr().out.splitlines()
    assert first == f"{FILE}: the file is missing"
    assert "1 damage in" in summary
    assert main(["verify", str(copy), "--json"]) == 1
    (result,) = json.loads(capsys.readouterr().out)
    assert result["damages"] == [first]
    assert main(["verify", str(copy / "none")]) == 1


def test_a_file_with_many_damages_has_a_limited_number_of_lines() -> None:
    damages = DamageList()
    for number in range(MAX_LINES + 5):
        damages.add("a", str(number))
    damages.add("b", "x")
    assert len(damages) == MAX_LINES + 6
    assert list(damages.lines())[-2:] == ["a: 5 damages more", "b: x"]


def test_a_url_is_no_missing_directory(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "s3://bucket/build"]) == 1
    assert "is a URL: copy it to a directory" in capsys.readouterr().err
