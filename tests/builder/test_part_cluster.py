"""What one machine of a cluster cannot write ends the build, after the parts of all others."""

import shutil
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.board import BOARD_FILE, files_of, row_of, write_board
from visionflan import catalog
from visionflan.builder import dataset_builder, part_cluster, part_processes
from visionflan.builder.part_job import PartJob
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.errors import BuildError

NAMES = ("board", "other", "twin")
SETTINGS = BuildSettings(tasks=NAMES)


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write three releases; threads stand in for the machines of a cluster."""
    files = {name: tmp_path / f"{name}.py" for name in NAMES}
    for name, file in files.items():
        shutil.copy(BOARD_FILE, file)
        write_board(tmp_path / "data" / name, [row_of(n) for n in range(4)], 4)
    monkeypatch.setattr(catalog, "loose_files", files)
    catalog.load.cache_clear()
    monkeypatch.setattr(part_cluster, "open_executor", lambda jobs, address: ThreadPoolExecutor(1))
    return tmp_path / "data"


@pytest.mark.parametrize("in_store", [False, True], ids=["shared", "store"])
def test_a_full_disk_of_one_machine_costs_no_other_dataset(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_store: bool
) -> None:
    full = {"board"}
    built: list[str] = []

    def build_or_fail(job: PartJob, *arguments: Any) -> Any:
        if job.name in full:
            raise OSError(28, "No space left on device", "/disk/board/instances.parquet")
        built.append(job.name)
        return dataset_builder.build_part(job, *arguments)

    monkeypatch.setattr(part_processes, "build_part", build_or_fail)
    out = f"file://{tmp_path}/out" if in_store else tmp_path / "out"
    with pytest.raises(BuildError) as raised:
        build(data, out, SETTINGS, ray_address="auto")
    assert str(raised.value) == (
        f"board was not built on the machine {socket.gethostname()}: No space left on device: "
        "/disk/board/instances.parquet; free some space there or name another --scratch, and run "
        "the same command again, which reuses what was finished"
    )
    assert built == ["other", "twin"]
    assert not (tmp_path / "out/manifest.json").exists()
    full.clear()
    build(data, out, SETTINGS, ray_address="auto")
    assert built == ["other", "twin", "board"]
    build(data, tmp_path / "clean", SETTINGS, workers=1)
    assert files_of(tmp_path / "out") == files_of(tmp_path / "clean")


def test_further_datasets_are_named(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(job: PartJob, *arguments: Any) -> Any:
        raise OSError(28, "No space left on device", "/disk")

    monkeypatch.setattr(part_processes, "build_part", fail)
    with pytest.raises(BuildError, match=r"\(nor were other, twin, on this or other machines\)$"):
        build(data, tmp_path / "out", SETTINGS, ray_address="auto")


def test_a_machine_without_the_directories_is_named(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_remotely = part_cluster.run_remotely

    def without_data(job: PartJob, files: tuple[Path, ...]) -> Any:
        return run_remotely(job._replace(data_root=tmp_path / "nowhere"), files)

    monkeypatch.setattr(part_cluster, "run_remotely", without_data)
    with pytest.raises(
        BuildError, match=r"a machine of the Ray cluster has no .*nowhere: the data"
    ):
        build(data, tmp_path / "out", SETTINGS, ray_address="auto")
