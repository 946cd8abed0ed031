import multiprocessing
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image

from tests.helpers.tiny_evaluation import ToyModel, ToyReply, run_evaluation, tiny_build
from visionflan.errors import EvaluationError
from visionflan.evaluate.aggregate.summary import OVERALL
from visionflan.evaluate.held_out import held_out_set
from visionflan.evaluate.records import resume
from visionflan.evaluate.records.files import JOURNAL, RECORDS
from visionflan.evaluate.records.header import read_header
from visionflan.evaluate.records.record import read_records
from visionflan.evaluate.run import evaluate
from visionflan.evaluate.settings import EvaluationSettings
from visionflan.evaluate.subject import EvalSubject
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Turn


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    return tiny_build(tmp_path_factory.mktemp("build") / "build")


def test_weights_that_changed_are_asked_anew_and_the_old_answers_archived(
    build: BuildDirectory, tmp_path: Path
) -> None:
    out = tmp_path / "base"
    (out / "pope").mkdir(parents=True)
    (out / "notes.txt").write_text("mine")
    run_evaluation(build, out, ToyModel("old"), limit=4)
    again = ToyModel("old")
    run_evaluation(build, out, again, limit=4)
    assert again.batches == []
    other = ToyModel("new")
    _, records = run_evaluation(build, out, other, limit=4)
    assert sum(other.batches) == len(records)
    assert {record.checkpoint for record in records} == {"new"}
    (aside,) = (out / "previous").iterdir()
    assert {record.checkpoint for record in read_records(aside / RECORDS)} == {"old"}
    assert {entry.name for entry in out.iterdir()} >= {"notes.txt", "pope", "previous"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["base"]


def test_what_is_archived_is_reported_with_the_reason(
    build: BuildDirectory, tmp_path: Path
) -> None:
    messages: list[str] = []
    eval_set = held_out_set([build], ["shapes/color"])
    for digest, limit in (("old", 64), ("new", 64), ("new", 8)):
        subject = EvalSubject(model=ToyModel(digest), path=tmp_path, run="run", stage="base")
        settings = EvaluationSettings(limit=2, max_new_tokens=limit)
        evaluate(subject, eval_set, tmp_path / "base", settings, messages.append)
    assert [line.partition(":")[0] for line in messages] == [
        "the checkpoint's weights, tokenizer or image processor changed",
        'the generation settings changed from {"max_new_tokens"',
    ]
    assert all(str(tmp_path / "base" / "previous") in line for line in messages)


def test_a_move_that_a_kill_cut_in_half_is_finished_and_mixes_nothing(
    build: BuildDirectory, tmp_path: Path
) -> None:
    out = tmp_path / "base"
    _, old = run_evaluation(build, out, ToyModel("old"), limit=4)
    aside = out / "previous" / "old"
    aside.mkdir(parents=True)
    (out / RECORDS).rename(aside / RECORDS)
    _, records = run_evaluation(build, out, ToyModel("new"), limit=4)
    assert {record.checkpoint for record in records} == {"new"}
    assert read_records(aside / RECORDS) == old
    assert read_header(aside).checkpoint == "old"
    assert [entry.name for entry in (out / "previous").iterdir()] == ["old"]


class FailingModel(ToyModel):
    """A model whose process is interrupted at its third batch."""

    def generate(self, *arguments: Any) -> Any:
        if len(self.batches) == 2:
            raise KeyboardInterrupt
        return super().generate(*arguments)


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def test_old_scores_stay_until_the_new_ones_are_complete(
    build: BuildDirectory, tmp_path: Path
) -> None:
    out = tmp_path / "base"
    run_evaluation(build, out, ToyModel("old"), limit=4)
    before = contents(out)
    with pytest.raises(KeyboardInterrupt):
        run_evaluation(build, out, FailingModel("new"), limit=4, batch_size=4)
    assert contents(out) == before
    assert not (out / "previous").exists()
    model = ToyModel("new")
    _, records = run_evaluation(build, out, model, limit=4, batch_size=4)
    assert 0 < sum(model.batches) < len(records)  # resumed
    assert read_header(out).checkpoint == "new"
    assert not (out / "unfinished").exists()
    (aside,) = (out / "previous").iterdir()
    assert contents(aside) == before


@pytest.mark.parametrize("moved", range(6))
def test_a_replacement_that_a_kill_cut_in_half_is_finished(
    build: BuildDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    out = tmp_path / "base"
    run_evaluation(build, out, ToyModel("old"), limit=4)
    replace, calls = Path.replace, [0]

    def killed_after_some(self: Path, target: Path) -> Path:
        if self.name in resume.FILES and target.parent.name != self.parent.name:
            calls[0] += 1
            if calls[0] > moved:
                raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", killed_after_some)
    with pytest.raises(KeyboardInterrupt):
        run_evaluation(build, out, ToyModel("new"), limit=4)
    monkeypatch.undo()
    model = ToyModel("new")
    _, records = run_evaluation(build, out, model, limit=4)
    assert model.batches == []
    assert {record.checkpoint for record in records} == {"new"}
    (aside,) = (out / "previous").iterdir()
    assert {record.checkpoint for record in read_records(aside / RECORDS)} == {"old"}
    assert not (out / "unfinished").exists()


@pytest.mark.parametrize("name", ["limit", "batch_size", "max_new_tokens"])
def test_numbers_with_which_nothing_is_ever_asked_are_refused(name: str) -> None:
    with pytest.raises(EvaluationError, match=f"{name} is 0: it must be at least 1"):
        make_settings(**{name: 0})


def make_settings(**numbers: Any) -> None:
    EvaluationSettings(**numbers)


def test_other_settings_do_not_mix_with_earlier_answers(
    build: BuildDirectory, tmp_path: Path
) -> None:
    run_evaluation(build, tmp_path / "base", limit=4)
    model = ToyModel()
    _, records = run_evaluation(build, tmp_path / "base", model, limit=4, max_new_tokens=2)
    assert sum(model.batches) == len(records)
    assert {r.finish_reason for r in records if r.task == "shapes/caption"} == {"length"}
    assert {r.status_lenient for r in records if r.task == "shapes/caption"} == {"truncated"}


def test_more_items_and_tasks_are_added_to_what_is_there(
    build: BuildDirectory, tmp_path: Path
) -> None:
    run_evaluation(build, tmp_path / "base", limit=4, tasks=("shapes/color",))
    more = ToyModel()
    scores, records = run_evaluation(
        build, tmp_path / "base", more, tasks=("shapes/caption",), limit=4
    )
    assert {record.task for record in records} == {"shapes/color", "shapes/caption"}
    assert set(scores["tasks"]) == {"shapes/color", "shapes/caption"}
    assert sum(more.batches) == sum(record.task == "shapes/caption" for record in records)


def test_a_later_run_under_fewer_conditions_forgets_none(
    build: BuildDirectory, tmp_path: Path
) -> None:
    scores, _ = run_evaluation(build, tmp_path / "base", limit=4, conditions=("original", "blank"))
    again, records = run_evaluation(build, tmp_path / "base", limit=4, conditions=("original",))
    assert again == scores
    assert {record.condition for record in records} == {"original", "blank"}
    assert read_header(tmp_path / "base").conditions == ("original", "blank")


class Small(ToyModel):
    """A model whose memory holds five pictures."""

    def generate(
        self,
        conversations: Sequence[Sequence[Turn]],
        images: Sequence[Sequence[Image.Image]],
        max_new_tokens: int,
    ) -> Sequence[ToyReply]:
        if len(conversations) > 5:
            raise MemoryError("no room")
        return super().generate(conversations, images, max_new_tokens)


def test_a_batch_that_does_not_fit_is_halved(build: BuildDirectory, tmp_path: Path) -> None:
    small = Small()
    _, records = run_evaluation(build, tmp_path / "small", small, batch_size=64, limit=6)
    assert max(small.batches) == 4
    _, expected = run_evaluation(build, tmp_path / "large", batch_size=64, limit=6)
    assert records == expected


class Stumbling(ToyModel):
    """A model that fails at one question."""

    def answer(self, prompt: str, image: Image.Image, max_tokens: int) -> ToyReply:
        if "Is the square" in prompt:
            raise ValueError("a question too hard")
        return super().answer(prompt, image, max_tokens)


def test_what_fails_is_recorded_and_ends_nothing(build: BuildDirectory, tmp_path: Path) -> None:
    scores, records = run_evaluation(build, tmp_path / "base", Stumbling(), limit=5)
    failed = [record for record in records if record.error]
    assert {record.task for record in failed} == {"shapes/exists"}
    assert {record.status_lenient for record in failed} == {"failed"}
    assert {record.score_lenient for record in failed} == {None}
    assert "a question too hard" in failed[0].error
    assert scores["failed"] == len(failed)
    assert scores["tasks"]["shapes/exists"]["score"] is None
    assert scores["groups"][OVERALL]["score"]["tasks"] == 3
    mended = ToyModel()
    scores, _ = run_evaluation(build, tmp_path / "base", mended, limit=5)
    assert sum(mended.batches) == len(failed)
    assert scores["failed"] == 0


def test_when_nothing_is_answered_the_reason_is_reported(
    build: BuildDirectory, tmp_path: Path
) -> None:
    with pytest.raises(EvaluationError, match="a question too hard"):
        run_evaluation(build, tmp_path / "base", Stumbling(), tasks=("shapes/exists",), limit=2)


class Slow(ToyModel):
    """A model that takes its time."""

    def answer(self, prompt: str, image: Image.Image, max_tokens: int) -> ToyReply:
        time.sleep(0.02)
        return super().answer(prompt, image, max_tokens)


def test_killed_at_ten_random_points_and_resumed_it_gives_the_same_records(
    build: BuildDirectory, tmp_path: Path
) -> None:
    run_evaluation(build, tmp_path / "whole")
    expected = (tmp_path / "whole" / RECORDS).read_bytes()
    out = tmp_path / "base"
    context, batches = multiprocessing.get_context("fork"), {"batch_size": 8}
    points = Random(0)
    num_requests = 3 * build.manifest["totals"]["held_out"]
    for _ in range(10):
        size = (out / JOURNAL).stat().st_size if out.exists() else 0
        wait_for = size + points.randrange(1, 2000)
        process = context.Process(target=run_evaluation, args=(build, out, Slow()), kwargs=batches)
        process.start()
        while process.is_alive():
            journal = out / JOURNAL
            if journal.exists() and journal.stat().st_size >= wait_for:
                process.kill()
                break
            time.sleep(0.01)
        process.join()
        assert process.exitcode == -signal.SIGKILL
    before = (out / JOURNAL).read_bytes().count(b"\n")
    again = ToyModel()
    _, records = run_evaluation(build, out, again)
    assert 0 < sum(again.batches) <= num_requests - before + 1
    assert len(records) == num_requests
    assert (out / RECORDS).read_bytes() == expected
    assert not (out / JOURNAL).exists()
