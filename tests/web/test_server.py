"""The command serves pages until it is interrupted, and names what keeps it from starting."""

import signal
import subprocess
import sys
import urllib.request

import pytest

from visionflan.cli.main import main

pytest.importorskip("uvicorn", reason="the extra `web` is not installed")


def test_the_command_prints_a_url_that_answers_until_ctrl_c() -> None:
    command = [sys.executable, "-m", "visionflan", "web", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().split()[0]
        assert url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(url, timeout=30) as response:
            assert response.headers["content-security-policy"]
            assert "server" not in response.headers
            assert b"<h1>visionflan</h1>" in response.read()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
        assert process.stdout.read() == process.stderr.read() == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "203.0.113.7"], "cannot listen at 203.0.113.7 port 8000"),
        (["--data-root", "/nonexistent"], "/nonexistent is not a directory"),
        (["/nonexistent"], "/nonexistent has no manifest.json"),
    ],
)
def test_what_keeps_it_from_starting_is_one_sentence(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["web", *arguments]) == 1
    assert capsys.readouterr().err.startswith(f"error: {message}")


def test_a_checkpoint_without_a_build_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["web", "--checkpoint", "somewhere"]) == 2
    assert "name a BUILD" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["65536", "-1", "http", "²"])
def test_a_wrong_port_is_wrong_usage(port: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["web", "--port", port])
    assert stopped.value.code == 2
