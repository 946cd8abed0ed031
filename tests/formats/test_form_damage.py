"""Every reader survives damaged releases and those of other forms, and loses nothing unsaid."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visionflan import formats

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
NAMES = formats.names()


def load_script(name: str) -> ModuleType:
    """Import a benchmark, which is not part of the package."""
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield load_script("fuzz_formats")


@pytest.fixture(scope="module")
def fuzzer(script: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return script.Fuzzer(tmp_path_factory.mktemp("forms"), NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_release_of_each_form_is_read_completely(fuzzer: Any, script: Any, name: str) -> None:
    reading = script.read(fuzzer.directory / name, "")
    assert not reading.broken
    assert not reading.refusal
    assert len(reading.records) == script.RECORDS == fuzzer.sound[name]
    assert any(len(record.images) > 1 for record in reading.records)


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_refuses_the_release_of_another_form_or_accounts_for_its_records(
    fuzzer: Any, script: Any, name: str
) -> None:
    for other in set(NAMES) - {name}:
        reading = script.read(fuzzer.directory / other, name)
        assert list(script.failures_of(reading, script.RECORDS, None)) == []
        assert reading.refusal or reading.total


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25)
@given(seed=st.integers(0, 1 << 32))
def test_damage_costs_records_with_a_reason_or_the_release_with_a_sentence(
    fuzzer: Any, name: str, seed: int
) -> None:
    assert fuzzer.trial(name, f"{seed}") == []


def test_a_silent_loss_would_be_found(fuzzer: Any, script: Any) -> None:
    damaged = script.Damaged("train.json", "zeroed", is_directory=False)
    reading = script.read(fuzzer.directory / "llava", "")
    assert "gone without a word" in next(script.failures_of(reading, script.RECORDS + 1, damaged))
