"""FGVC-Aircraft: names of families and variants are accepted with and without the maker."""

from pathlib import Path

from visionflan.datasets.fgvc_aircraft import Row, dataset

AIRBUS = Row("1", Path("1.jpg"), "Airbus", "A320", "A321")
BOEING = Row("2", Path("2.jpg"), "Boeing", "Boeing 737", "737-800")
GULFSTREAM = Row("3", Path("3.jpg"), "Gulfstream Aerospace", "Gulfstream", "Gulfstream IV")

LOCKHEED = Row("4", Path("4.jpg"), "Lockheed Corporation", "C-130", "C-130")
BRITISH = Row("5", Path("5.jpg"), "British Aerospace", "BAE 146", "BAE 146-200")


def accepted(level: str, row: Row) -> tuple[str, ...]:
    """Return what is accepted as the name at a level; the target comes first."""
    example = dataset.tasks[f"aircraft_classification_{level}"].to_example(row)
    assert example is not None
    assert example.target == example.references[0]
    return example.references


def test_a_family_may_be_given_with_its_maker() -> None:
    assert accepted("family", AIRBUS) == ("A320", "Airbus A320")
    assert accepted("family", BOEING) == ("Boeing 737",)


def test_a_variant_has_its_maker_before_it_once() -> None:
    assert accepted("variant", BOEING) == ("Boeing 737-800", "737-800")
    assert accepted("variant", GULFSTREAM) == ("Gulfstream IV",)


def test_a_manufacturer_may_be_given_by_its_short_name() -> None:
    assert accepted("manufacturer", LOCKHEED) == ("Lockheed Corporation", "Lockheed")
    assert accepted("variant", LOCKHEED) == (
        "Lockheed Corporation C-130",
        "Lockheed C-130",
        "C-130",
    )
    assert accepted("manufacturer", BRITISH) == ("British Aerospace",)


def test_the_specimen_holds_families_of_both_forms(tmp_path: Path) -> None:
    dataset.write_specimen(tmp_path, 16)
    examples = list(dataset.examples("aircraft_classification_family", tmp_path))
    assert {len(example.references) for example in examples} == {1, 2, 3}
