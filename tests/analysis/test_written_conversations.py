"""The study `synthetic` trains on what models wrote, chosen by kind and author."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.llm_server import serving
from tests.helpers.writing_server import run_synthesis, writing_server
from visionflan.analysis.plan import StudyPlan, StudySettings, plan_study
from visionflan.analysis.run import Workers, run_study
from visionflan.analysis.steps.evaluate import EvaluateStep
from visionflan.analysis.store import Store
from visionflan.analysis.studies import load
from visionflan.builder.combine import combine_builds
from visionflan.errors import AnalysisError, UnknownNameError
from visionflan.evaluate.records.record import read_records
from visionflan.storage.directory import BuildDirectory
from visionflan.train.checkpoint import read_run_json
from visionflan.train.config import TrainConfig

WRITTEN = (("conversation", "Writer-1"), ("detail", "Writer-1"), ("conversation", "org/Writer 2"))


@pytest.fixture(scope="module")
def written(study_build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a build of what two models wrote, of which some is about held-out images."""
    directory = tmp_path_factory.mktemp("written")
    rows = BuildDirectory(study_build)
    with serving(writing_server()) as server:
        parts = [
            run_synthesis(server, rows, directory / f"{number}", kind, 8, model=model, held_out=3)[
                0
            ].build
            for number, (kind, model) in enumerate(WRITTEN)
        ]
    return combine_builds(parts, directory / "all").path


def study_settings(
    build: Path, recipe: TrainConfig, written: Path, k: str, **data: Any
) -> StudySettings:
    """Return the settings of the study with a chat stage on some of what was written."""
    *stages, chat = recipe.stages
    changed: dict[str, Any] = {"build": written, "synthetic_conversations": None, **data}
    chat = replace(chat, data=replace(chat.data, **changed))
    study = load("synthetic")
    return StudySettings(
        name="synthetic",
        build=build,
        recipe=replace(recipe, stages=(*stages, chat)),
        seeds=(0,),
        factors=study.values([f"k={k}", "start=base"], paper=False, quick=False),
        held_out_tasks=(),
        limit=3,
    )


def planned(settings: StudySettings) -> StudyPlan:
    return plan_study(load("synthetic"), settings)


def test_the_study_trains_and_asks_what_one_author_wrote_of_one_kind(
    study_build: Path, short_recipe: TrainConfig, written: Path, shared_store: Store, tmp_path: Path
) -> None:
    chosen = study_settings(
        study_build, short_recipe, written, "0,6", tasks=("*/conversation",), authors=("Writer-1",)
    )
    results = run_study(chosen, tmp_path, shared_store, Workers(jobs=2), lambda line: None)
    assert {arm.name: [run.failure for run in arm.replicates] for arm in results.arms} == {
        "base, k=0": [""],
        "base, k=6": [""],
    }
    ((_, arms),) = planned(chosen).replicates
    arm = dict(arms)["base, k=6"]
    run = read_run_json(arm.model.checkpoint(shared_store.output(arm.model)))
    assert run["data"]["rows_by_task"] == {"written-by-writer-1/conversation": 6}
    styled = arm.outputs["conversations"]
    assert isinstance(styled, EvaluateStep)
    tasks = {record.task for record in read_records(styled.records(shared_store.output(styled)))}
    assert tasks == {"written-by-writer-1/conversation"}


def test_an_author_who_wrote_nothing_and_too_few_conversations_are_refused(
    study_build: Path, short_recipe: TrainConfig, written: Path
) -> None:
    arguments = study_build, short_recipe, written
    with pytest.raises(
        UnknownNameError, match=r"by 'gpt-\*': its authors are org-writer-2, writer"
    ):
        planned(study_settings(*arguments, "0,6", authors=("gpt-*",)))
    with pytest.raises(AnalysisError, match="9 conversations, but the stage chat may use 8"):
        planned(study_settings(*arguments, "0,9", authors=("org/Writer 2",)))
