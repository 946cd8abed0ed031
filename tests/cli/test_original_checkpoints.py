"""`visionflan import-checkpoint` and `export-checkpoint`, from arguments to what they print."""

from pathlib import Path

import pytest

from tests.helpers.original_checkpoint import make_parts, write_bin_shards, write_settings
from tests.helpers.tiny_checkpoint import save_tower, write_build
from visionflan.cli.main import main


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    parts = make_parts(save_tower(tmp_path / "tower"))
    write_bin_shards(write_settings(tmp_path / "llava", parts), parts.weights())
    return tmp_path


def test_a_model_goes_in_and_out(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["import-checkpoint", "llava", "--vision-tower", "tower", "--out", "checkpoint"]
    assert main(command) == 0
    assert capsys.readouterr().out == "checkpoint: a checkpoint with the weights of llava\n"
    export = ["export-checkpoint", "checkpoint", "--format", "llava", "--out", "again"]
    assert main([*export, "--vision-tower", str(directory / "tower")]) == 0
    output = capsys.readouterr()
    assert output.out == "again: the weights of checkpoint in the form of LLaVA's own code\n"
    assert output.err == ""
    assert main(["import-checkpoint", "again", "--vision-tower", "tower", "--out", "third"]) == 0
    assert capsys.readouterr().err == ""


def test_an_error_is_one_sentence_and_nothing_is_written(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / "llava/pytorch_model-00001-of-00003.bin").unlink()
    before = sorted(directory.iterdir())
    assert main(["import-checkpoint", "llava", "--vision-tower", "tower", "--out", "new"]) == 1
    assert capsys.readouterr().err == (
        "error: llava/pytorch_model-00001-of-00003.bin is missing, which "
        "pytorch_model.bin.index.json lists: copy it there\n"
    )
    assert main(["export-checkpoint", "llava", "--format", "llava", "--out", "new"]) == 1
    assert "import it by `visionflan import-checkpoint llava" in capsys.readouterr().err
    assert sorted(directory.iterdir()) == before


def test_a_run_from_the_original_form_names_the_command(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_build(directory / "build", count=4)
    train = ["train", "finetune", "--build", "build", "--out", "run"]
    assert main([*train, "--set", "init.checkpoint=llava"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "error: llava is in the form of LLaVA's own code: import it by `visionflan "
        "import-checkpoint llava --vision-tower DIR --out CKPT`, and name CKPT instead"
    )
