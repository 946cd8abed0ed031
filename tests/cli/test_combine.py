"""The command line of `combine`."""

from pathlib import Path

import pytest

from tests.helpers.tiny_evaluation import tiny_build
from visionflan.builder.conversations import write_conversations
from visionflan.cli.main import main
from visionflan.verify.build import verify_build


def test_builds_are_combined_and_no_other_directory_is_touched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tiny_build(tmp_path / "rows", 4)
    write_conversations(rows, tmp_path / "written", 6)
    command = ["combine", *(str(tmp_path / name) for name in ("rows", "written")), "--out"]
    assert main([*command, str(tmp_path / "both")]) == 0
    assert "instances of 9 tasks from 2 builds" in capsys.readouterr().err
    (tmp_path / "here/.here.tmp").mkdir(parents=True)  # of an interrupted command
    with monkeypatch.context() as patch:
        patch.chdir(tmp_path / "here")
        assert main([*command, "."]) == 0
    assert verify_build(tmp_path / "here").instances == verify_build(tmp_path / "both").instances
    assert not (tmp_path / "here/.here.tmp").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes").touch()
    assert main([*command, str(tmp_path / "other")]) == 1
    assert "is not empty: choose a new directory" in capsys.readouterr().err
    assert main(["combine", str(tmp_path / "rows"), "--out", str(tmp_path / "one")]) == 2
    assert "needs at least two builds" in capsys.readouterr().err
    assert not (tmp_path / "one").exists()
