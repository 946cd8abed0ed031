"""A build that is killed at any moment leaves nothing that looks complete, and is resumed."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.helpers.board import BOARD_FILE, board_image, files_of, row_of, upside_down, write_board
from tests.helpers.child_processes import alive, children, wait_for
from visionflan import atomic_write, catalog
from visionflan.builder import assemble, parts
from visionflan.builder.chunk_processes import ChunkProcesses
from visionflan.builder.image_chunks import ImageChunk
from visionflan.builder.output_dir import lock_output_dir
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.errors import BuildError
from visionflan.storage import image_shards
from visionflan.storage.directory import BuildDirectory

SETTINGS = BuildSettings(tasks=("board", "twin"), max_per_task=25, hold_out_images=0.2)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make small builds have many shards."""
    monkeypatch.setattr(image_shards, "GROUP_IMAGES", 4)
    monkeypatch.setattr(image_shards, "SHARD_BYTES", 20_000)


def write_releases(directory: Path, patch: pytest.MonkeyPatch) -> Path:
    """Write two releases of which the second uses images of the first."""
    files = {name: directory / f"{name}.py" for name in ("board", "twin")}
    for file in files.values():
        shutil.copy(BOARD_FILE, file)
    patch.setattr(catalog, "loose_files", files)
    catalog.load.cache_clear()
    rows: list[dict[str, Any] | str] = [row_of(n) for n in range(36)]
    write_board(directory / "data/board", [*rows, "{broken", row_of(99)], 36)
    for number in (3, 21, 33):  # stored otherwise than released, with a note
        (directory / f"data/board/images/{number}.jpg").write_bytes(upside_down(number))
    shared = [row_of(n, key=f"s{n}", images=[f"../board/images/{n}.jpg"]) for n in range(20, 30)]
    write_board(directory / "data/twin", [*rows[:20], *shared], 20)
    return directory / "data"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return two releases, which a test may change."""
    return write_releases(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files of a build that nothing stopped."""
    directory = tmp_path_factory.mktemp("clean")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_shards, "GROUP_IMAGES", 4)
        patch.setattr(image_shards, "SHARD_BYTES", 20_000)
        data = write_releases(directory, patch)
        build(data, directory / "out", SETTINGS, workers=1)
    catalog.load.cache_clear()
    return files_of(directory / "out")


def looks_complete(path: Path) -> bool:
    """Return whether a directory opens as a build; then all its images must be readable."""
    try:
        directory = BuildDirectory(path, verify=True)
    except BuildError:
        return False
    for images in directory.instances().column("images"):
        for image in images:
            directory.image(image)
    shutil.rmtree(path / ".cache", ignore_errors=True)
    return True


def test_a_build_that_stops_at_any_file_ends_the_same(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two shards of a dataset have each kind of file; more would only repeat them.
    monkeypatch.setattr(image_shards, "GROUP_IMAGES", 12)
    monkeypatch.setattr(image_shards, "SHARD_BYTES", 60_000)
    build(data, tmp_path / "clean", SETTINGS, workers=1)
    clean, out = files_of(tmp_path / "clean"), tmp_path / "out"
    stops = 0
    for stop_at in range(1, 200, 2):
        if not stopped_at(stop_at, data, out):
            break
        stops += 1
        assert not looks_complete(out)
        build(data, out, SETTINGS, workers=1)
        assert looks_complete(out)
        assert files_of(out) == clean
        shutil.rmtree(out)
    assert stops > 12


def stopped_at(count: int, data: Path, out: Path) -> bool:
    """Build in processes that are killed at the n-th file; return whether they were."""
    left, child = multiprocessing.Value("i", count), os.fork()
    if child == 0:
        real, builder = atomic_write.commit_file, os.getpid()

        def kill_at_count(temporary: Path, path: Path) -> None:
            left.value -= 1
            if left.value == 0:
                os.kill(builder, signal.SIGKILL)
                os.kill(os.getpid(), signal.SIGKILL)
            real(temporary, path)

        for module in (atomic_write, parts, image_shards, assemble):
            setattr(module, "commit_file", kill_at_count)  # noqa: B010 - the child alone writes through this one
        build(data, out, SETTINGS, workers=1)
        os._exit(0)
    return os.waitpid(child, 0)[1] != 0


def test_a_build_killed_at_random_moments_ends_the_same(
    clean: dict[str, bytes], tmp_path: Path, data: Path
) -> None:
    context, out = multiprocessing.get_context("fork"), tmp_path / "out"
    workers, complete_out = {"workers": 2}, tmp_path / "complete"
    complete = context.Process(target=build, args=(data, complete_out, SETTINGS), kwargs=workers)
    start_time = time.monotonic()
    complete.start()
    complete.join(60)
    duration = time.monotonic() - start_time
    assert files_of(complete_out) == clean
    for fraction in (0.2, 0.4, 0.6, 0.8):
        killed = context.Process(target=build, args=(data, out, SETTINGS), kwargs=workers)
        killed.start()
        killed.join(fraction * duration)
        killed.kill()
        killed.join()
        looks_complete(out)
    build(data, out, SETTINGS, workers=2)
    assert looks_complete(out)
    assert files_of(out) == clean


def stopped_after(shards: int, data: Path, out: Path) -> int:
    """Stop a build after some shards; return the number of images in them."""
    receive, assigned = ChunkProcesses.receive, ChunkProcesses.assign
    numbers: list[int] = []

    def note(self: ChunkProcesses, chunk: ImageChunk) -> None:
        numbers.append(chunk.number)
        assigned(self, chunk)

    def stop(self: ChunkProcesses, *arguments: Any) -> None:
        receive(self, *arguments)
        if len(numbers) == shards and not self.working:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ChunkProcesses, "receive", stop)
        patch.setattr(ChunkProcesses, "assign", note)
        with pytest.raises(KeyboardInterrupt):
            build(data, out, SETTINGS, workers=1)
    return sum(pq.read_metadata(path).num_rows for path in out.rglob("metadata-*"))


def test_finished_shards_are_not_checked_again(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = stopped_after(3, data, tmp_path / "out")
    checked: list[object] = []
    assign = ChunkProcesses.assign

    def count(self: ChunkProcesses, chunk: ImageChunk) -> None:
        checked.extend(chunk.images)
        assign(self, chunk)

    monkeypatch.setattr(ChunkProcesses, "assign", count)
    build(data, tmp_path / "out", SETTINGS, workers=1)
    resumed = len(checked)
    build(data, tmp_path / "clean", SETTINGS, workers=1)
    assert len(checked) - resumed == resumed + written
    assert written > 5


def test_an_image_changed_in_place_is_checked_again(tmp_path: Path, data: Path) -> None:
    stopped_after(3, data, tmp_path / "out")
    for number in range(36):
        (data / f"board/images/{number}.jpg").write_bytes(board_image(200 + number))
    resumed = build(data, tmp_path / "out", SETTINGS, workers=1)
    clean = build(data, tmp_path / "clean", SETTINGS, workers=1)
    assert resumed["digest"] == clean["digest"]


def test_a_release_that_changed_between_two_runs_is_read_again(tmp_path: Path, data: Path) -> None:
    stopped_after(3, data, tmp_path / "out")
    rows: list[dict[str, Any] | str] = [row_of(n, text="Another?") for n in range(36)]
    write_board(data / "board", rows)
    resumed = build(data, tmp_path / "out", SETTINGS, workers=1)
    build(data, tmp_path / "clean", SETTINGS, workers=1)
    assert resumed["digest"] == BuildDirectory(tmp_path / "clean").digest
    assert files_of(tmp_path / "out") == files_of(tmp_path / "clean")


def test_a_build_that_is_fixed_does_not_look_complete_meanwhile(
    clean: dict[str, bytes], tmp_path: Path, data: Path
) -> None:
    (data / "twin/rows.jsonl").rename(data / "twin/rows")
    datasets = build(data, tmp_path / "out", SETTINGS, workers=1)["datasets"]
    assert datasets["twin"]["status"] == "failed"
    assert looks_complete(tmp_path / "out")
    (data / "twin/rows").rename(data / "twin/rows.jsonl")
    stopped_after(1, data, tmp_path / "out")
    assert not looks_complete(tmp_path / "out")
    build(data, tmp_path / "out", SETTINGS, workers=1)
    assert files_of(tmp_path / "out") == clean


def test_a_shard_that_went_away_is_written_again(
    clean: dict[str, bytes], tmp_path: Path, data: Path
) -> None:
    stopped_after(3, data, tmp_path / "out")
    (tmp_path / "out/images/board-00001.parquet").unlink()
    build(data, tmp_path / "out", SETTINGS, workers=1)
    assert files_of(tmp_path / "out") == clean


def test_two_builds_do_not_write_into_one_directory(tmp_path: Path, data: Path) -> None:
    with lock_output_dir(tmp_path / "out"):
        child = os.fork()
        if child == 0:
            try:
                build(data, tmp_path / "out", SETTINGS, workers=1)
            except BuildError as error:
                os._exit(0 if "another build is writing" in str(error) else 1)
            os._exit(2)
        assert os.waitpid(child, 0)[1] == 0


def test_no_worker_outlives_a_killed_build(tmp_path: Path, data: Path) -> None:
    lines = (data / "board/rows.jsonl").read_text()
    hang = lines.replace("images/5.jpg", "rows.jsonl#hang")
    (data / "board/rows.jsonl").write_text(hang)
    killed = multiprocessing.get_context("fork").Process(
        target=build, args=(data, tmp_path / "out", SETTINGS), kwargs={"workers": 2}
    )
    killed.start()
    workers = wait_for(lambda: children(killed.pid), "workers")
    killed.kill()
    killed.join()
    wait_for(lambda: not any(alive(worker) for worker in workers), "the end of the workers")


def test_an_interrupted_build_says_one_sentence(tmp_path: Path, data: Path) -> None:
    lines = (data / "board/rows.jsonl").read_text()
    (data / "board/rows.jsonl").write_text(lines.replace("images/5.jpg", "rows.jsonl#hang"))
    script = "import sys; from visionflan.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", script, "build", "--data-root", str(data)]
    command += ["--dataset-file", str(catalog.loose_files["board"]), "--tasks", "board"]
    command += ["--out", str(tmp_path / "out"), "--workers", "2"]
    stopped = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_for(lambda: children(stopped.pid, at_least=1), "the process that checks the image")
    time.sleep(0.5)
    os.killpg(stopped.pid, signal.SIGINT)
    _, errors = stopped.communicate(timeout=30)
    assert stopped.returncode == 130
    assert errors == "interrupted; run the same command again to resume.\n"


@pytest.mark.parametrize("whole_group", [False, True])
def test_sigterm_ends_a_command_as_an_interrupt_does(tmp_path: Path, whole_group: bool) -> None:
    command = [sys.executable, "-m", "visionflan", "build", "--demo", "--tasks", "vi*/*"]
    command += ["--out", str(tmp_path / "out"), "--workers", "2"]
    (tmp_path / "temporary").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "temporary")}
    stopped = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    workers = wait_for(lambda: children(stopped.pid), "workers")
    assert list((tmp_path / "temporary").iterdir())
    (os.killpg if whole_group else os.kill)(stopped.pid, signal.SIGTERM)
    _, errors = stopped.communicate(timeout=60)
    assert stopped.returncode == 128 + signal.SIGTERM
    assert errors.endswith("interrupted; run the same command again to resume.\n")
    assert list((tmp_path / "temporary").iterdir()) == []
    wait_for(lambda: not any(alive(worker) for worker in workers), "the end of the workers")
