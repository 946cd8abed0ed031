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
from judge_server import JudgeServer, fails, says, serving

from visionflan.cli.main import main
from visionflan.evaluate.demo import demo_run
from visionflan.evaluate.judgements import JUDGEMENTS, read_judgements
from visionflan.evaluate.places import evaluations


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
def server() -> Iterator[JudgeServer]:
    with serving(JudgeServer(default=says("8 6\nBoth are well."))) as running:
        yield running


def score(run: Path, server: JudgeServer, *more: str) -> int:
    named = ["--judge", server.url, "--judge-model", "gpt", "--judge-workers", "2"]
    return main(["score", str(run), "--json", *named, *more])


def judged(run: Path) -> list[Any]:
    return [each for folder in evaluations(run) for each in read_judgements(folder / JUDGEMENTS)]


def test_answers_are_judged_in_both_orders_and_scored(
    run: Path, server: JudgeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(run, server) == 0
    printed, told = capsys.readouterr()
    found = judged(run)
    assert {each.swapped for each in found} == {False, True}
    assert {(each.score, each.against) for each in found} == {(0.8, 0.6), (0.6, 0.8)}
    assert {(each.judge, each.model) for each in found} == {("gpt", "judge-0613")}
    json.loads(printed)
    assert "100.0%" in told
    assert "cost unknown" in told
    assert "in both orders the same side won 0 of" in told
    assert "the answer is -0.400 further ahead in its usual place" in told


def test_a_second_command_asks_nothing(run: Path, server: JudgeServer) -> None:
    score(run, server)
    asked = len(server.requests)
    assert asked > 0
    assert score(run, server) == 0
    assert len(server.requests) == asked


def test_a_dry_run_tells_the_cost_and_asks_nothing(
    run: Path, server: JudgeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(run, server, "--judge-dry-run", "--judge-prices", "30,60") == 0
    told = capsys.readouterr().err
    assert re.search(r"about \d+\.\d\d to \d+\.\d\d US dollars", told)
    assert (server.requests, judged(run)) == ([], [])


def test_a_cap_holds_over_all_evaluations_of_a_command_and_the_rest_comes_later(
    run: Path, server: JudgeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(evaluations(run)) == 2
    assert score(run, server, "--judge-max-calls", "5") == 0
    told = capsys.readouterr().err
    assert len(server.requests) == 5
    assert "judging stopped: the limit of 5 calls is reached" in told
    assert score(run, server) == 0
    assert all(not each.failure for each in judged(run))
    asked = [json.dumps(each["messages"]) for each in server.requests]
    assert len(asked) == len(set(asked)) > 5


def test_a_judge_that_refuses_us_is_one_sentence_and_an_exit_code(
    run: Path, server: JudgeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.default = fails(401, "wrong key")
    assert score(run, server) == 1
    told = capsys.readouterr().err
    assert "error: nothing was judged: the judge answered 401: wrong key" in told
    assert [each.score for each in judged(run)] == [None] * len(judged(run))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["--judge-max-usd", "1"], "--judge-prices"),
        (["--judge-key-variable", "NO_SUCH_KEY"], "NO_SUCH_KEY holds no key"),
        (["--judge-model", ""], "--judge-model"),
        (["--judge-workers", "0"], "at least one worker"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_asked(
    run: Path,
    server: JudgeServer,
    capsys: pytest.CaptureFixture[str],
    wrong: list[str],
    told: str,
) -> None:
    assert score(run, server, *wrong) == 1
    assert told in capsys.readouterr().err
    assert server.requests == []


def test_prices_are_two_numbers(run: Path, server: JudgeServer) -> None:
    for wrong in ("1", "1,2,3", "-1,2", "a,b"):
        with pytest.raises(SystemExit):
            score(run, server, f"--judge-prices={wrong}")


def test_judging_that_is_killed_loses_nothing_that_was_paid_for(
    run: Path, server: JudgeServer
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
