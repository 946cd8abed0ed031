from visionflan.datasets.deepweeds import NAMES, dataset


def test_the_instruction_names_every_answer() -> None:
    instruction = dataset.tasks["weed_species_recognition"].instruction
    assert len(NAMES) == 9
    assert [name for name in NAMES.values() if name not in instruction] == []
