"""Steps on a Ray cluster of this machine, of which a process is killed."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.toy_steps import SumStep
from tests.helpers.toy_study import processes_left, started, toy_steps, wait_for_pid
from visionflan.analysis.store import Store
from visionflan.errors import VisionflanError

pytest.importorskip("ray", reason="ray is not installed: pip install 'visionflan[ray]'")
from visionflan.executors import ray_cluster

BEHAVIORS = ("wait", "", "refuse")


def runs(store: Path, step: SumStep) -> int:
    return len((Store(store).directory(step) / "output" / "runs").read_text().split())


def test_a_killed_process_is_replaced_and_every_other_step_runs_once(tmp_path: Path) -> None:
    steps = toy_steps(list(BEHAVIORS))
    with started("local", tmp_path, *BEHAVIORS) as study:
        os.kill(wait_for_pid(tmp_path, steps[0]), signal.SIGKILL)
        stdout, stderr = study.communicate(timeout=120)
    assert stderr == ""
    assert json.loads(stdout) == {"sum 3": "no such number: 3"}
    assert (Store(tmp_path).output(steps[-1]) / "sum").read_text() == "103"
    assert [runs(tmp_path, step) for step in steps] == [2, 1, 1, 1]
    assert processes_left(study.pid) == []


def test_an_interrupt_lets_the_steps_save_their_state_and_leaves_no_process(tmp_path: Path) -> None:
    steps = toy_steps(["wait"])
    with started("local", tmp_path, "wait") as study:
        wait_for_pid(tmp_path, steps[0])
        study.send_signal(signal.SIGINT)
        _, stderr = study.communicate(timeout=120)
    assert stderr.strip().endswith("KeyboardInterrupt")
    assert (Store(tmp_path).directory(steps[0]) / "output" / "state").is_file()
    assert not Store(tmp_path).is_done(steps[0])
    assert processes_left(study.pid) == []


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("somewhere", "'somewhere' is no address of a Ray cluster: write local, auto, HOST:PORT"),
        ("127.0.0.1:1", "no Ray cluster listens at 127.0.0.1:1 .*: check the address, or start"),
        ("ray://127.0.0.1:1", "no Ray cluster listens at ray://127.0.0.1:1"),
    ],
)
def test_an_address_where_nothing_listens_is_refused(address: str, message: str) -> None:
    with pytest.raises(VisionflanError, match=message):
        ray_cluster.RayExecutor(address)


def test_what_listens_and_is_no_cluster_is_not_waited_for_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        code = (
            "from visionflan.executors import ray_cluster\n"
            "ray_cluster.CONNECT_S = 1\n"
            "try:\n"
            f"    ray_cluster.RayExecutor('{address}')\n"
            "except ray_cluster.ClusterError as error:\n"
            "    print(error)\n"
        )
        process = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
        )
    sentence = f"the Ray cluster at {address} did not answer within 1 s: check the address\n"
    assert (process.stdout, process.stderr, process.returncode) == (sentence, "", 0)
