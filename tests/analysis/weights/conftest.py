"""Fixtures of tests of weights."""

import pytest

from tests.helpers.exchanged_parts import Models, save_checkpoint, vary
from tests.helpers.tiny_checkpoint import save_language_model, save_tower
from visionflan.model import families
from visionflan.model.families.llava import Llava
from visionflan.plugins import Plugin


@pytest.fixture
def toy_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        families.FAMILIES, "installed", {"toy": Plugin("tests.helpers.toy_family", "lab")}
    )


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    directory = tmp_path_factory.mktemp("models")
    tower = save_tower(directory / "tower")
    language_model = save_language_model(directory / "language_model")
    for seed, name in enumerate(("first", "second")):
        vlm = Llava.build(tower, language_model, chat_template="vicuna")
        save_checkpoint(directory / name, vary(vlm, seed))
    return Models(directory / "first", directory / "second", directory)
