"""A fault of a study is named in one sentence, before anything is trained."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from visionflan import catalog
from visionflan.analysis.plan import StudySettings, plan_study
from visionflan.analysis.run import Workers, run_study
from visionflan.analysis.store import Store
from visionflan.analysis.studies import load
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.cli.main import main
from visionflan.errors import AnalysisError
from visionflan.recipes import base_7b, tiny


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the releases of one dataset with one task."""
    directory = tmp_path_factory.mktemp("releases")
    catalog.load("caltech101").write_specimen(directory / "caltech101", 20)
    return directory


@pytest.fixture(scope="module")
def one_task(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a build of one task, with held-out images."""
    out = tmp_path_factory.mktemp("one_task") / "build"
    build(releases, out, BuildSettings(hold_out_images=0.3), workers=1)
    return out


def settings(name: str, build: Path | None, *factors: str) -> StudySettings:
    study = load(name)
    return StudySettings(
        name=name,
        build=build,
        recipe=tiny(),
        seeds=(0,),
        factors=study.values(factors, paper=False, quick=False),
    )


def refusal(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the only line that a refused command prints."""
    assert main(["analyze", *words]) in (1, 2)
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def test_no_jobs_at_a_time_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["analyze", "modules", "--plan", "--jobs", "0"])
    assert "--jobs: 0 is not an integer of at least 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["module", "--plan"], "no study is named 'module': did you mean modules"),
        (
            ["modules", "--plan", "--set", "parts=both"],
            "its factors are trained, set as NAME=VALUE",
        ),
        (
            ["modules", "--plan", "--set", "trained=left"],
            "has no value 'left': its values are such",
        ),
        (["modules", "--plan", "--recipe", "base_14b"], "there is no recipe 'base_14b'"),
        (["modules", "--plan", "--seeds", "0"], "a study needs at least one seed: set --seeds"),
        (["modules", "--plan", "--data-root", "nowhere"], "nowhere is no directory"),
        (["modules", "--out", "out"], "the study modules needs a build: name one with --build"),
        (["modules"], "name the directory of the study with --out"),
        (["groups", "--plan", "--held-out-tasks", "nothing/*"], "nothing/*"),
        (
            ["modules", "--plan", "--set-recipe", "runtime.num_processes=0"],
            "`runtime.num_processes` is 0, but must be at least 1",
        ),
        (
            ["modules", "--plan", "--set-recipe", "runtime.num_threads=-1"],
            "`runtime.num_threads` is -1, but must be at least 0",
        ),
        (["groups", "--plan", "--set", "rows=10,20"], "rows is the same for all arms of this"),
        (["groups", "--plan", "--set", "rows=0"], "has no value 0: it must be at least 1"),
        (["swap", "--plan", "--set", "language_model=a,b"], "set one value, such as language_m"),
        (["tasks", "--plan", "--set", "tasks=0/60"], "the factor tasks has no value '0/60'"),
        (["tasks", "--plan", "--set", "tasks=near:2/0"], "the factor tasks has no value 'near:2"),
        (["synthetic", "--plan", "--set", "k=-5"], "has no value -5: it must be at least 0"),
        (["synthetic", "--plan", "--set", "k=5000"], "5,000 conversations, but the recipe writ"),
        (["connector", "--plan", "--set", "connector=nan"], "at least 0 and at most 1"),
        (["connector", "--plan", "--set", "connector=1.5"], "at least 0 and at most 1"),
    ],
)
def test_a_command_is_refused_in_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in refusal(words, capsys)


def test_a_build_without_held_out_instances_is_refused(releases: Path, tmp_path: Path) -> None:
    build(releases, tmp_path / "build", BuildSettings(hold_out_images=0), workers=1)
    with pytest.raises(AnalysisError, match="build again with `--hold-out-images"):
        plan_study(load("modules"), settings("modules", tmp_path / "build"))


def test_a_build_of_one_task_leaves_none_to_hold_out(one_task: Path) -> None:
    with pytest.raises(AnalysisError, match="so none can be left out of training: build more"):
        plan_study(load("tasks"), settings("tasks", one_task))


def test_too_few_tasks_for_a_draw_are_refused(study_build: Path) -> None:
    chosen = replace(settings("tasks", study_build, "tasks=99/60"), held_out_tasks=("dtd/*",))
    with pytest.raises(AnalysisError, match=r"the study draws 99 tasks, but .* to choose from"):
        plan_study(load("tasks"), chosen)


def test_too_few_rows_are_refused(study_build: Path) -> None:
    chosen = replace(settings("tasks", study_build, "tasks=2/9999"), held_out_tasks=("dtd/*",))
    with pytest.raises(AnalysisError, match="but the study uses 9,999: set fewer rows"):
        plan_study(load("tasks"), chosen)


def test_a_build_without_text_and_captions_cannot_be_read(one_task: Path) -> None:
    with pytest.raises(AnalysisError, match="no held-out instances of a task about text or capt"):
        plan_study(load("reading"), settings("reading", one_task))


def test_a_swap_without_another_language_model_is_refused() -> None:
    chosen = replace(settings("swap", None), recipe=base_7b())
    with pytest.raises(AnalysisError, match="has no stage chat"):
        plan_study(load("swap"), chosen)
    chat = replace(base_7b(), stages=(*base_7b().stages, tiny().stage("chat")))
    with pytest.raises(AnalysisError, match="with --set language_model=DIR"):
        plan_study(load("swap"), replace(chosen, recipe=chat))


def test_a_language_model_that_is_not_there_is_named_before_training(
    study_build: Path, tmp_path: Path
) -> None:
    chosen = settings("swap", study_build, "language_model=no-llama")
    with pytest.raises(
        AnalysisError, match=r"language model .* reads no-llama, which is not there"
    ):
        run_study(chosen, tmp_path / "out", Store(tmp_path / "store"), Workers(), print)


def test_a_benchmark_that_is_not_there_is_named_before_training(
    study_build: Path, tmp_path: Path
) -> None:
    (tmp_path / "benchmarks" / "mnist").mkdir(parents=True)
    chosen = replace(settings("forgetting", study_build), data_root=tmp_path / "benchmarks")
    with pytest.raises(AnalysisError, match=r"reads .*/cifar10, .*/miniimagenet, which is not"):
        run_study(chosen, tmp_path / "out", Store(tmp_path / "store"), Workers(), print)


def test_a_plan_of_the_catalog_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="needs a build: name one with --build"):
        run_study(settings("modules", None), tmp_path, Store(tmp_path), Workers(), print)
    assert not list(tmp_path.iterdir())


def test_a_library_that_is_missing_is_named_before_a_step_is_run(
    study_build: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    command = ["analyze", "modules", "--build", str(study_build), "--quick"]
    assert main([*command, "--out", str(tmp_path / "study")]) == 1
    expected = "error: this command needs cloudpickle: pip install 'visionflan[analyze]'\n"
    assert capsys.readouterr().err.endswith(expected)
    assert not list((tmp_path / "study").rglob("log.txt"))
