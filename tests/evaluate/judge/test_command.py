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
from typing import Any

import pytest

from tests.helpers.llm_server import Behavior, LlmServer, fails, replies, serving
from visionflan.cli.main import main
from visionflan.evaluate.demo import demo_run
from visionflan.evaluate.judge.judgments import JUDGMENTS, read_judgments
from visionflan.evaluate.records.paths import evaluations


@pytest.fixture(scope="module")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("talks") / "run"
    with demo_run(["llava_bench"]) as run:
        shutil.copytree(run, folder)
    return folder


@pytest.fixture
def run(talks: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(talks, tmp_path / "run"))


@pytest.fixture
def server() -> Iterator[LlmServer]:
    with serving(LlmServer(default=replies("8 6\nBoth are well."))) as running:
        yield running


def score(run: Path, server: LlmServer, *more: str) -> int:
    named = ["--judge", server.url, "--judge-model", "gpt", "--judge-workers", "2"]
    return main(["score", str(run), "--json", *named, *more])


def judged(run: Path) -> list[Any]:
    return [each for folder in evaluations(run) for each in read_judgments(folder / JUDGMENTS)]


def test_answers_are_judged_in_both_orders_and_scored(
    run: Path, server: LlmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(run, server) == 0
    printed, told = capsys.readouterr()
    found = judged(run)
    assert {each.order_swapped for each in found} == {False, True}
    assert {(each.score, each.reference_score) for each in found} == {(0.8, 0.6), (0.6, 0.8)}
    assert {(each.judge, each.model) for each in found} == {("gpt", "judge-0613")}
    json.loads(printed)
    assert "100.0%" in told
    assert "cost unknown" in told
    assert "the same side won in both orders in 0 of" in told
    assert "position bias -0.400" in told


def test_a_second_command_asks_nothing(run: Path, server: LlmServer) -> None:
    score(run, server)
    asked = len(server.requests)
    assert asked > 0
    assert score(run, server) == 0
    assert len(server.requests) == asked


def test_a_dry_run_tells_the_cost_and_asks_nothing(
    run: Path, server: LlmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(run, server, "--judge-dry-run", "--judge-price-per-mtok", "30,60") == 0
    told = capsys.readouterr().err
    assert re.search(r"about \d+\.\d+ to \d+\.\d+ US dollars", told)
    assert (server.requests, judged(run)) == ([], [])


def test_a_dry_run_adds_up_its_evaluations(
    run: Path, server: LlmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    score(run, server, "--judge-dry-run", "--judge-price-per-mtok", "30,60")
    told = capsys.readouterr().err
    wanted = re.findall(r"^(.*): (\d+) verdicts needed.*, (\d+) calls", told, re.MULTILINE)
    costs = [float(each) for each in re.findall(r"about \S+ to (\S+) US dollars", told)]
    assert [title for title, *_ in wanted][2:] == ["all 2 evaluations"]
    assert [sum(int(each[n]) for each in wanted[:2]) for n in (1, 2)] == [
        int(each) for each in wanted[2][1:]
    ]
    assert sum(costs[:2]) == pytest.approx(costs[2], abs=2e-4)


def test_a_cost_that_is_small_is_not_told_as_nothing(
    run: Path, server: LlmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    score(run, server, "--judge-dry-run", "--judge-price-per-mtok", "0.001,0.001")
    told = capsys.readouterr().err
    assert "less than 0.01 US dollars" in told
    assert "0.00 " not in told


@pytest.mark.parametrize(
    ("gone", "calls"),
    [(fails(401, "wrong key"), 1), (fails(503, "maintenance", Retry_After="3600"), 5)],
)
def test_a_judge_that_is_lost_is_lost_for_all_evaluations_of_a_command(
    run: Path, server: LlmServer, capsys: pytest.CaptureFixture[str], gone: Behavior, calls: int
) -> None:
    server.default = gone
    assert score(run, server, "--judge-workers", "1") == 1
    told = capsys.readouterr().err
    assert len(server.requests) == calls
    assert told.count("judging stopped: ") == 1
    left = sum(int(each) for each in re.findall(r"(\d+) not judged; ", told))
    assert f"; {left} answers of 2 evaluations were not judged" in told


def test_a_cap_holds_over_all_evaluations_of_a_command_and_the_rest_comes_later(
    run: Path, server: LlmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(evaluations(run)) == 2
    assert score(run, server, "--judge-max-calls", "5") == 0
    told = capsys.readouterr().err
    assert len(server.requests) == 5
    assert "judging stopped: the limit of 5 calls is reached" in told
    assert score(run, server) == 0
    assert all(not each.error for each in judged(run))
    asked = [json.dumps(each["messages"]) for each in server.requests]
    assert len(asked) == len(set(asked)) > 5


def test_a_judge_that_refuses_us_is_one_sentence_and_an_exit_code(
    run: Path, server: LlmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.default = fails(401, "wrong key")
    assert score(run, server) == 1
    told = capsys.readouterr().err
    assert "error: nothing was judged: the server answered 401: wrong key" in told
    assert [each.score for each in judged(run)] == [None] * len(judged(run))


@pytest.mark.parametrize(
    ("wrong", "told"),
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
    told: str,
) -> None:
    assert score(run, server, *wrong) == 1
    assert told in capsys.readouterr().err
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
    words = ["score", str(run), "--judge", server.url, "--judge-model", "gpt"]
    killed = subprocess.Popen(
        [sys.executable, "-c", code, *words, "--judge-workers", "1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while len(server.requests) < 4 and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert judged(run) == []
    paid = len(server.requests)
    assert score(run, server) == 0
    wanted = [json.dumps(each["messages"]) for each in server.requests]
    assert 4 <= paid < len(set(wanted))
    assert len(wanted) - len(set(wanted)) <= 1  # the one that was under way
