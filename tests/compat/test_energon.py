"""Megatron-Energon loads an export as it is; its own `prepare` writes the same files."""

import io
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.helpers.small_exports import instances
from tests.helpers.stored_instances import INFO, draw_image, instance
from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.formats import webdataset
from visionflan.formats.base import ConversationRecord
from visionflan.formats.exporting import export
from visionflan.formats.importing import find_release, import_release
from visionflan.formats.shared.energon_index import DIRECTORY
from visionflan.formats.webdataset import ROLES
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Turn

energon = pytest.importorskip("megatron.energon")

pytestmark = pytest.mark.compat

PAGE = Path(__file__).parents[2] / "docs/formats.md"
FORMS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
NUM_MANY = 12  # images of an instance, so that the tenth is after the ninth
PATTERNS = ("--split-parts", "train:train-.*", "--split-parts", "val:held_out-.*")


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    """Write a build with conversations, a system prompt, and images of each file type."""
    directory = tmp_path_factory.mktemp("energon") / "build"
    with DirectoryWriter(directory, {"name": "drawn", "title": "Drawn"}) as writer:
        images = [
            writer.add_image(draw_image(number, FORMS[number % len(FORMS)]))
            for number in range(6 + NUM_MANY)
        ]
        writer.add_task("drawn/color", INFO)
        many = instance("many", tuple(images[6:]))
        system = (Turn("system", "Be brief.\nDo not guess."), *many.turns)
        for one in [*instances(images), many._replace(turns=system)]:
            writer.add_instance(one)
    return BuildDirectory(directory)


@pytest.fixture(scope="module")
def exported(build: BuildDirectory) -> Path:
    """Export the build, with one or two samples in an archive."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webdataset, "SHARD_BYTES", 4_000)
        export(build, build.path.with_name("export"), "webdataset")
    return build.path.with_name("export")


@pytest.fixture(scope="module")
def prepared(exported: Path) -> Path:
    """Return the archives alone, as `energon prepare` makes a dataset of them."""
    directory = exported.with_name("prepared")
    directory.mkdir()
    for path in exported.glob("*.tar"):
        shutil.copy(path, directory)
    prepare(directory, *PATTERNS)
    return directory


def prepare(directory: Path, *options: str) -> None:
    command = [str(Path(sys.executable).with_name("energon")), "prepare", str(directory)]
    command += ["--non-interactive", "--no-progress", "--num-workers", "1", *options]
    subprocess.run([*command, "--sample-type", "CrudeWebdataset"], check=True)


def task_encoder() -> Any:
    """Return the task encoder that the page on formats shows."""
    section = PAGE.read_text(encoding="utf-8").partition("### `webdataset`\n")[2]
    (code,) = re.findall(r"```python\n(.*?)```", section.partition("\n### ")[0], re.DOTALL)
    names: dict[str, Any] = {"__name__": "page"}
    exec(code, names)
    return names["TaskEncoder"]()


def load(directory: Path, split: str) -> Iterator[Any]:
    """Yield the conversations of a split, each once."""
    config = energon.WorkerConfig(rank=0, world_size=1, num_workers=0)
    if split != "train":
        dataset = energon.get_val_dataset(
            directory,
            split_part=split,
            worker_config=config,
            batch_size=1,
            task_encoder=task_encoder(),
        )
        for batch in energon.get_loader(dataset):
            yield energon_sample(batch)
        return
    yield from energon.get_loader(
        energon.get_train_dataset(
            directory,
            worker_config=config,
            batch_size=None,
            shuffle_buffer_size=None,
            max_samples_per_sequence=None,
            repeat=False,
            task_encoder=task_encoder(),
        )
    )


def energon_sample(batch: Any) -> Any:
    """Return the only conversation of a batch."""
    batch.images, batch.turns, batch.system = batch.images[0], batch.turns[0], batch.system[0]
    return batch


def pixels(image: Image.Image) -> tuple[str | None, str]:
    return image.format, sha256(image.convert("RGB").tobytes()).hexdigest()


@pytest.mark.parametrize(("part", "split"), [("train", "train"), ("val", "held_out")])
def test_each_conversation_is_loaded(
    build: BuildDirectory, exported: Path, part: str, split: str
) -> None:
    loaded = sorted(
        (
            sample.system,
            [(turn["from"], turn["value"]) for turn in sample.turns],
            list(map(pixels, sample.images)),
        )
        for sample in load(exported, part)
    )
    expected = sorted(
        (
            one.system,
            [(ROLES[turn.role], turn.text) for turn in one.exchanges],
            [pixels(Image.open(io.BytesIO(build.image(image)))) for image in one.images],
        )
        for one in build.instances()
        if one.split == split
    )
    assert loaded == expected
    assert len(loaded) > 1


def test_the_split_for_tests_is_empty(exported: Path) -> None:
    from megatron.energon.flavors import EmptyDatasetError

    with pytest.raises(EmptyDatasetError):
        list(load(exported, "test"))


def test_prepare_writes_the_same_files(exported: Path, prepared: Path) -> None:
    from megatron.energon.epathlib import EPath
    from megatron.energon.eyaml import load_yaml
    from megatron.energon.flavors.webdataset.metadata import WebdatasetMeta

    names = sorted(path.name for path in prepared.glob("*.tar"))
    assert len(names) > 3
    for name in names:
        index = (exported / f"{name}.idx").read_bytes()
        assert index == (prepared / f"{name}.idx").read_bytes()
    infos = [
        json.loads((one / DIRECTORY / ".info.json").read_bytes()) for one in (exported, prepared)
    ]
    assert infos[0] == infos[1]
    types = [
        load_yaml((one / DIRECTORY / "dataset.yaml").read_bytes()) for one in (exported, prepared)
    ]
    assert types[0] == types[1]
    for part in ("train", "val"):
        own, theirs = (
            WebdatasetMeta.from_config(EPath(one), split_part=part) for one in (exported, prepared)
        )
        assert sorted(own.split_part_files) == sorted(theirs.split_part_files)
        assert own.sample_excludes == theirs.sample_excludes == set()
    assert index_of(exported) == index_of(prepared)
    files = [{path.name for path in (one / DIRECTORY).iterdir()} for one in (exported, prepared)]
    assert files[0] == files[1]


def index_of(directory: Path) -> tuple[Any, ...]:
    """Return the tables of an index, and its rows with the names of the archives."""
    info = json.loads((directory / DIRECTORY / ".info.json").read_bytes())
    names = list(info["shard_counts"])
    with closing(sqlite3.connect(directory / DIRECTORY / "index.sqlite")) as database:
        tables = database.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        rows = [
            sorted(
                (names[number], *row) for number, *row in database.execute(f"SELECT * FROM {name}")
            )
            for name in ("samples", "sample_parts")
        ]
    return {name: re.sub(r"\s+", "", sql or "") for name, sql in tables}, rows


def test_members_are_found_by_their_names(build: BuildDirectory, exported: Path) -> None:
    from megatron.energon.cache.file_store import WebdatasetFileStore
    from megatron.energon.epathlib import EPath

    store = WebdatasetFileStore(EPath(exported))
    many = next(one for one in build.instances() if one.key == "many")
    (key,) = (
        name.partition(".")[0]
        for name, *_ in store.list_all_sample_parts()
        if f".{NUM_MANY - 1}." in name
    )
    parts = [name for name, *_ in store.list_sample_parts(key)]
    contents = {part: store[f"{key}.{part}"][0] for part in parts}
    assert json.loads(contents.pop("json"))["id"] == many.id
    assert [sha256(content).hexdigest() for content in contents.values()] == list(many.images)


def test_what_energon_trains_on_is_imported(exported: Path, tmp_path: Path) -> None:
    for number, path in enumerate(sorted(exported.glob("train-*.tar"))):
        shutil.copy(path, tmp_path / f"shard_{number:03}.tar")
    prepare(tmp_path, "--split-ratio", "4,1,1")
    splits = (tmp_path / DIRECTORY / "split.yaml").read_text()
    assert "{" in splits, "no archive is named by braces"
    release = find_release(tmp_path)
    records = [one for one in release.conversations() if isinstance(one, ConversationRecord)]
    imported = sorted([turn.text for turn in one.turns] for one in records)
    loaded = sorted(
        [*filter(None, [one.system]), *(turn["value"] for turn in one.turns)]
        for one in load(tmp_path, "train")
    )
    assert 0 < len(loaded) < sum(1 for _ in load(exported, "train"))
    assert imported == loaded


def test_a_prepared_export_is_imported(
    build: BuildDirectory, prepared: Path, tmp_path: Path
) -> None:
    import_release(find_release(prepared), tmp_path / "build", name="again")
    again = BuildDirectory(tmp_path / "build", verify=True)
    assert {(one.id, one.split, one.turns, one.images) for one in again.instances()} == {
        (one.id, one.split, one.turns, one.images) for one in build.instances()
    }
