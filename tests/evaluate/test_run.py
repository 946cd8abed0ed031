import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.helpers.tiny_evaluation import ToyModel, run_evaluation, run_evaluations, tiny_build
from visionflan.builder.conversations import write_conversations
from visionflan.cli.main import main
from visionflan.errors import EvaluationError
from visionflan.evaluate.aggregate.summary import HELD_OUT, OVERALL, TRAINED
from visionflan.evaluate.plan import (
    EvalSelection,
    open_releases,
    opened_training_builds,
    trained_datasets,
)
from visionflan.evaluate.records.files import RECORDS
from visionflan.evaluate.records.paths import builds, evaluations
from visionflan.evaluate.run import rescore
from visionflan.storage.directory import BuildDirectory


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    return tiny_build(tmp_path_factory.mktemp("build") / "build")


def test_a_model_that_looks_is_distinguished_from_one_that_does_not(
    build: BuildDirectory, tmp_path: Path
) -> None:
    scores, _ = run_evaluation(build, tmp_path / "base")
    overall = scores["groups"][OVERALL]
    assert overall["score"]["mean"] == 1.0
    assert overall["blank"]["high"] < 0.5
    assert overall["swapped"]["high"] < 0.6
    assert overall["chance"]["mean"] == pytest.approx((1 / 4 + 1 / 4 + 1 / 2 + 1 / 2) / 4)


def test_tasks_without_a_common_scale_and_free_talk_are_shown_and_not_averaged(
    build: BuildDirectory, tmp_path: Path
) -> None:
    scores, _ = run_evaluation(build, tmp_path / "base")
    assert scores["groups"][OVERALL]["score"]["tasks"] == 4
    assert scores["groups"][TRAINED]["score"]["tasks"] == 3
    assert scores["groups"][HELD_OUT]["score"]["tasks"] == 1
    assert scores["tasks"]["shapes/caption"]["score"]["mean"] > 1
    assert scores["tasks"]["talk/chat"]["conversation"]


def test_the_majority_is_what_training_said_most(build: BuildDirectory, tmp_path: Path) -> None:
    _, records = run_evaluation(build, tmp_path / "base")
    answers = Counter(
        instance.target for instance in build.instances("train", ["shapes/color"])
    ).most_common()
    best = min(answer for answer, count in answers if count == answers[0][1])
    for record in records:
        if record.task == "shapes/color":
            assert record.majority_answer == best
        if record.task == "sides/side":
            assert record.majority_answer is None
        if record.task == "shapes/choose":
            assert record.majority_answer is not None
            assert record.majority_answer[0] == "("


def test_scores_are_computed_again_from_records_alone(
    build: BuildDirectory, tmp_path: Path
) -> None:
    scores, records = run_evaluation(build, tmp_path / "base")
    content = (tmp_path / "base" / RECORDS).read_bytes()
    assert rescore(tmp_path / "base") == scores
    assert (tmp_path / "base" / RECORDS).read_bytes() == content
    assert json.loads((tmp_path / "base" / "scores.json").read_bytes()) == json.loads(
        json.dumps(scores)
    )
    assert len(records) == scores["records"]


def test_chatty_answers_lose_the_official_score_and_keep_the_lenient_one(
    build: BuildDirectory, tmp_path: Path
) -> None:
    scores, _ = run_evaluation(build, tmp_path / "chat", ToyModel(chatty=True))
    overall = scores["groups"][OVERALL]
    assert overall["score"]["mean"] == 1.0
    assert overall["official"]["mean"] < 0.3
    assert scores["tasks"]["shapes/color"]["diagnostics"]["contains"] == 1.0


def test_yes_rates_come_from_what_was_said(build: BuildDirectory, tmp_path: Path) -> None:
    class Agreeable(ToyModel):
        def text(self, prompt: str, color: str, side: str) -> str:
            return "Yes" if "Is the square" in prompt else super().text(prompt, color, side)

    scores, _ = run_evaluation(build, tmp_path / "base", Agreeable())
    yes = scores["tasks"]["shapes/exists"]["yes_no"]
    assert yes["yes_rate"] == 1.0
    assert 0.2 < yes["true_yes_rate"] < 0.8
    assert yes["sensitivity"] == pytest.approx(0.0, abs=0.2)
    assert yes["criterion"] < -1
    assert scores["tasks"]["shapes/color"]["yes_no"] is None


def test_a_run_is_asked_what_it_was_trained_on(build: BuildDirectory, tmp_path: Path) -> None:
    own = write_conversations(build, tmp_path / "conversations", 20)
    other = {"data": {"build": str(build.path)}}
    config = {"build": str(build.path), "stages": [{"data": {"build": None}}, other]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    training_builds = builds([], tmp_path)
    assert [opened.digest for opened in training_builds] == [build.digest, own.digest]
    scores, _ = run_evaluations(training_builds, tmp_path / "base")
    assert scores["tasks"]["conversations/question"]["conversation"]
    assert scores["groups"][OVERALL]["score"]["tasks"] == 4
    assert [opened.digest for opened in builds([build.path], tmp_path)] == [build.digest]
    opened = opened_training_builds(tmp_path)
    assert opened is not None
    assert trained_datasets(opened) == {"shapes", "talk", "conversations"}
    with pytest.raises(EvaluationError, match="with `--build`"):
        builds([], tmp_path / "elsewhere")


def test_a_build_that_was_moved_is_named_rather_than_left_out(
    build: BuildDirectory, tmp_path: Path
) -> None:
    write_conversations(build, tmp_path / "conversations", 20)
    config = {"build": str(build.path), "stages": [{"data": {"build": str(tmp_path / "moved")}}]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(EvaluationError, match=r"trained on .*moved, which is not there: name its"):
        builds([], tmp_path)
    assert [opened.digest for opened in builds([build.path], tmp_path)] == [build.digest]
    assert opened_training_builds(tmp_path) is None  # and not only what is still there


def test_a_run_is_scored_from_the_command_line(
    build: BuildDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_evaluation(build, tmp_path / "run/evaluation/base", limit=5)
    run_evaluation(build, tmp_path / "run/evaluation/chat", ToyModel("chat", chatty=True), limit=5)
    run_evaluation(build, tmp_path / "run/evaluation/start", limit=5)
    stages = [directory.name for directory in evaluations(tmp_path / "run")]
    assert stages == ["start", "base", "chat"]
    assert main(["score", str(tmp_path / "run"), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert [entry["groups"][OVERALL]["score"]["mean"] for entry in scores] == [1.0, 1.0, 1.0]
    assert main(["score", str(tmp_path / "run/evaluation/base" / RECORDS)]) == 0
    assert "all tasks" in capsys.readouterr().out
    assert main(["score", str(tmp_path)]) == 1
    assert "contains no evaluation" in capsys.readouterr().err


def test_scoring_needs_no_torch() -> None:
    code = (
        "import sys; import visionflan.cli.score, visionflan.evaluate.run, "
        "visionflan.evaluate.records.paths; assert 'torch' not in sys.modules; "
        "assert 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_all_missing_benchmark_directories_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "mme").mkdir()
    selection = EvalSelection(benchmarks=("pope", "mme", "mmmu"), data_root=tmp_path)
    with pytest.raises(EvaluationError, match="has no directories pope, mmmu: put the files"):
        open_releases(selection)
