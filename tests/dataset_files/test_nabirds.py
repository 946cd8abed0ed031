from pathlib import Path

from visionflan.datasets.nabirds import PARTS, Row, bird_species_detection, dataset


def test_the_instruction_names_every_part_in_the_order_of_the_answer() -> None:
    assert ", ".join(PARTS) in dataset.tasks["body_part_detection"].instruction


def test_sex_and_age_are_no_part_of_the_species() -> None:
    row = Row("0001/a.jpg", Path("a.jpg"), "Northern Cardinal (Adult Male)", ())
    example = bird_species_detection(row)
    assert example
    assert example.target == "Northern Cardinal"


def test_the_species_of_a_specimen_are_distinguished_by_name_and_the_parts_by_view(
    tmp_path: Path,
) -> None:
    dataset.write_specimen(tmp_path, 28)
    parts = {example.target for example in dataset.examples("body_part_detection", tmp_path)}
    assert "crown; nape; back; tail; left wing; right wing" in parts
    assert len(parts) == 4
