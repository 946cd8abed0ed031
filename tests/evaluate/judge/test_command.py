import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.llm_server import Behavior, LlmServer, fails, replies, serving
from visionflan.cli.main import main
from visionflan.evaluate.demo import demo_run
from visionflan.evaluate.judge.judgments import Judgment, read_judgments
from visionflan.evaluate.records.files import JUDGMENTS
from visionflan.evaluate.records.paths import evaluations


@pytest.fixture(scope="module")
def demo_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("talks") / "run"
    with demo_run(["llava_bench"]) as run:
        shutil.copytree(run, copy)
    return copy


@pytest.fixture
def run(demo_copy: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(demo_copy, tmp_path / "run"))


@pytest.fixture
def server() -> Iterator[LlmServer]:
    with serving(LlmServer(default=replies("8 6\nBoth are well."))) as running:
        yield running


def score(run: Path, server: LlmServer, *more: str) -> int:
    judge = ["--judge", server.url, "--judge-model", "gpt", "--judge-workers", "2"]
    return main(["score", str(run), "--json", *judge, *more])


def judgments_of(run: Path) -> list[Judgment]:
    paths = [directory / JUDGMENTS for directory in evaluations(run)]
    return [judgment for path in paths for judgment in read_judgments(path)]


def test_answers_are_judged_in_both_orders_and_scored(
    run: Path, server: LlmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(run, server) == 0
    printed, log = capsys.readouterr()
    judgments = judgments_of(run)
    assert {judgment.order_swapped for judgment in judgments} == {False, True}
    assert {(j.score, j.reference_score) for j in judgments} == {(0.8, 0.6), (0.6, 0.8)}
    assert {(j.judge, j.model) for j in judgments} == {("gpt", "judge-0613")}
    json.loads(printed)
    assert "100.0%" in log
    assert "cost unknown" in log
    assert "the same side won in both orders in 0 of" in log
    assert "position bias -0.400" in log


def test_a_second_command_asks_nothing(run: Path, server: LlmServer) -> None:
    score(run, server)
    num_requests = len(server.requests)
    assert num_requests > 0
    assert score(run, server) == 0
    assert len(server.requests) == num_requests


def test_a_dry_run_tells_the_cost_and_asks_nothing(
    run: Path, server: LlmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(run, server, "--judge-dry-run", "--judge-price-per-mtok", "30,60") == 0
    log = capsys.readouterr().err
    assert re.search(r"about \d+\.\d+ to \d+\.\d+ US dollars", log)
    assert (server.requests, judgments_of(run)) == ([], [])


def test_a_dry_run_adds_up_its_evaluations(
    run: Path, server: LlmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    score(run, server, "--judge-dry-run", "--judge-price-per-mtok", "30,60")
    log = capsys.readouterr().err
    lines = re.findall(r"^(.*): (\d+) verdicts? needed.*, (\d+) calls?", log, re.MULTILINE)
    costs = [float(cost) for cost in re.findall(r"about \S+ to (\S+) US dollars", log)]
    assert [title for title, *_ in lines][2:] == ["all 2 evaluations"]
    assert [sum(int(line[n]) for line in lines[:2]) for n in (1, 2)] == [
        int(count) for count in lines[2][1:]
    ]
    assert sum(costs[:2]) == pytest.approx(costs[2], abs=2e-4)


def test_a_cost_that_is_small_is_not_reported_as_nothing(
    run: Path, server: LlmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    score(run, server, "--judge-dry-run", "--judge-price-per-mtok", "0.001,0.001")
    log = capsys.readouterr().err
    assert "less than 0.01 US dollars" in log
    assert "0.00 " not in log


@pytest.mark.parametrize(
    ("gone", "calls"),
    [(fails(401, "wrong key"), 1), (fails(503, "maintenance", Retry_After="3600"), 5)],
)
def test_a_judge_that_is_lost_is_lost_for_all_evaluations_of_a_command(
    run: Path, server: LlmServer, capsys: pytest.CaptureFixture[str], gone: Behavior, calls: int
) -> None:
    server.default = gone
    assert score(run, server, "--judge-workers", "1") == 1
    log = capsys.readouterr().err
    assert len(server.requests) == calls
    assert log.count("judging stopped: ") == 1
    unjudged = sum(int(count) for count in re.findall(r"(\d+) not judged; ", log))
    assert f"; not judged: {unjudged} answers of 2 evaluations" in log


def test_a_cap_holds_over_all_evaluations_of_a_command_and_the_rest_comes_later(
    run: Path, server: LlmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(evaluations(run)) == 2
    assert score(run, server, "--judge-max-calls", "5") == 0
    log = capsys.readouterr().err
    assert len(server.requests) == 5
    assert "judging stopped: the limit of 5 calls is reached" in log
    assert score(run, server) == 0
    assert all(not judgment.error for judgment in judgments_of(run))
    prompts = [json.dumps(body["messages"]) for body in server.requests]
    assert len(prompts) == len(set(prompts)) > 5


def test_a_judge_that_refuses_us_is_one_sentence_and_an_exit_code(
    run: Path, server: LlmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.default = fails(401, "wrong key")
    assert score(run, server) == 1
    log = capsys.readouterr().err
    assert "error: nothing was judged: the server answered 401: wrong key" in log
    assert [judgment.score for judgment in judgments_of(run)] == [None] * len(judgments_of(run))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--judge-max-usd", "1"], "--judge-price-per-mtok"),
        (["--judge-api-key-env", "NO_SUCH_KEY"], "NO_SUCH_KEY contains no API key"),
        (["--judge-model", ""], "--judge-model"),
        (["--judge-workers", "0"], "workers at least 1"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_asked(
    run: Path,
    server: LlmServer,
    capsys: pytest.CaptureFixture[str],
    wrong: list[str],
    message: str,
) -> None:
    assert score(run, server, *wrong) == 1
    assert message in capsys.readouterr().err
    assert server.requests == []


def test_prices_are_two_numbers(run: Path, server: LlmServer) -> None:
    for wrong in ("1", "1,2,3", "-1,2", "a,b"):
        with pytest.raises(SystemExit):
            score(run, server, f"--judge-price-per-mtok={wrong}")


def test_judging_that_is_killed_loses_nothing_that_was_paid_for(
    run: Path, server: LlmServer
) -> None:
    server.delay = 0.05
    code = "import sys; from visionflan.cli.main import main; sys.exit(main(sys.argv[1:]))"
    args = ["score", str(run), "--judge", server.url, "--judge-model", "gpt"]
    killed = subprocess.Popen(
        [sys.executable, "-c", code, *args, "--judge-workers", "1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while len(server.requests) < 4 and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert judgments_of(run) == []
    paid = len(server.requests)
    assert score(run, server) == 0
    prompts = [json.dumps(body["messages"]) for body in server.requests]
    assert 4 <= paid < len(set(prompts))
    assert len(prompts) - len(set(prompts)) <= 1  # the one that was pending
