"""Evaluations in several processes: the same records as in one, whatever interrupts them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from PIL import Image

from tests.helpers.tiny_checkpoint import decided_llava
from tests.helpers.tiny_evaluation import ToyModel, ToyReply, run_evaluation, tiny_build
from visionflan.atomic_write import sole_user
from visionflan.cli.main import main
from visionflan.errors import EvaluationError
from visionflan.evaluate.held_out import held_out_set
from visionflan.evaluate.models.base import EvaluationStoppedError
from visionflan.evaluate.plan import EvalSelection
from visionflan.evaluate.processes import EvalProcesses
from visionflan.evaluate.records.files import JOURNALS, RECORDS
from visionflan.evaluate.records.journal import journals
from visionflan.evaluate.records.record import read_records
from visionflan.evaluate.run import evaluate, list_requests
from visionflan.evaluate.settings import EvaluationSettings
from visionflan.evaluate.subject import EvalSubject
from visionflan.evaluate.torchrun import evaluate_in_processes
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Turn


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    return tiny_build(tmp_path_factory.mktemp("build") / "build", num_images=3)


class ThreadProcesses(EvalProcesses):
    """Threads in place of processes, which wait for each other at a barrier of the module."""

    barriers: dict[int, Barrier] = {}  # noqa: RUF012 - shared by the threads of one test

    def barrier(self) -> None:
        self.barriers[self.size].wait(20)


class Stopping(ToyModel):
    """A model that can answer a number of batches."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.left = batches

    def generate(
        self,
        conversations: Sequence[Sequence[Turn]],
        images: Sequence[Sequence[Image.Image]],
        max_new_tokens: int,
    ) -> Sequence[ToyReply]:
        if not self.left:
            raise EvaluationStoppedError("stopped")
        self.left -= 1
        return super().generate(conversations, images, max_new_tokens)


def evaluate_together(build: BuildDirectory, out: Path, models: Sequence[ToyModel]) -> list[Any]:
    """Evaluate with a model in each of several threads; return their scores or errors."""
    ThreadProcesses.barriers[len(models)] = barrier = Barrier(len(models))

    def run(rank: int) -> Any:
        subject = EvalSubject(model=models[rank], path=out, run="run", stage="base")
        settings = EvaluationSettings(batch_size=4)
        processes = ThreadProcesses(rank, len(models))
        try:
            return evaluate(
                subject, held_out_set([build]), out, settings, lambda line: None, processes
            )
        except EvaluationError as error:
            barrier.abort()
            return error
        except Exception as error:  # the barrier is broken
            return error

    with ThreadPoolExecutor(len(models)) as pool:
        return list(pool.map(run, range(len(models))))


def test_every_batch_is_that_of_one_process_and_runs_once(build: BuildDirectory) -> None:
    requests = list_requests(held_out_set([build]), EvaluationSettings())
    alone = EvalProcesses().share(requests, 4)
    batches = [[r.key for r in alone[i : i + 4]] for i in range(0, len(alone), 4)]
    for size in (2, 3, 7):
        shares = [EvalProcesses(rank, size).share(requests, 4) for rank in range(size)]
        parts = [
            [request.key for request in share[i : i + 4]]
            for share in shares
            for i in range(0, len(share), 4)
        ]
        assert sorted(parts) == sorted(batches)


def test_three_make_the_records_of_one(build: BuildDirectory, tmp_path: Path) -> None:
    run_evaluation(build, tmp_path / "one", batch_size=4)
    models = [ToyModel() for _ in range(3)]
    scores = evaluate_together(build, tmp_path / "three", models)
    assert (tmp_path / "three" / RECORDS).read_bytes() == (tmp_path / "one" / RECORDS).read_bytes()
    assert [score["records"] for score in scores] == [scores[0]["records"]] * 3
    assert all(sum(model.batches) > 0 for model in models)
    assert list((tmp_path / "three").glob(JOURNALS)) == []


def test_interrupted_they_resume_in_another_number(build: BuildDirectory, tmp_path: Path) -> None:
    run_evaluation(build, tmp_path / "one", batch_size=4)
    out = tmp_path / "out"
    errors = evaluate_together(build, out, [Stopping(2), Stopping(1), Stopping(3)])
    assert any(isinstance(error, EvaluationStoppedError) for error in errors)
    first = {record.key for journal in journals(out) for record in journal}
    assert len(first) >= 4
    evaluate_together(build, out, [Stopping(1), Stopping(1)])
    second = {record.key for journal in journals(out) for record in journal}
    assert first < second
    last = ToyModel()
    run_evaluation(build, out, last, batch_size=4)
    expected = read_records(tmp_path / "one" / RECORDS)
    assert sum(last.batches) == len(expected) - len(second)
    assert read_records(out / RECORDS) == expected
    assert list(out.glob(JOURNALS)) == []


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, build: BuildDirectory) -> Path:
    directory = tmp_path_factory.mktemp("runs") / "run"
    vlm = decided_llava(directory)
    vlm.model.save_pretrained(directory / "base" / "checkpoint")
    vlm.processor.save_pretrained(directory / "base" / "checkpoint")
    return directory


OPTIONS = ("--tasks", "shapes/choose,shapes/color", "--limit", "4", "--max-new-tokens", "5")


def test_torchrun_evaluates_a_checkpoint_in_two_processes(
    run: Path, build: BuildDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", str(run), "--build", str(build.path), *OPTIONS, "--batch-size", "3"]
    command += ["--device", "cpu"]
    assert main([*command, "--out", str(tmp_path / "one")]) == 0
    capsys.readouterr()
    assert main([*command, "--out", str(tmp_path / "two"), "--num-processes", "2"]) == 0
    printed = capsys.readouterr()
    assert printed.out.count("all tasks") == 1
    assert printed.err.count("answers in") == 1
    one = read_records(tmp_path / "one" / "base" / RECORDS)
    two = read_records(tmp_path / "two" / "base" / RECORDS)
    plain = [record._replace(logprobs=()) for record in one]
    assert [record._replace(logprobs=()) for record in two] == plain
    for record, other in zip(one, two, strict=True):
        assert other.logprobs == pytest.approx(record.logprobs, abs=1e-4)
    assert list((tmp_path / "two" / "base").glob(JOURNALS)) == []


def test_the_error_of_a_process_is_one_sentence(run: Path, tmp_path: Path) -> None:
    selection = EvalSelection(builds=(tmp_path / "gone",))
    with pytest.raises(EvaluationError, match="gone"):
        evaluate_in_processes(run, selection, tmp_path / "out", "cpu", 1, lambda line: None)


def test_two_evaluations_do_not_write_to_one_directory(
    build: BuildDirectory, tmp_path: Path
) -> None:
    model = ToyModel()
    with (
        sole_user(tmp_path / "base"),
        pytest.raises(EvaluationError, match=r"another evaluation is writing to .*base: wait"),
    ):
        run_evaluation(build, tmp_path / "base", model, limit=2)
    assert model.batches == []
    run_evaluation(build, tmp_path / "base", model, limit=2)
    assert model.batches
