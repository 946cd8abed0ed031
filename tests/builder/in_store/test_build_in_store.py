"""A build whose releases or files are in a store is the build of directories."""

import json
import os
import re
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.board import files_of
from tests.helpers.faulty_store import FaultyStore, Outage
from tests.helpers.store_builds import DATA, NAMES, OUT, SETTINGS, build_files, build_in_store
from visionflan.builder import dataset_builder, part_processes
from visionflan.builder.assemble import assemble
from visionflan.builder.build_output import STORE_LOCK
from visionflan.builder.part_job import PartJob
from visionflan.builder.run import build
from visionflan.cli.main import main
from visionflan.errors import BuildError
from visionflan.stores.lock import LockOwner
from visionflan.stores.patience import StoreError


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


def test_what_is_no_build_or_has_no_releases_is_named_by_its_url(store: type[FaultyStore]) -> None:
    FaultyStore().pipe_file("/bucket/mine/notes.txt", b"mine")
    with pytest.raises(BuildError, match=r"^faulty://bucket/mine is not empty and is not a build"):
        build(DATA, "faulty://bucket/mine", SETTINGS)
    with pytest.raises(
        BuildError, match=r"^faulty://bucket/none is empty or does not exist: name the directory th"
    ):
        build("faulty://bucket/none", OUT, SETTINGS)
    with pytest.raises(BuildError, match=r"^faulty://bucket/mine has no release, only notes\.txt:"):
        build("faulty://bucket/mine", OUT, SETTINGS)
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
