"""The command is killed while it writes, and resumes."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.helpers.llm_server import LlmServer
from tests.helpers.writing_server import MODEL, text_of, written_requests
from visionflan.storage.directory import BuildDirectory

WORKERS, COUNT = 4, 40


def command(server: LlmServer, build: BuildDirectory, out: Path) -> list[str]:
    """Return the command line."""
    options = {"--kind": "detail", "--server": server.url, "--model": MODEL, "--out": str(out)}
    options |= {"--count": str(COUNT), "--workers": str(WORKERS)}
    parts = [part for option in options.items() for part in option]
    return [sys.executable, "-m", "visionflan", "synthesize", str(build.path), *parts]


def test_killed_and_resumed_it_pays_at_most_the_calls_in_flight_twice(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    server.delay = 0.05
    call = command(server, build, tmp_path / "out")
    for num_requests in (5, 20):
        process = subprocess.Popen(call, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while len(written_requests(server)) < num_requests and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not (tmp_path / "out").exists()
    resumed = subprocess.run(call, capture_output=True, text=True, check=True)
    assert f"{COUNT} instances of {COUNT}" in resumed.stderr
    assert len(BuildDirectory(tmp_path / "out").instances("train")) == COUNT
    times = Counter(map(text_of, written_requests(server)))
    assert len(times) == COUNT
    assert sum(times.values()) <= COUNT + 2 * WORKERS
    again = subprocess.run(call, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert again.stderr.startswith("error: ")
    assert "is not empty" in again.stderr
