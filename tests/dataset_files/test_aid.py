"""Facts about AID that the tests of all dataset files cannot know."""

from visionflan.datasets import aid


def test_there_are_30_kinds_of_scenes_and_the_instruction_names_all() -> None:
    assert len(set(aid.NAMES.values())) == 30
    listed = aid.dataset.tasks["aerial_scene_classification"].instruction
    names = listed.split(": ")[1].split("?")[0].replace(" or ", ", ").split(", ")
    assert names == sorted(aid.NAMES.values())
