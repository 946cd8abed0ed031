"""What a run needs is checked before a device is opened or a step is pretrained."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from tests.helpers.tiny_families import save_tiny
from visionflan.cli.main import main
from visionflan.errors import BuildError, TrainingError, UnknownNameError
from visionflan.model.base import ConnectorConfig
from visionflan.model.chat_templates import load_template
from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.model.families.llava import Llava
from visionflan.recipes.tiny import tiny
from visionflan.train import run as run_module
from visionflan.train.config import DataConfig, InitConfig, TrainConfig
from visionflan.train.config_io import override
from visionflan.train.pretrain_config import PretrainConfig
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
    ("setting", "error", "message"),
    [
        ("data.tasks=nothing", UnknownNameError, "stage chat: no task is named 'nothing'"),
        ("data.split=held_out", TrainingError, "stage chat: .* has no held_out instances"),
        ("data.row_list=nowhere", BuildError, "stage chat: nowhere is not a file"),
        ("data.mixture.weights=*:0", TrainingError, "stage chat: every task has the weight 0"),
        ("frozen=nothing.*", UnknownNameError, r"`stages\.chat\.frozen` matches no weight"),
        ("learning_rates=vision_tower:1", UnknownNameError, r"stages\.chat\.learning_rates"),
        ("adapter.target_modules=q", UnknownNameError, r"stages\.chat\.adapter\.target_modules"),
    ],
)
@pytest.mark.parametrize("num_processes", [1, 2])
def test_the_settings_of_a_later_stage_are_checked_before_any_is_trained(
    config: TrainConfig,
    tmp_path: Path,
    setting: str,
    error: type[Exception],
    message: str,
    num_processes: int,
) -> None:
    changed = override(config, f"stages.chat.{setting}")
    changed = override(changed, f"runtime.num_processes={num_processes}")
    with pytest.raises(error, match=message):
        train(changed, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_features_of_a_tower_that_a_later_stage_trains_are_not_stored(
    config: TrainConfig, tmp_path: Path
) -> None:
    changed = override(config, "stages.chat.trainable=vision_tower,connector")
    changed = override(changed, "runtime.image_cache=features")
    with pytest.raises(TrainingError, match="stage chat trains the vision tower, whose features"):
        train(changed, tmp_path / "run")
    checkpoint = InitConfig(checkpoint=save_tiny(tmp_path / "model", "qwen2_vl"))
    with pytest.raises(TrainingError, match="images of a Qwen2VL model have no fixed size"):
        train(replace(changed, init=checkpoint), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{{ messages }}\n{% if %}", r"line 2 of the chat template is no Jinja \(Expected"),
        (b"\x89PNG", "is not a text file in UTF-8"),
    ],
)
def test_a_file_that_is_no_chat_template_is_refused(
    chat_tokenizer: ChatTokenizer, tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "template.jinja"
    file.write_bytes(content)
    with pytest.raises(TrainingError, match=message):
        Llava.make_chat_tokenizer(chat_tokenizer.processor, load_template(str(file)))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("max_instances=0", "is 0, but must be at least 1"),
        ("synthetic_conversations=-1", "is -1, but must be at least 1"),
        ("max_dropped_fraction=nan", "is nan, but must be at least 0 and at most 1"),
        ("mixture.rows=0", "is 0, but must be at least 1"),
        ("mixture.temperature=0", "is 0.0, but must be at least 0.1"),
    ],
)
def test_a_number_of_the_data_of_a_stage_is_refused_with_its_name(
    config: TrainConfig, setting: str, message: str
) -> None:
    name = setting.partition("=")[0]
    with pytest.raises(TrainingError) as error:
        override(config, f"stages.chat.data.{setting}")
    assert str(error.value) == f"`stages.chat.data.{name}` {message}"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        *(
            (f"pretrain.{field.name}=-1", f"`pretrain.{field.name}` is -1")
            for field in fields(PretrainConfig)
        ),
        ("pretrain.vision_learning_rate=nan", "is nan, but must be at least 0"),
        ("pretrain.patch_size=33", "`pretrain.patch_size` is 33, but must be at most"),
        ("pretrain.hidden_size=33", "must be a multiple of 32"),
    ],
)
def test_sizes_of_pretraining_that_cannot_be_are_refused(
    config: TrainConfig, tmp_path: Path, setting: str, message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        train(override(replace(tiny(), build=config.build), setting), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_layer_that_the_vision_tower_does_not_have_is_refused(
    config: TrainConfig, tmp_path: Path
) -> None:
    vision_tower, language_model = config.init.vision_tower, config.init.language_model
    assert vision_tower is not None
    assert language_model is not None
    for layer in (4, -5):
        message = rf"feature_layer is {layer}, .* 4 layers of hidden states: set it from -4 to 3"
        with pytest.raises(TrainingError, match=message):
            Llava.build(
                vision_tower, language_model, connector=ConnectorConfig(feature_layer=layer)
            )


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
    with pytest.raises(TrainingError, match=f"run is inside the build {config.build}: choose"):
        train(config, config.build / "run")


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
