import re
from importlib.resources import files

from visionflan.layouts.wordnet import names


def test_every_line_of_the_table_is_another_class_with_another_name() -> None:
    table = (files("visionflan") / "resources" / "imagenet_names.tsv").read_text()
    assert len(table.splitlines()) == len(names()) == 1000
    assert list(names()) == sorted(names())
    assert len({name.casefold() for name in names().values()}) == 1000


def test_ids_and_names_have_their_form() -> None:
    for identifier, name in names().items():
        assert re.fullmatch(r"n\d{8}", identifier)
        assert re.fullmatch(r"[A-Za-z][A-Za-z'. -]*[A-Za-z]", name), name
        assert len(name.split()) <= 5


def test_names_belong_to_their_ids() -> None:
    known = {
        "n01440764": "tench",
        "n02012849": "crane bird",
        "n03126707": "construction crane",
        "n03710637": "maillot",
        "n03710721": "one-piece swimsuit",
        "n03773504": "missile",
        "n04008634": "projectile",
        "n04355933": "sunglass",
        "n04356056": "sunglasses",
        "n02091032": "Italian greyhound",
        "n15075141": "toilet paper",
    }
    assert {identifier: names()[identifier] for identifier in known} == known
