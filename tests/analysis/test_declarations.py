"""A study that is declared wrongly is refused in one sentence, before anything is trained."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from visionflan.analysis.arm import Arm
from visionflan.analysis.factor import Factor, Factors
from visionflan.analysis.plan import StudySettings, plan_study
from visionflan.analysis.replicate import Replicate
from visionflan.analysis.studies import load
from visionflan.analysis.study import ListArms, Study
from visionflan.errors import DefinitionError
from visionflan.recipes import tiny

MODULES = load("modules")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"claims": MODULES.claims * 2}, "two of its claims are named 'language_model_learns_m"),
        ({"measures": MODULES.measures * 2}, "two of its measures are named 'image_gap'"),
        ({"factors": MODULES.factors * 2}, "two of its factors are named 'trained'"),
        ({"claims": (), "measures": ()}, "has no measure: declare at least one"),
        ({"claims": MODULES.claims[0]}, "claims must be a tuple of Claim, with a comma"),
        ({"measures": MODULES.measures[0]}, "measures must be a tuple of Measure, with a comma"),
        ({"factors": MODULES.factors[0]}, "factors must be a tuple of Factor, with a comma"),
        ({"factors": (Factor("k", "", ()),)}, "the factor k must have a tuple of values"),
        ({"factors": (Factor("k", "", "ab"),)}, "the factor k must have a tuple of values"),  # type: ignore[arg-type]
    ],
)
def test_a_field_with_a_fault_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        replace(MODULES, **changes)


def plan(list_arms: ListArms) -> None:
    study: Study = replace(MODULES, list_arms=list_arms)
    settings = StudySettings(
        name="modules", build=None, recipe=tiny(), seeds=(0, 1), factors={"trained": ("both",)}
    )
    plan_study(study, settings)


def bare(replicate: Replicate, factors: Factors) -> Iterator[Arm]:
    yield replace(replicate.arm("a", replicate.aligned), outputs={})


def only_in_one_replicate(replicate: Replicate, factors: Factors) -> Iterator[Arm]:
    yield replicate.arm("a", replicate.aligned)
    if replicate.seed:
        yield replicate.arm("b", replicate.base)


def failing(replicate: Replicate, factors: Factors) -> Iterator[Arm]:
    yield replicate.arm("a", replicate.train("base", None, nothing=1))


@pytest.mark.parametrize(
    ("list_arms", "message"),
    [
        (lambda replicate, factors: [], "lists no arm: yield at least one"),
        (lambda replicate, factors: ["both"], "lists 'both', which is no arm"),
        (lambda replicate, factors: None, r"cannot be listed: .*'NoneType' object is not iter"),
        (failing, r"cannot be listed: .*test_declarations.py:\d+: TypeError: .*nothing"),
        (bare, "the arm a of the study .* has no outputs"),
        (only_in_one_replicate, "has the arm b in some replicates only: list the same arms"),
    ],
)
def test_arms_with_a_fault_are_refused(list_arms: ListArms, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        plan(list_arms)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "my_study.py"
    file.write_bytes(b"\0")
    with pytest.raises(DefinitionError, match=r"my_study.py: SyntaxError: source code string"):
        load(str(file))
