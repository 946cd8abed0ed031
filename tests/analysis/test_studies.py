"""Studies are found by name or file, and their factors take values from the command line."""

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from visionflan.analysis import measures
from visionflan.analysis.claims import Claim
from visionflan.analysis.factor import Factor, values_text
from visionflan.analysis.measure import Measure
from visionflan.analysis.plan import StudySettings, plan_study
from visionflan.analysis.studies import load, names
from visionflan.analysis.study import Study
from visionflan.errors import AnalysisError, DefinitionError, UnknownNameError
from visionflan.train.config import TrainConfig

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "add-a-study.md").read_text()


def test_the_page_lists_every_study() -> None:
    assert set(
        re.findall(r"^\| `(\w+)` \|", (DOCS / "studies.md").read_text(), re.MULTILINE)
    ) == set(names())


def test_the_study_of_the_page_is_planned(
    tmp_path: Path, study_build: Path, short_recipe: TrainConfig
) -> None:
    file = tmp_path / "my_study.py"
    file.write_text(GUIDE.split("```python\n")[1].split("```")[0])
    study = load(str(file))
    settings = StudySettings(
        name=str(file),
        build=study_build,
        recipe=short_recipe,
        seeds=(0, 1),
        factors=study.values([], paper=False, quick=False),
    )
    plan = plan_study(study, settings)
    assert [sorted(arms) for _, arms in plan.replicates] == [["300 steps", "600 steps"]] * 2
    # Of each seed: pretraining, alignment, and training and evaluation of two arms.
    assert len(plan.steps) == 2 * (1 + 1 + 2 * 2)


def test_the_guide_lists_every_measure_and_field_of_a_claim() -> None:
    shared = {
        (name, measure.name)
        for name, measure in vars(measures).items()
        if isinstance(measure, Measure)
    }
    assert shared == set(re.findall(r"^\| `([A-Z_]+)` \| `(\w+)`", GUIDE, re.MULTILINE))
    table = GUIDE.partition("| field |")[2]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    documented = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert documented == [field.name for field in fields(Claim)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("study = 1", "must define one `study`"),
        ("import visionflan.nothing", "my_study.py:1: ModuleNotFoundError"),
        ("study = (", "my_study.py:1: SyntaxError"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "my_study.py"
    file.write_text(content)
    with pytest.raises(DefinitionError, match=message):
        load(str(file))


def test_an_unknown_study_suggests_a_near_one() -> None:
    with pytest.raises(UnknownNameError, match="modules"):
        load("module")


def test_an_unknown_study_names_the_command_that_lists_them_or_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownNameError, match="'my_own': see `visionflan analyze`"):
        load("my_own")
    Path("my_own.py").touch()
    with pytest.raises(UnknownNameError, match=r"did you mean the file my_own\.py\?"):
        load("my_own")


def test_a_relative_path_has_the_line_of_the_fault_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("faulty.py").write_text("\nstudy = 1 / 0\n")
    with pytest.raises(DefinitionError, match=r"faulty\.py:2: ZeroDivisionError"):
        load("faulty.py")


FACTOR = Factor("k", "", (0, 10, "some"), pattern=r"\d+x\d+")


def test_values_have_the_type_of_the_declared_ones() -> None:
    assert FACTOR.parse("5,some,3x4,5") == (5, "some", "3x4")


def test_a_declared_value_may_have_a_comma() -> None:
    factor = Factor("stages", "", ("mixed", "mixed, longer"))
    assert factor.parse("mixed, longer,mixed") == ("mixed, longer", "mixed")
    assert factor.parse("mixed,mixed, longer") == ("mixed", "mixed, longer")
    assert values_text(factor.values) == 'mixed, "mixed, longer"'


@pytest.mark.parametrize("text", ["some,other", "1.5", "x4"])
def test_another_value_is_refused(text: str) -> None:
    with pytest.raises(AnalysisError, match="the factor k has no value"):
        FACTOR.parse(text)


def test_no_value_is_refused() -> None:
    with pytest.raises(AnalysisError, match="has no value: write k=VALUE"):
        FACTOR.parse(",")


@pytest.mark.parametrize("setting", ["layers=both", "trained"])
def test_an_unknown_factor_names_the_known_ones(setting: str) -> None:
    with pytest.raises(AnalysisError, match="its factors are trained"):
        load("modules").values([setting], paper=False, quick=False)


def test_quick_and_paper_have_their_own_values() -> None:
    study = load("tasks")
    assert study.values([], paper=True, quick=False)["tasks"][0] == "10x10000"
    assert len(study.values([], paper=False, quick=True)["tasks"]) == 2


def test_a_claim_about_no_measure_is_refused() -> None:
    study = load("modules")
    with pytest.raises(DefinitionError, match="is about image_gap, which is no measure"):
        replace(study, measures=study.measures[1:])


def test_two_arms_of_one_name_are_refused(study_build: Path, short_recipe: TrainConfig) -> None:
    study = load("modules")
    double: Study = replace(study, list_arms=None)
    double.arms(lambda replicate, factors: [replicate.arm("a", replicate.aligned)] * 2)
    settings = StudySettings(
        name="modules", build=study_build, recipe=short_recipe, seeds=(0,), factors={}
    )
    with pytest.raises(DefinitionError, match="has two arms a"):
        plan_study(double, settings)
