"""Releases in a store: what changed is noticed, and all that rows name is copied."""

import errno
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.board import BOARD_FILE, board_image, files_of
from tests.helpers.faulty_store import FaultyStore
from tests.helpers.store_builds import DATA, OUT, SETTINGS, build_files, build_in_store
from visionflan.builder import part_processes, staging
from visionflan.builder.decontamination.references import Decontamination, folder_reference
from visionflan.builder.part_job import PartJob
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.errors import BuildError
from visionflan.stores.file_store import FileStore


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
