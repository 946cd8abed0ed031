"""An option that a demonstration does not use is refused before anything is written."""

from pathlib import Path

import pytest

from visionflan.cli.main import main


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (["evaluate", "--demo", "--out", "never"], "--out"),
        (["evaluate", "--demo", "--conditions", "original"], "--conditions"),
        (["evaluate", "--demo", "--stages", "base"], "--stages"),
        (["evaluate", "--demo", "--limit", "3"], "--limit"),
        (["evaluate", "--demo", "--no-cache"], "--no-cache"),
        (["score", "--demo", "--judge-model", "x"], "--judge-model"),
        (["import", "--demo", "--out", "never", "--images", "here"], "--images"),
        (["import", "--demo", "--out", "never", "--format", "huggingface"], "--format"),
    ],
)
def test_it_is_named(
    command: list[str],
    option: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(command) != 0
    output = capsys.readouterr()
    assert f"`--demo` does not use `{option}`: leave it out" in output.err
    assert output.out == ""
    assert list(tmp_path.iterdir()) == []


def test_options_that_it_uses_are_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--demo", "--benchmarks", "pope", "--json"]) == 0
    assert '"benchmark": "pope"' in capsys.readouterr().out
