"""A build whose releases or files are in a store is the build of directories."""

import errno
import json
import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.board import BOARD_FILE, board_image, files_of, row_of, write_board
from tests.helpers.faulty_store import FaultyStore, Outage, faulty_store
from visionflan import catalog
from visionflan.builder import dataset_builder, part_processes, staging
from visionflan.builder.assemble import assemble
from visionflan.builder.build_output import STORE_LOCK
from visionflan.builder.dataset_builder import PartJob
from visionflan.builder.decontamination.references import Decontamination, folder_reference
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.cli.main import main
from visionflan.errors import BuildError
from visionflan.storage import image_shards
from visionflan.stores.file_store import FileStore
from visionflan.stores.lock import LockOwner
from visionflan.stores.patience import StoreError

NAMES = ("board", "twin")
SETTINGS = BuildSettings(tasks=NAMES, hold_out_images=0.2)
DATA, OUT = "faulty://bucket/data", "faulty://bucket/out"


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write two releases, of which the second has images of the first."""
    root = tmp_path_factory.mktemp("releases")
    write_board(root / "board", [row_of(n) for n in range(8)], 8)
    write_board(root / "twin", [row_of(n) for n in range(4, 12)], 12)
    return root


@pytest.fixture(autouse=True)
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the datasets to the catalog, and make small builds have several shards."""
    monkeypatch.setattr(image_shards, "GROUP_IMAGES", 4)
    monkeypatch.setattr(image_shards, "SHARD_BYTES", 8_000)
    files = {name: tmp_path / f"{name}.py" for name in NAMES}
    for file in files.values():
        shutil.copy(BOARD_FILE, file)
    monkeypatch.setattr(catalog, "loose_files", files)
    catalog.load.cache_clear()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()


@pytest.fixture(scope="module")
def clean(
    releases: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], dict[str, bytes]]:
    """Return a function that returns the files of a build in a directory."""
    known: dict[str, bytes] = {}

    def files() -> dict[str, bytes]:
        if not known:
            out = tmp_path_factory.mktemp("clean") / "out"
            build(releases, out, SETTINGS, workers=1)
            known.update(files_of(out))
        return known

    return files


@pytest.fixture
def store(releases: Path) -> Iterator[type[FaultyStore]]:
    """Copy the releases into a store."""
    with faulty_store() as faulty:
        FaultyStore().put(f"{releases}/", "/bucket/data/", recursive=True)
        yield faulty


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the datasets whose parts are built from now on."""
    names: list[str] = []

    def record(job: PartJob, *arguments: Any) -> Any:
        names.append(job.name)
        return dataset_builder.build_part(job, *arguments)

    monkeypatch.setattr(part_processes, "build_part", record)
    return names


def build_in_store(**options: Any) -> dict[str, Any]:
    return build(DATA, OUT, options.pop("settings", SETTINGS), workers=1, **options)


def build_files(store: type[FaultyStore]) -> dict[str, bytes]:
    """Return the files of the build in the store, except hidden ones."""
    return {name: b for name, b in store.contents("bucket/out").items() if name[0] != "."}


def test_the_copies_of_a_process_that_died_are_removed(
    releases: Path,
    tmp_path: Path,
    clean: Callable[[], dict[str, bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build_part = dataset_builder.build_part

    def die(job: PartJob, *arguments: Any) -> Any:
        if job.name == "twin":
            os.kill(os.getpid(), signal.SIGKILL)
        return build_part(job, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(part_processes, "build_part", die)
        data, out = f"file://{releases}", f"file://{tmp_path}/out"
        twin = build(data, out, SETTINGS, workers=2)["datasets"]["twin"]
    assert twin["message"] == "the process that builds it was ended by SIGKILL"
    assert not list((tmp_path / "temporary").glob("visionflan*"))
    build(data, out, SETTINGS, workers=1)
    assert files_of(tmp_path / "out") == clean()


@pytest.mark.parametrize(("data_in", "out_in"), [(True, True), (True, False), (False, True)])
def test_processes_build_the_same_in_a_store(
    releases: Path,
    tmp_path: Path,
    clean: Callable[[], dict[str, bytes]],
    data_in: bool,
    out_in: bool,
) -> None:
    data = f"file://{releases}" if data_in else releases
    out = f"file://{tmp_path}/out" if out_in else tmp_path / "out"
    build(data, out, SETTINGS, workers=2)
    assert files_of(tmp_path / "out") == clean()
    assert not list((tmp_path / "temporary").glob("visionflan*"))


def test_a_complete_build_is_recognized(store: type[FaultyStore], built: list[str]) -> None:
    first = build_in_store()
    uploads = [path for name, path in store.calls if name == "put_file"]
    mark = uploads.index("/bucket/out/.parts/twin/part.json")
    assert not [path for path in uploads[mark + 1 :] if path == uploads[mark]]
    assert {"/bucket/out/.parts/twin/ledger.parquet", "/bucket/out/images/twin-00001.parquet"} <= {
        *uploads[:mark]
    }
    assert uploads[-1] == "/bucket/out/manifest.json"
    del built[:], store.calls[:]
    assert build_in_store() == first
    assert built == []
    assert not {name for name, path in store.calls if "/out/" in path and name == "put_file"}
    assert f"/bucket/out/{STORE_LOCK}" not in store.store


def test_a_changed_image_builds_its_dataset_again(
    store: type[FaultyStore], built: list[str], tmp_path: Path, releases: Path
) -> None:
    first = build_in_store()
    FaultyStore().pipe_file("/bucket/data/twin/images/11.jpg", board_image(50))
    with pytest.raises(BuildError, match=f"^the release twin changed since {OUT} was built"):
        build_in_store()
    del built[:], store.calls[:]
    assert build_in_store(update=True)["digest"] != first["digest"]
    assert built == ["twin"]
    # Nothing changes before what marks the build, and then the part, as complete is gone.
    changes = [path for name, path in store.calls if name in ("put_file", "rm_file")]
    assert changes[0] == "/bucket/out/manifest.json"
    assert next(path for path in changes if "twin" in path) == "/bucket/out/.parts/twin/part.json"
    shutil.copytree(releases, tmp_path / "data")
    (tmp_path / "data/twin/images/11.jpg").write_bytes(board_image(50))
    build(tmp_path / "data", tmp_path / "out", SETTINGS, workers=1)
    assert build_files(store) == files_of(tmp_path / "out")


def test_a_part_is_built_again_if_another_stored_its_images_and_changed(
    store: type[FaultyStore], built: list[str], tmp_path: Path, releases: Path
) -> None:
    build_in_store()
    shutil.copytree(releases, tmp_path / "data")
    rows = (tmp_path / "data/board/rows.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "data/board/rows.jsonl").write_bytes(b"".join(rows[:2]))
    FaultyStore().pipe_file("/bucket/data/board/rows.jsonl", b"".join(rows[:2]))
    del built[:]
    build_in_store(update=True)
    assert built == ["board", "twin"]
    build(tmp_path / "data", tmp_path / "out", SETTINGS, workers=1)
    assert build_files(store) == files_of(tmp_path / "out")


def test_a_store_that_is_out_of_order_for_a_while_fails_no_build(
    store: type[FaultyStore],
    clean: Callable[[], dict[str, bytes]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines: list[str] = []
    outages = {name: Outage(5) for name in ("find", "ls", "put_file", "rm_file", "to the task")}

    def fail_for_a_while(name: str, path: str) -> None:
        kind = "to the task" if name == "get_file" and "/data/" in path else name
        if kind in outages:
            outages[kind](name, path)

    store.before = fail_for_a_while
    build_in_store(log=lines.append)
    assert not any(outage.left for outage in outages.values())
    assert build_files(store) == clean()
    problem = ": ConnectionError: 503 Slow Down; trying again in"
    assert any(f"{DATA}{problem}" in line for line in lines)
    assert re.search(f"{DATA}/board/.*{problem}", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("start", "upload"),
    [
        (".parts/twin/part.json", 1),  # of a part that is all there
        ("images/twin-", 2),  # of a shard without the images of the first dataset
        (".parts/twin/metadata-", 2),  # of what is left in that shard
        ("images.index", 1),
        ("manifest.json", 1),
    ],
)
def test_a_build_that_ends_at_a_file_looks_incomplete_and_is_resumed(
    store: type[FaultyStore],
    clean: Callable[[], dict[str, bytes]],
    built: list[str],
    start: str,
    upload: int,
) -> None:
    uploads: Counter[str] = Counter()

    def fail_at_upload(operation: str, path: str) -> None:
        if operation == "put_file" and path.startswith(f"/bucket/out/{start}"):
            uploads[path] += 1
            if uploads[path] == upload:
                raise PermissionError("the key was withdrawn")

    store.before = fail_at_upload
    with pytest.raises(StoreError, match=f"^{OUT}/{start}.* cannot be read or written: Permission"):
        build_in_store()
    assert "manifest.json" not in build_files(store)
    store.before = lambda name, path: None
    del built[:]
    build_in_store()
    assert built == (["twin"] if start.startswith(".parts") else [])
    assert build_files(store) == clean()


def test_the_driver_has_no_images_on_its_disk(
    store: type[FaultyStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[tuple[int, int]] = []

    def look_first(out: Path, *arguments: Any, **options: Any) -> dict[str, Any]:
        statuses = [path.stat() for path in (out / "images").iterdir()]
        sizes.extend((status.st_size, status.st_blocks) for status in statuses)
        return assemble(out, *arguments, **options)

    monkeypatch.setattr("visionflan.builder.run.assemble", look_first)
    build_in_store()
    assert len(sizes) > 1
    assert all(size and not blocks for size, blocks in sizes)


def test_two_builds_into_one_url_are_refused_or_detected(store: type[FaultyStore]) -> None:
    other = LockOwner("elsewhere", "", 7, "2024-01-01", "other")
    FaultyStore().pipe_file(f"/bucket/out/{STORE_LOCK}", json.dumps(other._asdict()).encode())
    with pytest.raises(BuildError, match=f"^another build, process 7 on elsewhere .* to {OUT}: "):
        build_in_store()
    FaultyStore().rm_file(f"/bucket/out/{STORE_LOCK}")

    def take_over(name: str, path: str) -> None:
        if name == "put_file" and path.endswith("/images.index"):
            store.before = lambda name, path: None
            content = json.dumps(other._asdict()).encode()
            FaultyStore().pipe_file(f"/bucket/out/{STORE_LOCK}", content)

    store.before = take_over
    with pytest.raises(BuildError, match=f"^another build, process 7 on elsewhere .* took {OUT}"):
        build_in_store()
    assert "manifest.json" not in build_files(store)


def test_a_release_that_changes_meanwhile_fails(
    store: type[FaultyStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = staging.open_stage

    def change(job: PartJob) -> Any:
        if job.name == "twin":
            FaultyStore().pipe_file("/bucket/data/twin/rows.jsonl", b"")
        return stage(job)

    monkeypatch.setattr(part_processes, "open_stage", change)
    twin = build_in_store()["datasets"]["twin"]
    assert twin["message"] == f"{DATA}/twin changed while the build ran: run the same command again"


def test_copies_of_the_same_version_have_the_same_time(
    store: type[FaultyStore], tmp_path: Path
) -> None:
    """By size and time a resumed build recognizes files."""
    files = FileStore(f"{DATA}/board")

    def copy_time(directory: str) -> int:
        stored = files.list_files()["rows.jsonl"]
        staging.download_file(files, "rows.jsonl", tmp_path / directory / "rows.jsonl", stored)
        return (tmp_path / directory / "rows.jsonl").stat().st_mtime_ns

    first = copy_time("first")
    assert copy_time("again") == first
    FaultyStore().pipe_file("/bucket/data/board/rows.jsonl", b"")
    assert copy_time("changed") != first


def test_a_release_that_does_not_fit_on_the_disk_ends_the_build(
    store: type[FaultyStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(".")._replace(free=1_000)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    with pytest.raises(OSError, match="No space left on device") as raised:
        build_in_store()
    assert raised.value.errno == errno.ENOSPC


READS_NEIGHBOR = """
@dataset.reader
def read_with_images_of_board(root):
    for row in read(root):
        yield row._replace(images=tuple(root.parent / "board/images" / i.name for i in row.images))
"""


@pytest.mark.parametrize("declared", [True, False])
def test_releases_beside_that_of_a_dataset_are_copied_if_declared(
    store: type[FaultyStore], tmp_path: Path, releases: Path, declared: bool
) -> None:
    text = BOARD_FILE.read_text() + READS_NEIGHBOR
    if declared:
        text = text.replace('split_field="part",', 'split_field="part", neighbors=("board",),')
    (tmp_path / "twin.py").write_text(text)
    settings = BuildSettings(tasks=("twin",))
    manifest = build_in_store(settings=settings)
    if declared:
        build(releases, tmp_path / "out", settings, workers=1)
        assert build_files(store) == files_of(tmp_path / "out")
        FaultyStore().pipe_file("/bucket/data/board/images/5.jpg", board_image(50))
        with pytest.raises(BuildError, match=r"^the release twin changed"):
            build_in_store(settings=settings)
    else:
        assert manifest["datasets"]["twin"]["message"] == (
            f"rows name files in board, which is not copied from {DATA}: add it to `neighbors` of "
            "the dataset file"
        )


def test_images_are_compared_with_references_in_a_store(
    store: type[FaultyStore], tmp_path: Path, releases: Path
) -> None:
    (tmp_path / "mine").mkdir()
    for number in (3, 9):
        shutil.copy(releases / f"twin/images/{number}.jpg", tmp_path / "mine")

    def compared() -> Decontamination:
        return Decontamination(references=[folder_reference(tmp_path / "mine")])

    build(releases, tmp_path / "out", SETTINGS, workers=1, decontamination=compared())
    build_in_store(decontamination=compared())
    assert build_files(store) == files_of(tmp_path / "out")


def test_what_is_no_build_or_has_no_releases_is_named_by_its_url(store: type[FaultyStore]) -> None:
    FaultyStore().pipe_file("/bucket/mine/notes.txt", b"mine")
    with pytest.raises(BuildError, match=r"^faulty://bucket/mine is not empty and is not a build"):
        build(DATA, "faulty://bucket/mine", SETTINGS)
    with pytest.raises(BuildError, match="board, twin: not in faulty://bucket/none "):
        build("faulty://bucket/none", OUT, SETTINGS)
    with pytest.raises(
        BuildError, match=r"^one of .*bucket/data/ and .*/data/out/ is in the other"
    ):
        build(DATA, f"{DATA}/out", SETTINGS)
    assert store.contents("bucket/mine") == {"notes.txt": b"mine"}


def test_a_part_that_another_process_cannot_upload_is_noticed(
    store: type[FaultyStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_processes, "upload_part", lambda job, show: None)
    with pytest.raises(BuildError, match=f"^board was built but is not in {OUT}: all processes"):
        build_in_store()


def test_the_command_builds_in_a_store(
    store: type[FaultyStore], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["build", "--data-root", DATA, "--tasks", *NAMES, "--workers", "1", "--out", OUT]
    assert main([*command, "--scratch", str(tmp_path / "scratch")]) == 0
    printed = capsys.readouterr()
    assert f"{OUT}: see README.md" in printed.out
    assert sorted(line.partition(":")[0] for line in printed.err.splitlines()) == sorted(NAMES)
    assert not list((tmp_path / "scratch").glob("visionflan*"))
    assert main([*command, "--plan"]) == 2
    assert "`--plan` reads directories of this machine, not URLs" in capsys.readouterr().err
    local = ["build", "--data-root", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main([*local, "--scratch", str(tmp_path)]) == 2
    assert main([*command, "--decontaminate", "pope"]) == 2
    assert f"`--decontaminate pope` needs `--benchmark-root`: {DATA}" in capsys.readouterr().err
