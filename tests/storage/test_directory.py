"""A build directory as its readers use it, written by `DirectoryWriter`."""

import io
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.helpers.stored_instances import INFO, draw_image, instance
from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.builder.ledger_reasons import DROPPED, NOTES
from visionflan.errors import BuildError, UnknownNameError
from visionflan.storage import arrow_cache
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.image_index import ImageIndex, write_index
from visionflan.storage.image_shards import IMAGE_METADATA
from visionflan.storage.instance import Instance
from visionflan.storage.parquet_pages import locations
from visionflan.storage.schema import BUILD_FORMAT, DECODERS, IMAGES, INSTANCES, LEDGER


@pytest.fixture(scope="module")
def images() -> list[bytes]:
    return [draw_image(number, "PNG" if number % 3 else "JPEG") for number in range(250)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, images: list[bytes]) -> Path:
    out = tmp_path_factory.mktemp("built") / "build"
    with DirectoryWriter(out, {"name": "drawn", "title": "Drawn"}) as writer:
        writer.add_task("drawn/color", INFO)
        writer.add_task("drawn/pair", INFO)
        ids = [writer.add_image(encoded) for encoded in images]
        for number, image_id in enumerate(ids):
            writer.add_instance(instance(str(number), (image_id,)))
        writer.add_instance(instance("both", (ids[0], ids[7]), "drawn/pair"))
        writer.add_instance(instance("none", (), "drawn/pair"))
    return out


def test_what_was_written_is_read_back(built: Path, images: list[bytes]) -> None:
    instances = BuildDirectory(built).instances()
    assert len(instances) == 252
    ids = [sha256(encoded).hexdigest() for encoded in images]
    assert list(instances)[:250] == [instance(str(n), (ids[n],)) for n in range(250)]
    assert instances[250] == instance("both", (ids[0], ids[7]), "drawn/pair")
    assert instances[-1] == instance("none", (), "drawn/pair")


def test_every_image_is_read_by_its_id(built: Path, images: list[bytes]) -> None:
    directory = BuildDirectory(built, verify=True)
    for encoded in images:
        image_id = sha256(encoded).hexdigest()
        assert directory.image(image_id) == encoded
        width, height, image_format = directory.image_header(image_id)
        with Image.open(io.BytesIO(encoded)) as opened:
            assert (width, height, image_format.upper()) == (*opened.size, opened.format)


def test_a_decoder_converts_every_list_column() -> None:
    assert INSTANCES.names == list(Instance._fields)
    assert set(DECODERS) == {name for name in INSTANCES.names if is_list(INSTANCES.field(name))}


def is_list(field: pa.Field) -> bool:
    return bool(pa.types.is_list(field.type))


def test_any_tool_reads_the_shards_as_parquet(built: Path, images: list[bytes]) -> None:
    (shard,) = (built / "images").glob("*.parquet")
    table = pq.read_table(shard)
    assert table["bytes"].to_pylist() == images
    data = shard.read_bytes()
    offsets = list(locations(shard, "bytes"))
    assert [data[start : start + length] for start, length in offsets] == images
    assert pq.read_metadata(shard).num_row_groups == 3


def test_an_image_is_stored_once(built: Path, images: list[bytes], tmp_path: Path) -> None:
    with DirectoryWriter(tmp_path / "b", {"name": "twice"}) as writer:
        assert writer.add_image(images[0]) == writer.add_image(images[0])
        writer.add_task("drawn/color", INFO)
    assert BuildDirectory(tmp_path / "b").manifest["totals"]["images"] == 1


def test_instances_are_chosen_by_split_and_task(built: Path) -> None:
    directory = BuildDirectory(built)
    assert len(directory.instances("held_out")) == 0
    pairs = directory.instances("train", ["drawn/pair"])
    assert pairs.column("key") == ["both", "none"]
    assert [len(images) for images in pairs.column("images")] == [2, 0]
    assert directory.instances(tasks=["drawn/color"])[10:20:3].column("key") == [
        "10", "13", "16", "19",
    ]  # fmt: skip
    assert directory.tasks == {"drawn/color": INFO, "drawn/pair": INFO}


def test_an_unknown_task_is_answered_with_the_nearest(built: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean drawn/color"):
        BuildDirectory(built).instances(tasks=["drawn/colour"])


def read_some(directory: BuildDirectory, instances: Instances, start: int) -> list[str]:
    return [
        sha256(directory.image(instances[index].images[0])).hexdigest()
        for index in range(start, 240, 4)
    ]


@pytest.fixture(params=["fork", "spawn"])
def pool(request: pytest.FixtureRequest) -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context(request.param)
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        yield executor


def test_an_opened_directory_works_in_other_processes(
    built: Path, pool: ProcessPoolExecutor
) -> None:
    directory = BuildDirectory(built)
    instances = directory.instances()
    opened_before = read_some(directory, instances, 0)
    waiting = [pool.submit(read_some, directory, instances, start) for start in (0, 1, 2, 3)]
    assert waiting[0].result() == opened_before
    for start, answer in enumerate(waiting):
        images = instances.column("images")
        assert answer.result() == [images[index][0] for index in range(start, 240, 4)]


def test_a_process_that_forks_reads_through_what_was_open(built: Path) -> None:
    directory = BuildDirectory(built)
    instances = directory.instances()
    expected = read_some(directory, instances, 0)
    child = os.fork()
    if child == 0:
        os._exit(0 if read_some(directory, instances, 0) == expected else 1)
    assert read_some(directory, instances, 0) == expected
    assert os.waitpid(child, 0)[1] == 0


def test_a_build_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"format": 1, "files": {}}')
    with pytest.raises(BuildError, match=f"has build format 1, not {BUILD_FORMAT}: build it again"):
        BuildDirectory(tmp_path)


def test_a_directory_without_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="has no manifest"):
        BuildDirectory(tmp_path)


@pytest.mark.parametrize("url", ["s3://bucket/build", "file:///bucket/build"])
def test_a_url_is_refused_with_what_to_do(url: str) -> None:
    for path in (Path(url), Path(url).absolute()):
        with pytest.raises(BuildError, match="is a URL: copy the build to a directory"):
            BuildDirectory(path)


def test_a_build_whose_shard_was_cut_is_refused(tmp_path: Path, images: list[bytes]) -> None:
    with DirectoryWriter(tmp_path / "b", {"name": "cut"}) as writer:
        writer.add_image(images[0])
    shard = tmp_path / "b/images/cut-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(BuildError, match="cut-00000"):
        BuildDirectory(tmp_path / "b")


def test_a_copy_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, images: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with DirectoryWriter(tmp_path / "build", {"name": "drawn"}) as writer:
        writer.add_image(images[0])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(arrow_cache, "commit_file", full)
    with pytest.raises(BuildError, match="No space left"):
        BuildDirectory(tmp_path / "build").table  # noqa: B018
    assert not list(tmp_path.rglob(".instances.arrow*"))


def test_a_changed_image_is_detected(tmp_path: Path, images: list[bytes]) -> None:
    with DirectoryWriter(tmp_path / "b", {"name": "changed"}) as writer:
        image_id = writer.add_image(images[0])
    shard = tmp_path / "b/images/changed-00000.parquet"
    shard.write_bytes(shard.read_bytes().replace(images[0], images[0][:-1] + b"!"))
    assert BuildDirectory(tmp_path / "b").image(image_id) != images[0]
    with pytest.raises(BuildError, match=image_id):
        BuildDirectory(tmp_path / "b", verify=True).image(image_id)


def test_images_whose_ids_have_a_common_prefix_are_distinguished(tmp_path: Path) -> None:
    ids = [f"{'ab' * 8}{number:048x}" for number in (3, 7, 9)]
    common = {"shard": "s-00000.parquet", "length": 9, "width": 4, "height": 2, "format": "png"}
    metadata = pa.Table.from_pylist(
        [
            {"id": name, "offset": n, "phash": 0, "colors": bytes(192), **common}
            for n, name in enumerate(ids)
        ],
        IMAGE_METADATA,
    )
    write_index(tmp_path / "images.index", metadata, np.array([0, 0, 2], np.int32))
    index = ImageIndex(tmp_path / "images.index")
    assert [index.locate(name).offset for name in ids] == [0, 1, 2]
    assert [index.group(name) for name in ids] == [ids[0], ids[0], ids[2]]
    with pytest.raises(BuildError, match="no image"):
        index.locate(f"{'ab' * 8}{5:048x}")


def test_an_unknown_image_is_refused(built: Path) -> None:
    with pytest.raises(BuildError, match="no image"):
        BuildDirectory(built).image("f" * 64)
    with pytest.raises(BuildError, match="no image"):
        BuildDirectory(built).image("0" * 64)


def test_the_documentation_names_every_reason_and_column() -> None:
    docs = Path(__file__).parents[2] / "docs"
    page = (docs / "build-directory.md").read_text() + (docs / "vocabulary.md").read_text()
    for reason, meaning in DROPPED.items():
        assert f"| `{reason}` | {meaning} |" in page
    for reason, meaning in NOTES.items():
        assert f"| `{reason}` (note) | {meaning} |" in page
    for column in [*INSTANCES.names, *IMAGES.names, *LEDGER.names]:
        assert f"`{column}`" in page
