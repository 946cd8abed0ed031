"""Steps run once, in order, side by side; one that fails costs only what depends on it."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.helpers.toy_steps import RUNTIME, SumStep, result, run
from visionflan.analysis import execute as execute_module
from visionflan.analysis import store as store_module
from visionflan.analysis.execute import execute, run_step, steps_to_run
from visionflan.analysis.step import Step
from visionflan.analysis.store import Store
from visionflan.analysis.studies import load
from visionflan.errors import AnalysisError
from visionflan.executors.base import CallExecutor, RemoteError, Resources
from visionflan.executors.processes import ProcessExecutor
from visionflan.train.config import RuntimeConfig

T = TypeVar("T")


def runs(store: Store, step: Step) -> int:
    return len((store.output(step) / "runs").read_text().splitlines())


def diamond() -> Iterator[SumStep]:
    first = SumStep(number=1)
    left, right = (SumStep(number=number, inputs=(first,)) for number in (10, 20))
    yield from (first, left, right, SumStep(number=100, inputs=(left, right)))


def test_parents_run_first_and_shared_ones_once(store: Store) -> None:
    steps = list(diamond())
    assert run(store, steps[-1]) == {}
    assert [result(store, step) for step in steps] == [1, 11, 21, 132]
    assert [runs(store, step) for step in steps] == [1, 1, 1, 1]


def test_a_second_study_does_no_shared_step_again(store: Store) -> None:
    *_, last = diamond()
    run(store, last)
    other = SumStep(number=7, inputs=(last,))
    assert list(steps_to_run([other], store).values()) == [other]
    run(store, other)
    assert result(store, other) == 139
    assert [runs(store, step) for step in diamond()] == [1, 1, 1, 1]


def test_equal_steps_have_equal_digests_and_others_do_not() -> None:
    assert [step.digest for step in diamond()] == [step.digest for step in diamond()]
    assert SumStep(number=1).digest != SumStep(number=2).digest
    assert SumStep(number=1).digest != SumStep(number=1, inputs=(SumStep(number=1),)).digest


def test_a_failed_step_costs_what_depends_on_it_and_nothing_else(store: Store) -> None:
    broken = SumStep(number=1, behavior="fail")
    child, grandchild = SumStep(number=2, inputs=(broken,)), SumStep(number=5)
    grandchild = SumStep(number=3, inputs=(child,))
    fine = SumStep(number=4)
    failures = run(store, grandchild, fine)
    assert failures[broken.digest] == ("sum 1", "there is no such number: use another")
    assert failures[grandchild.digest].reason.startswith("sum 2 failed: sum 1 failed: there is no")
    assert result(store, fine) == 4
    assert not store.is_done(child)
    error = json.loads((store.directory(broken) / "failed.json").read_bytes())["error"]
    assert error == "there is no such number: use another"


def test_a_process_that_dies_costs_only_its_step(store: Store) -> None:
    dying, fine = SumStep(number=1, behavior="die"), SumStep(number=2, behavior="slow")
    failures = run(store, dying, fine)
    assert failures == {dying.digest: ("sum 1", "its process was ended by SIGKILL")}
    assert result(store, fine) == 2


def test_a_fault_of_the_code_is_shown_with_its_traceback(store: Store) -> None:
    step = SumStep(number=1, behavior="raise")
    assert "ZeroDivisionError: a fault" in run(store, step)[step.digest].reason


def test_an_error_of_the_disk_is_one_sentence_and_its_traceback_is_in_the_log(store: Store) -> None:
    step = SumStep(number=1, behavior="full")
    log = store.directory(step) / "log.txt"
    reason = f"[Errno 28] No space left on device: 'weights'; see {log}"
    assert run(store, step)[step.digest] == ("sum 1", reason)
    assert "Traceback" in log.read_text()


def test_an_error_that_cannot_be_read_back_is_still_its_sentence(store: Store) -> None:
    step = SumStep(number=1, behavior="refuse")
    assert run(store, step)[step.digest] == ("sum 1", "no such number: 1")


LOOSE_STUDY = """
from __future__ import annotations

from dataclasses import dataclass

from tests.helpers.toy_steps import SumStep
from visionflan.analysis import measures
from visionflan.analysis.factor import Factor
from visionflan.analysis.study import Study


@dataclass(frozen=True, kw_only=True)
class OwnStep(SumStep):
    steps: tuple[OwnStep, ...] = ()


step = OwnStep(number=3, inputs=(SumStep(number=2),))
study = Study(
    title="Own", question="?", paper="-", factors=(Factor("k", "k", (step,)),),
    measures=(measures.TRAINED,), claims=(), holds_out_tasks=False,
)


@study.arms
def arms(replicate, factors):
    yield from ()
"""


def test_a_step_of_a_loose_file_travels_with_its_class(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "own_study.py"
    file.write_text(LOOSE_STUDY)
    (step,) = load(str(file)).factors[0].values
    assert isinstance(step, SumStep)
    assert run(store, step) == {}
    assert result(store, step) == 5


def test_a_step_that_cannot_be_sent_fails_with_one_sentence(store: Store) -> None:
    class LockedStep(SumStep):
        """A step with what belongs to one process."""

    step, fine = LockedStep(number=1), SumStep(number=2)
    object.__setattr__(step, "lock", threading.Lock())
    failures = run(store, step, fine)
    (reason,) = (failure.reason for failure in failures.values())
    assert re.fullmatch(r"it cannot be sent to another process: [^\n]*lock[^\n]*", reason)
    assert result(store, fine) == 2


class RefusingExecutor(CallExecutor):
    """An executor that packs a call at once, as that of Ray does."""

    def submit_with(
        self, resources: Resources, function: Callable[..., T], /, *args: Any, **kwargs: Any
    ) -> Future[T]:
        raise RemoteError("it cannot be sent to another process")


def test_a_step_that_cannot_be_sent_to_a_cluster_costs_only_what_needs_it(store: Store) -> None:
    step = SumStep(number=1)
    child = SumStep(number=2, inputs=(step,))
    failures = execute([child], store, RefusingExecutor(), RUNTIME, print)
    assert failures[step.digest] == ("sum 1", "it cannot be sent to another process")
    assert failures[child.digest].reason.startswith("sum 1 failed: it cannot be sent")


def test_a_machine_that_does_not_see_the_store_writes_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "SHARED_FILES_S", 0)
    with pytest.raises(AnalysisError, match=r"the machine .* does not see the store .*missing"):
        run_step(tmp_path / "missing", SumStep(number=1), RUNTIME)
    assert not (tmp_path / "missing").exists()


def test_an_outcome_that_is_not_seen_is_a_failure(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "SHARED_FILES_S", 0)
    monkeypatch.setattr(execute_module, "run_step", leave_no_outcome)
    step = SumStep(number=1)
    assert run(store, step)[step.digest].reason.startswith(f"its outcome is not in {store.path}")


def leave_no_outcome(*_: object) -> None:
    """Stand for a step that another machine has run, in a store that is not seen here."""


def test_what_a_step_logs_goes_to_its_directory(store: Store) -> None:
    step = SumStep(number=1)
    run(store, step)
    assert (store.directory(step) / "log.txt").read_text() == "written\n"


def test_a_line_of_progress_names_the_directory_with_the_log(store: Store) -> None:
    lines: list[str] = []
    step = SumStep(number=1)
    execute([step], store, ProcessExecutor(1), RUNTIME, lines.append)
    (name,) = re.findall(r"^1 of 1: (steps/\w+): ", lines[0])
    assert (store.path / name / "log.txt").is_file()


def test_every_step_keeps_to_its_share_of_the_threads(store: Store) -> None:
    step = SumStep(number=1, behavior="threads")
    run(store, step, runtime=RuntimeConfig(num_threads=3))
    assert (store.output(step) / "threads").read_text() == "3"


def test_two_processes_that_want_the_same_step_run_it_once(store: Store) -> None:
    step = SumStep(number=1, behavior="slow")
    with ProcessExecutor(3) as executor:
        futures = [executor.submit(run_step, store.path, step, RUNTIME) for _ in range(3)]
        assert [future.result() for future in futures] == [None] * 3
    assert runs(store, step) == 1


def test_an_interrupted_step_goes_on_in_its_directory(store: Store) -> None:
    step = SumStep(number=1)
    (store.directory(step) / "output").mkdir(parents=True)
    (store.directory(step) / "output" / "runs").write_text("run\n")
    run(store, step)
    assert runs(store, step) == 2


def test_a_finished_run_is_adopted(store: Store, tmp_path: Path) -> None:
    step = SumStep(number=1)
    (tmp_path / "finished").mkdir()
    (tmp_path / "finished" / "sum").write_text("1")
    store.adopt(step, tmp_path / "finished", Path("sum"))
    child = SumStep(number=2, inputs=(step,))
    run(store, child)
    assert result(store, child) == 3
