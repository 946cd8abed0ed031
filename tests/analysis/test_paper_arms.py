"""Without a build, `--plan` prints the arms of the paper's own tables."""

import pytest

from visionflan.analysis.arm import Arm
from visionflan.analysis.plan import StudyPlan, StudySettings, plan_study
from visionflan.analysis.replicate import shorten, with_chat_stage
from visionflan.analysis.steps.surgery import ReplaceStep
from visionflan.analysis.steps.train import TrainStep
from visionflan.analysis.studies import load, names
from visionflan.cli.main import main
from visionflan.recipes import chat_13b, find


def plan(name: str, recipe: str = "base_13b") -> StudyPlan:
    study = load(name)
    settings = StudySettings(
        name=name,
        build=None,
        recipe=with_chat_stage(find(recipe)),
        seeds=(0,),
        factors=study.values([], paper=find(recipe).pretrain is None, quick=False),
    )
    return plan_study(study, settings)


def arms(name: str) -> dict[str, Arm]:
    ((_, arms),) = plan(name).replicates
    return dict(arms)


def stage(arm: Arm) -> TrainStep:
    assert isinstance(arm.model, TrainStep)
    return arm.model


def test_table_3_has_tasks_and_rows_of_each() -> None:
    budgets = {}
    for name, arm in arms("tasks").items():
        data = stage(arm).stage.data
        assert data.mixture is not None
        budgets[name] = (len(data.tasks), data.mixture.max_per_task, data.mixture.rows)
    assert budgets == {
        "10x10000": (10, 10_000, 100_000),
        "187x500": (187, 500, 93_500),
        "20x10000": (20, 10_000, 200_000),
        "187x1000": (187, 1_000, 187_000),
        "187x10000": (187, 10_000, 1_870_000),
    }


def test_no_task_of_the_paper_is_held_out() -> None:
    table = plan("tasks").replicates[0][0]
    assert (len(table.tasks.sizes), len(table.training_tasks)) == (209, 188)
    assert "memecap/image_captioning" in table.held_out_tasks


def test_figures_5_to_8_have_k_conversations_from_both_models() -> None:
    swept: dict[str, dict[int, int | None]] = {"base": {}, "aligned": {}}
    for arm in arms("synthetic").values():
        start, k = str(arm.factors["start"]), int(arm.factors["k"])
        trained = stage(arm).stage
        swept[start][k] = trained.data.max_instances if trained.name == "chat" else 0
    expected = {k: k for k in (0, 100, 1_000, 10_000, 158_000)}
    assert swept == {"base": expected, "aligned": expected}


def test_table_5_freezes_and_tunes_both_parts() -> None:
    trainable = {name: stage(arm).stage.trainable for name, arm in arms("modules").items()}
    assert trainable == {
        "none": ("connector",),  # of the alignment
        "connector": ("connector",),
        "language_model": ("language_model",),
        "both": ("connector", "language_model"),
    }
    assert stage(arms("modules")["none"]).stage.name == "align"


def test_longer_arms_have_the_steps_of_both_where_a_recipe_counts_epochs() -> None:
    rows = 209 * 10_000
    (base, chat), longer = (round(rows / 128), 128), arms("stages")["mixed, longer"]
    assert (stage(longer).stage.steps, stage(longer).stage.epochs) == (base + chat, None)
    assert stage(arms("forgetting")["longer single stage"]).stage.steps == base


def test_a_quick_run_shortens_epochs_too() -> None:
    quick = shorten(chat_13b(), 20)
    assert [(stage.epochs, stage.steps) for stage in quick.stages] == [
        (0.05, None),
        (0.05, None),
        (None, 6),
    ]


@pytest.mark.parametrize("tuned", ["base", "chat"])
def test_table_6_puts_the_aligned_connector_back(tuned: str) -> None:
    restored = arms("connector")[f"{tuned}, aligned connector"].model
    assert isinstance(restored, ReplaceStep)
    assert (restored.part, restored.weight) == ("connector", 1)
    assert [stage.label for stage in restored.parents] == [
        f"train {tuned}, seed 0",
        "train align, seed 0",
    ]


def test_table_7_swaps_the_language_model_of_four_models() -> None:
    swapped = arms("swap")
    assert list(swapped)[::2] == ["aligned", "frozen", "base", "chat"]
    assert stage(swapped["frozen"]).stage.trainable == ("connector",)
    for name in list(swapped)[::2]:
        other = swapped[f"{name}, swapped"].model
        assert isinstance(other, ReplaceStep)
        assert other.part == "language_model"
        assert other.model == swapped[name].model
        assert str(other.donor) == "llama-2-13b-chat"


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("recipe", ["tiny", "base_7b", "chat_13b"])
def test_every_study_is_planned_without_a_build(name: str, recipe: str) -> None:
    planned = plan(name, recipe)
    assert planned.steps
    assert planned.targets


def test_a_recipe_without_a_second_stage_takes_that_of_its_chat_recipe() -> None:
    completed = with_chat_stage(find("base_13b"))
    assert completed.stages == chat_13b().stages
    assert completed.name == "base_13b"
    assert with_chat_stage(completed) == completed
    assert with_chat_stage(find("tiny")) == find("tiny")


def test_the_plan_of_a_paper_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "tasks", "--plan", "--recipe", "base_13b", "--seeds", "1"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("tasks: 10x10000, 187x500, 20x10000, 187x1000, 187x10000\n5 arms")
    assert "187x500 (tasks 187," in printed
    assert "6 train\n  5 evaluate\n0 done, 12 to run" in printed
    assert "not testable, since there is no arm all/800: All tasks are better than two" in printed


def test_a_plan_with_all_arms_can_test_each_claim() -> None:
    for name in names():
        assert not list(plan(name, "tiny").untestable_claims)
