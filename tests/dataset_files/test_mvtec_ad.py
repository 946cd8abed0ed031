"""MVTec AD: its categories and kinds of defects are complete, and phrased in words."""

from visionflan.datasets.mvtec_ad import CATEGORIES, SAID, dataset, in_words

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
    folders = {kind for kinds in RELEASED.values() for kind in kinds.split()} | {"good"}
    assert set(SAID) <= folders
    assert len({in_words(folder) for folder in folders}) == len(folders)
    assert not any("_" in in_words(folder) for folder in folders)


def test_the_instruction_names_all_15_categories() -> None:
    assert tuple(RELEASED) == CATEGORIES
    names = ", ".join(CATEGORIES).replace("_", " ")
    assert f": {names}." in dataset.tasks["image_classification"].instruction
