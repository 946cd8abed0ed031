"""`visionflan evaluate --server`: its options, its estimate, and its output."""

from pathlib import Path

import pytest

from tests.helpers.llm_server import LlmServer, serving
from tests.helpers.served_squares import squares_server
from tests.helpers.tiny_evaluation import tiny_build
from visionflan.cli.main import main


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_build(tmp_path_factory.mktemp("build") / "build").path


def arguments(server: LlmServer, build: Path, out: Path) -> list[str]:
    named = ["--server", server.url, "--model", "squares", "--build", str(build)]
    return ["evaluate", *named, "--out", str(out), "--limit", "2"]


def test_a_dry_run_calls_nothing(
    build: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(squares_server()) as server:
        assert main([*arguments(server, build, tmp_path), "--dry-run"]) == 0
        assert main([*arguments(server, build, tmp_path), "--conditions", "original"]) == 0
        assert "note: a served model returns no log-likelihoods" in capsys.readouterr().out
        sent = len(server.paths)
        priced = ["--dry-run", "--price-per-mtok", "2,10"]
        assert main([*arguments(server, build, tmp_path), *priced]) == 0
        assert len(server.paths) == sent
    text = capsys.readouterr().err
    assert " stored, " in text
    assert " 0 stored" not in text
    assert "US dollars, more if calls are repeated" in text


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--stages", "base"], "`--stages` is for checkpoints"),
        (["--device", "cpu"], "`--device` is for checkpoints"),
        (["--max-usd", "5"], "`--max-usd` needs the prices of tokens"),
        (["--api-key-env", "NO_SUCH_KEY"], "NO_SUCH_KEY contains no API key"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    extra: list[str],
    message: str,
    build: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving(squares_server()) as server:
        assert main([*arguments(server, build, tmp_path), *extra]) != 0
        assert server.paths == []
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--server", "http://localhost/v1"], "`--server` needs `--model`"),
        (["--server", "http://localhost/v1", "--model", "x"], "`--server` needs `--out`"),
        (["run", "--send-images"], "`--send-images` needs `--server`"),
        (["run", "--workers", "3"], "`--workers` needs `--server`"),
    ],
)
def test_options_of_a_server_need_one(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *options]) == 2
    assert message in capsys.readouterr().err
