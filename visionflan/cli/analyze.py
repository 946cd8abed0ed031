"""Run a study: train and evaluate its arms, and say what its claims are worth.

Without a name, list the studies. A study is stopped and resumed at any moment, and shares finished
steps with other studies in the same store.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.cli.shared.log import log
from visionflan.errors import UsageError

if TYPE_CHECKING:
    from visionflan.analysis.plan import StudySettings
    from visionflan.analysis.results import StudyResults


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("study", nargs="?", metavar="STUDY", help="a name, or a file: my_study.py")
    parser.add_argument("--build", type=Path, metavar="BUILD", help="build directory")
    parser.add_argument("--out", type=Path, metavar="DIR", help="directory of the study")
    parser.add_argument("--recipe", default="tiny", metavar="RECIPE", help="default: tiny")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="replicates; default: 3")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="shorten every stage to see that all works; claims nothing",
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="steps at a time")
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="where steps are kept; default: the study's own"
    )
    parser.add_argument("--ray", metavar="ADDRESS", help="run steps on a Ray cluster")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FACTOR=VALUE,VALUE",
        help="the values of a factor; can be repeated",
    )
    parser.add_argument(
        "--set-recipe",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a setting of the recipe, as in `train --set`; can be repeated",
    )
    parser.add_argument(
        "--held-out-tasks",
        nargs="+",
        default=[],
        metavar="PATTERN",
        help="tasks that no stage may train on; default: a fifth of each group",
    )
    parser.add_argument(
        "--plan", action="store_true", help="show arms and steps, and train nothing"
    )


def run(args: argparse.Namespace) -> int:
    """List the studies, or plan or run one."""
    if args.study is None:
        list_studies()
        return 0
    from visionflan.analysis.run import Workers, run_study
    from visionflan.analysis.store import Store

    settings = make_settings(args)
    out = args.out
    store = Store(args.store or out)
    if args.plan:
        show_plan(settings, store)
        return 0
    workers = Workers(jobs=args.jobs, ray_address=args.ray)
    show_results(run_study(settings, out, store, workers, log))
    return 0


def list_studies() -> None:
    """Print each study in two lines."""
    from visionflan.analysis.studies import load_all

    for name, study in load_all():
        print(f"{name:<12}{study.title} ({study.paper})")
        print(f"{'':<12}{study.question}")


def make_settings(args: argparse.Namespace) -> "StudySettings":
    """Return the settings of a study from the command line."""
    from dataclasses import replace

    from visionflan.analysis.plan import StudySettings
    from visionflan.analysis.studies import load
    from visionflan.recipes import find
    from visionflan.train.config_io import override

    study = load(args.study)
    if args.build is None or args.out is None:
        raise UsageError(f"the study {args.study} needs --build BUILD and --out DIR")
    recipe = replace(find(args.recipe), build=args.build.resolve())
    for setting in args.set_recipe:
        recipe = override(recipe, setting)
    return StudySettings(
        name=args.study,
        build=args.build,
        recipe=recipe,
        seeds=tuple(range(args.seeds)),
        quick=args.quick,
        factors=study.values(args.set, paper=recipe.pretrain is None, quick=args.quick),
        held_out_tasks=tuple(args.held_out_tasks),
    )


def show_plan(settings: "StudySettings", store: object) -> None:
    """Print the arms and the steps of a study."""
    from visionflan.analysis.plan import plan_study
    from visionflan.analysis.studies import load

    plan = plan_study(load(settings.name), settings)
    for _, arms in plan.replicates[:1]:
        for arm in arms.values():
            print(arm.name, dict(arm.factors))
    for step in plan.steps:
        print(step.digest[:12], step.label)


def show_results(results: "StudyResults") -> None:
    """Print the verdicts."""
    for verdict in results.verdicts:
        print(verdict.sentence)
