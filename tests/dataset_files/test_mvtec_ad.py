"""MVTec AD: its categories and kinds of defects are complete, and phrased in words."""

from pathlib import Path

from visionflan.datasets.mvtec_ad import (
    CATEGORIES,
    DEFECTS,
    SAID,
    Row,
    anomaly_detection,
    dataset,
    in_words,
)

# The folders under `test` of each category, as the release has them.
RELEASED = {
    "bottle": "broken_large broken_small contamination",
    "cable": "bent_wire cable_swap combined cut_inner_insulation cut_outer_insulation "
    "missing_cable missing_wire poke_insulation",
    "capsule": "crack faulty_imprint poke scratch squeeze",
    "carpet": "color cut hole metal_contamination thread",
    "grid": "bent broken glue metal_contamination thread",
    "hazelnut": "crack cut hole print",
    "leather": "color cut fold glue poke",
    "metal_nut": "bent color flip scratch",
    "pill": "color combined contamination crack faulty_imprint pill_type scratch",
    "screw": "manipulated_front scratch_head scratch_neck thread_side thread_top",
    "tile": "crack glue_strip gray_stroke oil rough",
    "toothbrush": "defective",
    "transistor": "bent_lead cut_lead damaged_case misplaced",
    "wood": "color combined hole liquid scratch",
    "zipper": "broken_teeth combined fabric_border fabric_interior rough split_teeth "
    "squeezed_teeth",
}


def test_every_one_of_the_73_defects_is_said_in_words_of_its_own() -> None:
    assert sum(len(kinds.split()) for kinds in RELEASED.values()) == 73
    assert DEFECTS == RELEASED
    folders = {kind for kinds in RELEASED.values() for kind in kinds.split()} | {"good"}
    assert set(SAID) <= folders
    assert len({in_words(folder) for folder in folders}) == len(folders)
    assert not any("_" in in_words(folder) for folder in folders)


def test_the_options_are_the_kinds_of_the_object() -> None:
    image = Path("000.png")
    example = anomaly_detection(Row("grid/test/bent/000", image, "grid", "bent"))
    assert example is not None
    assert example.options[0] == "no defect"
    assert example.target in example.options
    assert len(example.options) == 6
    renamed = anomaly_detection(Row("grid/test/torn/000", image, "grid", "torn"))
    assert renamed is not None
    assert renamed.target == "torn"


def test_the_instruction_names_all_15_categories() -> None:
    assert tuple(RELEASED) == CATEGORIES
    names = ", ".join(CATEGORIES).replace("_", " ")
    assert f": {names}." in dataset.tasks["image_classification"].instruction
