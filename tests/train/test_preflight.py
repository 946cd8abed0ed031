"""What a run needs is checked before a device is opened or a step is pretrained."""

from dataclasses import replace
from pathlib import Path

import pytest

from visionflan.cli.main import main
from visionflan.errors import BuildError, TrainingError, UnknownNameError
from visionflan.recipes.tiny import tiny
from visionflan.train import run as run_module
from visionflan.train.config import DataConfig, InitConfig, TrainConfig
from visionflan.train.run import train


@pytest.fixture
def config(config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> TrainConfig:
    """Return a sound run of two stages, with a trap for anything that opens a device."""

    def too_late(device: str) -> None:
        raise AssertionError(f"opens {device}")

    monkeypatch.setattr(run_module, "init_distributed", too_late)
    (base,) = config.stages
    return replace(config, stages=(base, replace(base, name="chat")))


def test_a_sound_run_opens_the_device(config: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="opens cpu"):
        train(config, tmp_path / "run")


def test_all_missing_parts_are_named_at_once(config: TrainConfig, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    init = InitConfig(vision_tower=tmp_path / "empty", language_model=tmp_path / "none")
    message = (
        f"init.vision_tower is {tmp_path}/empty, which has no config.json; "
        f"init.language_model is {tmp_path}/none, which is not a directory"
    )
    with pytest.raises(TrainingError) as error:
        train(replace(config, init=init), tmp_path / "run")
    assert str(error.value) == message
    assert not (tmp_path / "run").exists()


def test_the_build_of_a_later_stage_is_checked_first(config: TrainConfig, tmp_path: Path) -> None:
    later = replace(config.stages[1], data=DataConfig(build=tmp_path / "nowhere"))
    with pytest.raises(BuildError, match="nowhere has no manifest"):
        train(replace(config, stages=(config.stages[0], later)), tmp_path / "run")
    with pytest.raises(TrainingError, match="stage base has no data"):
        train(replace(config, build=None), tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "init"),
    [
        ("checkpoint", InitConfig(checkpoint=Path("model"))),
        ("vision_tower", InitConfig(vision_tower=Path("model"))),
        ("language_model", InitConfig(language_model=Path("model"))),
    ],
)
def test_pretraining_and_a_model_to_start_from_exclude_each_other(
    config: TrainConfig, tmp_path: Path, name: str, init: InitConfig
) -> None:
    with pytest.raises(TrainingError, match=rf"would not use init\.{name}.*or set pretrain=none"):
        train(replace(tiny(), build=config.build, init=init), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_directory_of_others_is_refused_as_it_is(config: TrainConfig, tmp_path: Path) -> None:
    out = tmp_path / "photos"
    out.mkdir()
    (out / "beach.jpg").write_bytes(b"a photo")
    with pytest.raises(TrainingError, match=r"not a run and has other files, such as beach\.jpg"):
        train(config, out)
    assert [path.name for path in out.iterdir()] == ["beach.jpg"]
    with pytest.raises(TrainingError, match=r"beach\.jpg is a file"):
        train(config, out / "beach.jpg")
    assert config.build is not None
    with pytest.raises(TrainingError, match="is not a run and has other files"):
        train(config, config.build)


@pytest.mark.parametrize(
    ("setting", "error", "message"),
    [
        ("init.chat_template=vicunna", TrainingError, "neither a file nor one of vicuna, plain"),
        ("init.family=lava", UnknownNameError, "llava"),
    ],
)
def test_an_unknown_template_or_family_is_refused_by_show_too(
    setting: str, error: type[Exception], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "base_7b", "--out", "never", "--show", "--set", setting]) == 1
    output = capsys.readouterr()
    assert message in output.err
    assert output.out == ""
