from pathlib import Path

from PIL import Image

from visionflan.dataset import BrokenRow
from visionflan.datasets import model_vs_human
from visionflan.specimens import write_image


def test_the_instruction_lists_every_style() -> None:
    instruction = model_vs_human.dataset.tasks["image_style_classification"].instruction
    assert len(model_vs_human.STYLES) == 17
    for style in {model_vs_human.COLOR, *model_vs_human.STYLES.values()}:
        assert style in instruction


def test_the_condition_decides_and_not_the_experiment(tmp_path: Path) -> None:
    names = {
        "colour": ("0001_cl_dnn_bw_oven_40_n04111531_1.png", "grayscale photograph"),
        "contrast": ("0001_cop_dnn_c100_knife_10_n03041632_1.png", ""),
        "eidolonIII": ("0001_eid_dnn_16-0-10_bear_10_n02134084_1.png", "eidolon distortion"),
        "false-colour": ("0001_fc_dnn_True_car_35_n03100240_1.png", "color photograph"),
        "power-equalisation": ("1099_pow_dnn_0_keyboard_35_n03085013_20138.png", ""),
        "sketch": ("0001_ske_dnn_0_boat_00_boat-0068-sketch-23.png", "sketch"),
    }
    for experiment, (name, _) in names.items():
        folder = tmp_path / experiment / "dnn" / "session-1"
        write_image(folder / name, Image.new("RGB", (8, 8)))
    rows = list(model_vs_human.dataset.rows(tmp_path))
    assert {row.key.split("/")[0]: row.style for row in rows} == {
        experiment: style for experiment, (_, style) in names.items()
    }
    examples = [model_vs_human.image_style_classification(row) for row in rows]
    assert sum(example is None for example in examples) == 2


def test_a_name_without_a_condition_is_reported(tmp_path: Path) -> None:
    image = tmp_path / "rotation/dnn/session-1/0001_rot.png"
    write_image(image, Image.new("RGB", (8, 8)))
    (broken,) = model_vs_human.read(tmp_path)
    assert isinstance(broken, BrokenRow)
    assert broken.reason == "malformed_name"


def test_a_conflict_of_two_equal_things_is_none(tmp_path: Path) -> None:
    for name in ("airplane1-bicycle2.png", "airplane1-airplane4.png"):
        write_image(tmp_path / "cue-conflict" / "airplane" / name, Image.new("RGB", (8, 8)))
    styles = {row.image.name: row.style for row in model_vs_human.dataset.rows(tmp_path)}
    assert styles == {
        "airplane1-bicycle2.png": "texture and shape in conflict",
        "airplane1-airplane4.png": "",
    }
