"""Only what can change a build counts toward its fingerprint, and a refusal names what differs."""

import os
import shutil
import sys
import tarfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import visionflan
from tests.helpers.board import BOARD_FILE, MakeBoard, row_of
from visionflan import catalog
from visionflan.atomic_write import write_text
from visionflan.builder.image_workers import check_source
from visionflan.builder.plan import BuildSettings
from visionflan.builder.preview import sample_previews
from visionflan.builder.run import build
from visionflan.builder.source_fingerprint import (
    RESOURCES,
    BuildFingerprint,
    DatasetFingerprint,
    code_files,
    release_digest,
)
from visionflan.dataset_files import dataset_files
from visionflan.errors import BuildError
from visionflan.image_sources import open_archive
from visionflan.plugins import Plugin

PACKAGE = Path(visionflan.__file__).parent


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the package, so that a test can edit the code that is fingerprinted."""
    copy = tmp_path / "package/visionflan"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "datasets"))
    monkeypatch.setattr(visionflan, "__file__", str(copy / "__init__.py"))
    return copy


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Add a loose dataset file that a test can edit."""
    file = tmp_path / "board.py"
    shutil.copy(BOARD_FILE, file)
    monkeypatch.setattr(catalog, "loose_files", {"board": file})
    catalog.load.cache_clear()
    return file


def append_comment(path: Path) -> None:
    path.write_text(path.read_text() + "\n# A comment.\n")


@pytest.mark.parametrize(
    "name",
    [
        "quickstart.py",
        "cli/build.py",
        "drawing/icons/vehicles.py",
        "specimens/__init__.py",
        "catalog.py",
        "authoring/lint.py",
        "builder/summary.py",
        "storage/directory.py",
    ],
)
def test_editing_unrelated_code_does_not_block_a_complete_build(
    make: MakeBoard, package: Path, name: str
) -> None:
    first = make([row_of(0)], 1).manifest
    append_comment(package / name)
    settings = BuildSettings(tasks=("board",), hold_out_images=0.0)
    root = package.parents[1]
    assert build(root / "data", root / "out", settings, workers=1) == first


@pytest.mark.parametrize(
    "name", ["layouts/__init__.py", "storage/schema.py", "builder/sampling.py", "prompt.py"]
)
def test_editing_code_of_builds_is_reported_as_such(
    make: MakeBoard, package: Path, name: str
) -> None:
    make([row_of(0)], 1)
    append_comment(package / name)
    root = package.parents[1]
    settings = BuildSettings(tasks=("board",), hold_out_images=0.0)
    with pytest.raises(BuildError, match=r"^the code of visionflan changed since .*/out was built"):
        build(root / "data", root / "out", settings, workers=1)


def test_editing_a_dataset_file_is_reported_as_such(
    make: MakeBoard, files: Path, tmp_path: Path
) -> None:
    make([row_of(0)], 1)
    append_comment(files)
    settings = BuildSettings(tasks=("board",), hold_out_images=0.0)
    with pytest.raises(BuildError, match=r"^the dataset file board changed since"):
        build(tmp_path / "data", tmp_path / "out", settings, workers=1)


def fingerprint(**changes: Any) -> BuildFingerprint:
    boards = {"board": DatasetFingerprint(["ask"], "file", "release")}
    settings = {"seed": 0, "hold_out_official": False, "phrasings": "first"}
    first = BuildFingerprint({**settings, "prompt_style": "visionflan"}, "code", boards)
    return first._replace(**changes)


def part_digests(fingerprint: BuildFingerprint) -> dict[str, str]:
    return {
        name: fingerprint.part_digest(name, dict.fromkeys(dataset.tasks, 10))
        for name, dataset in fingerprint.datasets.items()
    }


@pytest.mark.parametrize(
    ("changes", "description"),
    [
        ({"code": "other"}, ["the code of visionflan"]),
        ({"datasets": {}}, ["which datasets are built (board)"]),
        (
            {"datasets": {"board": DatasetFingerprint(["ask"], "other", "release")}},
            ["the dataset file board"],
        ),
        (
            {"datasets": {"board": DatasetFingerprint(["ask", "count"], "other", "release")}},
            ["the dataset file board"],
        ),
        (
            {"datasets": {"board": DatasetFingerprint(["ask", "count"], "file", "release")}},
            ["the tasks of board"],
        ),
        (
            {"datasets": {"board": DatasetFingerprint(["ask"], "other", "new")}},
            ["the dataset file board", "the release board"],
        ),
        ({}, []),
    ],
)
def test_each_cause_has_its_description(changes: dict[str, Any], description: list[str]) -> None:
    later = fingerprint(**changes)
    assert later.changes_since(fingerprint()) == description
    assert (part_digests(later) == part_digests(fingerprint())) == (not description)


def test_a_fingerprint_is_stored_as_json() -> None:
    assert BuildFingerprint.from_json(fingerprint().as_json()) == fingerprint()
    changed = {**fingerprint().settings, "seed": 1}
    assert fingerprint(settings=changed).differing_settings(fingerprint()) == ["seed"]


def test_a_plugin_counts_with_the_modules_that_it_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = tmp_path / "toylab"
    (lab / "datasets").mkdir(parents=True)
    for name in ("__init__", "datasets/__init__", "unused"):
        (lab / f"{name}.py").write_text("")
    (lab / "rows.py").write_text("from . import words\n")
    (lab / "words.py").write_text("import json\n")
    board = BOARD_FILE.read_text().replace("import io", "import io\nfrom toylab import rows")
    (lab / "datasets/board.py").write_text(board)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(
        catalog.DATASETS, "installed", {"toy_board": Plugin("toylab.datasets.board", "lab")}
    )
    catalog.load.cache_clear()
    names = {str(path.relative_to(tmp_path)) for path in dataset_files("toy_board")}
    assert names == {"toylab/datasets/board.py", "toylab/__init__.py"} | {
        f"toylab/{name}.py" for name in ("rows", "words")
    }
    catalog.load.cache_clear()


def test_a_plugin_whose_first_task_is_defined_in_another_module_counts_with_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = tmp_path / "tasklab"
    lab.mkdir()
    (lab / "__init__.py").write_text("")
    (lab / "questions.py").write_text(
        "from visionflan.dataset import Example\n\n\n"
        "def say_yes(row):\n    return Example(image=row.images, target='yes')\n"
    )
    head, ask, tail = BOARD_FILE.read_text().partition('@dataset.task("Say what')
    declared = 'dataset.task("Say yes.", title="Yes", category="Perception")(say_yes)\n\n\n'
    imported = "from tasklab.questions import say_yes\n"
    (lab / "board.py").write_text(f"{head}{imported}{declared}{ask}{tail}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(
        catalog.DATASETS, "installed", {"task_board": Plugin("tasklab.board", "lab")}
    )
    catalog.load.cache_clear()
    names = {path.name for path in dataset_files("task_board")}
    assert names == {"board.py", "questions.py"}
    catalog.load.cache_clear()


def test_a_loose_file_counts_with_the_modules_next_to_it(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (files.parent / "board_words.py").write_text("import json\nimport board_names\n")
    (files.parent / "board_names.py").write_text("")
    files.write_text(files.read_text().replace("import io", "import io\nimport board_words", 1))
    monkeypatch.syspath_prepend(files.parent)
    names = {path.name for path in dataset_files("board")}
    assert names == {"board.py", "board_words.py", "board_names.py"}


def test_reading_a_database_does_not_change_its_release(tmp_path: Path) -> None:
    for name in ("data.mdb", "lock.mdb"):
        write_text(tmp_path / "bedroom_train_lmdb" / name, name)
    before = release_digest(tmp_path)
    os.utime(tmp_path / "bedroom_train_lmdb/lock.mdb", (1, 1))
    assert release_digest(tmp_path) == before
    os.utime(tmp_path / "bedroom_train_lmdb/data.mdb", (1, 1))
    assert release_digest(tmp_path) != before


def test_every_resource_is_either_counted_or_known_not_to_change_builds() -> None:
    names = {path.name for path in (PACKAGE / "resources").iterdir() if path.suffix == ".tsv"}
    assert names == {*RESOURCES, "official_tasks.tsv", "overlaps.tsv"}


@pytest.fixture
def closed_archives(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close the tar archives that stay open for the next image, those of other tests too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        open_archive.cache_clear()
    opened: list[tarfile.TarFile] = []
    open_tar = tarfile.open

    def record(*args: Any, **options: Any) -> tarfile.TarFile:
        opened.append(open_tar(*args, **options))
        return opened[-1]

    monkeypatch.setattr(tarfile, "open", record)
    yield
    open_archive.cache_clear()
    for archive in opened:
        archive.close()


@pytest.mark.usefixtures("closed_archives")
@pytest.mark.parametrize("name", catalog.names())
def test_the_code_that_reads_a_release_is_counted(name: str, tmp_path: Path) -> None:
    """Run reader, tasks, rendering and image checks, and record the files of called functions."""
    dataset = catalog.load(name)
    dataset.write_specimen(tmp_path / name, 4)
    called: set[str] = set()
    sys.setprofile(lambda frame, event, _: called.add(frame.f_code.co_filename))
    try:
        for task in dataset.tasks:
            assert sample_previews(name, task, tmp_path / name, 2).previews
        for task in dataset.tasks:
            for example in dataset.examples(task, tmp_path / name):
                for image in example.images:
                    check_source(image)
    finally:
        sys.setprofile(None)
    ours = {Path(file) for file in called if file.startswith(f"{PACKAGE}/")}
    finders = {
        PACKAGE / name for name in ("catalog.py", "plugins.py", "builder/preview.py", "errors.py")
    }
    assert ours - finders <= {*code_files(), *dataset_files(name)}
