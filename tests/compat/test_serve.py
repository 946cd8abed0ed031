"""`transformers serve` serves a checkpoint that visionflan trained, and writes instances with it.

A tiny model writes nonsense: each of its replies is to be dropped for a reason.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

from tests.compat.conftest import WrittenCheckpoint
from tests.helpers.tiny_evaluation import tiny_build
from visionflan.errors import BuildError
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Turn

pytest.importorskip("fastapi", reason="the server needs `transformers[serving]`")

from visionflan.evaluate.models.served import ServedModel
from visionflan.evaluate.served_evaluation import ServerSettings
from visionflan.llm.batch import CallGuard
from visionflan.llm.budget import Budget, Limits
from visionflan.llm.cache import ReplyCache
from visionflan.synthesize.kinds import KINDS
from visionflan.synthesize.plan import SynthesisPlan, SynthesisSettings
from visionflan.synthesize.run import synthesize

pytestmark = pytest.mark.compat
MODEL = "llama"
SECONDS_TO_START = 120
COUNT = 6


class TransformersServer(NamedTuple):
    """A server of one checkpoint, and what it logs."""

    url: str
    model: str
    log: Path

    @property
    def num_requests(self) -> int:
        """The completions that were requested so far."""
        return self.log.read_text().count("POST /v1/chat/completions")

    def settings(self, workers: int = 4) -> ServerSettings:
        """Return how it is called."""
        return ServerSettings(url=self.url, model=self.model, limits=Limits(workers=workers))


def free_port() -> int:
    """Return a port that nothing listens on."""
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until the server accepts connections, which it does once the model is loaded."""
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        with closing(socket.socket()) as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail(f"`transformers serve` did not start: {log.read_text()[-2000:]}")


@pytest.fixture(scope="module")
def server(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TransformersServer]:
    directory, port = tmp_path_factory.mktemp("server"), free_port()
    model, log = str(written / MODEL / "checkpoint"), directory / "log"
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", model]
    options = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(directory)}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, *options], stdout=file, stderr=file, env={**os.environ, **offline}
        )
        try:
            wait_until_ready(process, port, log)
            yield TransformersServer(f"http://127.0.0.1:{port}/v1", model, log)
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    return tiny_build(tmp_path_factory.mktemp("rows") / "build")


def num_stored(replies: ReplyCache) -> int:
    """Return the number of replies that are in a cache."""
    (count,) = replies.connection.execute("SELECT count(*) FROM replies").fetchone()
    return int(count)


@pytest.mark.parametrize("checkpoint", [MODEL], indirect=True)
def test_it_answers_as_visionflan_does(
    server: TransformersServer, checkpoint: WrittenCheckpoint
) -> None:
    settings, expected = server.settings(), checkpoint.expected
    model = ServedModel(settings.client(), CallGuard(Budget(settings.limits, None)))
    image = Image.new("RGB", expected["image"]["size"], tuple(expected["image"]["color"]))
    (reply,) = model.generate([(Turn("user", "<image>\nwhat color ?"),)], [(image,)], 6)
    assert reply.text == expected["answer"]
    assert reply.finish_reason == "length"


@pytest.mark.parametrize("with_images", [False, True], ids=["rows only", "with images"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_reply_is_dropped_with_a_reason(
    kind: str, with_images: bool, server: TransformersServer, build: BuildDirectory, tmp_path: Path
) -> None:
    settings = SynthesisSettings(kind=kind, count=3, with_images=with_images, max_new_tokens=16)
    plan = SynthesisPlan(build, server.settings(), settings, tmp_path / "out")
    with pytest.raises(BuildError, match=r"no reply of .* became an instance \(reply_"):
        synthesize(plan, lambda line: None)
    assert not (tmp_path / "out").exists()
    with closing(ReplyCache(plan.cache_path)) as replies:
        assert num_stored(replies) == 2 * settings.count


def test_killed_and_resumed_it_pays_at_most_one_call_twice(
    server: TransformersServer, build: BuildDirectory, tmp_path: Path
) -> None:
    out, cache = tmp_path / "out", tmp_path / "replies.sqlite"
    options = {"--kind": "detail", "--server": server.url, "--model": server.model}
    options |= {"--count": str(COUNT), "--workers": "1", "--max-new-tokens": "8"}
    options |= {"--out": str(out), "--cache": str(cache)}
    parts = [part for option in options.items() for part in option]
    command = [sys.executable, "-m", "visionflan", "synthesize", str(build.path), *parts]
    before = server.num_requests
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while server.num_requests < before + 4 and process.poll() is None:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not out.exists()
    resumed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert resumed.returncode in (0, 1), resumed.stderr
    with closing(ReplyCache(cache)) as replies:
        stored = num_stored(replies)
    probes = 2  # of each run one, which shows the model that replies
    assert COUNT <= stored <= 2 * COUNT
    assert stored <= server.num_requests - before - probes <= stored + 1
