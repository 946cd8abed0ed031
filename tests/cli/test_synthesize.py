"""The command line of `synthesize`: what it prints, refuses and writes."""

from pathlib import Path

import pytest

from tests.helpers.llm_server import serving
from tests.helpers.tiny_evaluation import tiny_build
from tests.helpers.writing_server import MODEL, writing_server
from visionflan.cli.main import main
from visionflan.storage.directory import BuildDirectory


def arguments(tmp_path: Path, url: str, *more: str) -> list[str]:
    build = str(tiny_build(tmp_path / "rows", 4).path)
    options = ["--kind", "conversation", "--server", url, "--count", "3"]
    return ["synthesize", build, *options, "--out", str(tmp_path / "out"), *more]


def test_a_dry_run_prints_the_cost_and_the_command_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(writing_server()) as server:
        command = arguments(tmp_path, server.url, "--model", MODEL, "--price-per-mtok", "1,2")
        assert main([*command, "--dry-run"]) == 0
        assert server.requests == []
        assert "3 replies needed, 0 cached, 3 calls to make" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()
        assert main([*command, "--max-tokens", "1000000"]) == 0
    assert "3 instances of 3 from 3 requests; 4 calls in this run" in capsys.readouterr().err
    assert len(BuildDirectory(tmp_path / "out").instances()) == 3


@pytest.mark.parametrize(
    ("more", "message", "code"),
    [
        ((), "`--server` needs `--model`", 2),
        (("--model", "m", "--max-usd", "1"), "`--max-usd` needs the prices", 2),
        (("--model", "m", "--temperature", "3"), "must be from 0 to 2", 2),
        (("--model", "m", "--tasks", "nothing/*"), "no task is named", 1),
        (("--model", "m", "--with-images"), "only with `--send-images`", 1),
    ],
)
def test_what_cannot_be_run_is_said_in_one_sentence(
    more: tuple[str, ...],
    message: str,
    code: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = arguments(tmp_path, "https://example.org/v1", *more, "--dry-run")
    assert main(command) == code
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1
