"""Measure how long it takes to plan a study of 200 arms: those of the paper's Table 3, 40 times.

The tasks are those of the catalog, which is imported before.

    python benchmarks/plan_time.py
"""

import time

from visionflan import catalog
from visionflan.analysis.plan import StudySettings, plan_study
from visionflan.analysis.replicate import with_chat_stage
from visionflan.analysis.studies import load
from visionflan.recipes import base_13b

SEEDS = 40


def main() -> None:
    """Plan once, with the digests of all steps, and print the time."""
    study = load("tasks")
    settings = StudySettings(
        name="tasks",
        build=None,
        recipe=with_chat_stage(base_13b()),
        seeds=tuple(range(SEEDS)),
        factors=study.values([], paper=True, quick=False),
    )
    catalog.task_names()
    began = time.perf_counter()
    plan = plan_study(study, settings)
    steps, arms = len(plan.steps), len(list(plan.arms))
    print(f"{arms} arms, {steps} steps: {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    main()
