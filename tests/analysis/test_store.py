"""A store of steps is created once, and refused where it is something else or damaged."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import rmtree

import pytest

from tests.helpers.toy_steps import SumStep, result, run
from visionflan.analysis.execute import steps_to_run
from visionflan.analysis.store import Store
from visionflan.errors import AnalysisError


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"format": 0}', "is a store of format 0, and this version of visionflan writes format 1"),
        ("{", "is damaged"),
        ("[]", "is damaged"),
    ],
)
def test_a_store_of_another_version_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "store.json").write_text(content)
    with pytest.raises(AnalysisError, match=message):
        Store(tmp_path).open()


def test_a_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AnalysisError, match="file is a file: name a directory for the steps"):
        Store(tmp_path / "file").open()


def test_many_processes_may_create_a_store_at_once(tmp_path: Path) -> None:
    for attempt in range(20):
        stores = [Store(tmp_path / str(attempt)) for _ in range(8)]
        with ThreadPoolExecutor(len(stores)) as threads:
            list(threads.map(Store.open, stores))


@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_a_damaged_record_of_a_step_is_named(store: Store, content: str) -> None:
    step = SumStep(number=1)
    run(store, step)
    (store.directory(step) / "step.json").write_text(content)
    with pytest.raises(AnalysisError, match=r"step.json is damaged: delete .* to run the step"):
        store.output(step)


def test_a_step_whose_output_was_deleted_is_run_again(store: Store) -> None:
    step = SumStep(number=1)
    run(store, step)
    rmtree(store.directory(step) / "output")
    child = SumStep(number=2, inputs=(step,))
    assert list(steps_to_run([child], store).values()) == [child, step]
    run(store, child)
    assert result(store, child) == 3


def test_a_directory_with_other_files_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(AnalysisError, match=r"has other files and no store.json"):
        Store(tmp_path).open()
