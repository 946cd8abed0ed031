"""Run a study: train and evaluate its arms, and decide its claims.

Without a name, list the studies. A study that is interrupted goes on with the same command; more
seeds are added with a higher --seeds. Steps that studies have in common are run once if they share
a --store. STUDY is a name, or a file of your own such as my_study.py.
"""

import argparse
import shlex
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill
from typing import TYPE_CHECKING

from visionflan.cli.shared.log import log
from visionflan.cli.shared.parsers import positive_int
from visionflan.errors import UsageError

if TYPE_CHECKING:
    from visionflan.analysis.plan import StudyPlan, StudySettings
    from visionflan.analysis.store import Store

INDENT = 14 * " "  # of the description of a factor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("study", nargs="?", metavar="STUDY", help="a name, or a file")
    parser.add_argument(
        "--build",
        type=Path,
        metavar="BUILD",
        help="build directory; --plan without one takes the tasks of the catalog",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="directory of the results")
    add_study_settings(parser)
    add_machine_settings(parser)
    actions = parser.add_mutually_exclusive_group()
    actions.add_argument(
        "--plan", action="store_true", help="show arms, steps and their time, and train nothing"
    )
    actions.add_argument(
        "--seeds-needed",
        action="store_true",
        help="show how many replicates each claim needs, from the effect and the spread assumed",
    )
    actions.add_argument(
        "--html", action="store_true", help="write the page again from the results in --out"
    )


def add_study_settings(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that decide what a study finds."""
    parser.add_argument(
        "--recipe", default="tiny", metavar="RECIPE", help="what is trained (default: %(default)s)"
    )
    parser.add_argument(
        "--seeds", type=int, metavar="N", help="replicates (default: 3; with --quick 1)"
    )
    parser.add_argument(
        "--limit",
        type=positive_int,
        metavar="N",
        help="questions a task (default: 50; with --quick 10)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="shorten every stage and ask few questions, to see that all works; claims nothing",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FACTOR=VALUE,VALUE",
        help="the values of a factor (repeatable)",
    )
    parser.add_argument(
        "--set-recipe",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a setting of the recipe, as `train --set` does (repeatable)",
    )
    parser.add_argument(
        "--held-out-tasks",
        nargs="+",
        default=[],
        metavar="PATTERN",
        help="the tasks that nothing is trained on (default: a fifth of each group, by hash)",
    )
    parser.add_argument(
        "--data-root",
        type=Path,
        metavar="DIR",
        help="directory with the releases of benchmarks, one subdirectory each, as `visionflan "
        "benchmarks` names them; without it drawn ones stand in",
    )


def add_machine_settings(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that decide where steps run."""
    parser.add_argument(
        "--store",
        type=Path,
        metavar="DIR",
        help="where finished steps are kept, for several studies (default: that of --out)",
    )
    parser.add_argument(
        "--adopt",
        type=Path,
        nargs="+",
        default=[],
        metavar="RUN",
        help="finished runs of `visionflan train`: what they have trained just as the study would "
        "is not trained again",
    )
    parser.add_argument(
        "--jobs",
        type=positive_int,
        default=1,
        metavar="N",
        help="steps at a time (default: %(default)s)",
    )
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="run the steps on a Ray cluster: `local` starts one on this machine, `auto` joins the "
        "one it belongs to, else HOST:PORT or ray://HOST:PORT; all machines must have visionflan "
        "and see --store and --build under the same paths, on a shared file system",
    )


def run(args: argparse.Namespace) -> int:
    """List the studies, or plan, run or show one."""
    if args.study is None:
        return list_studies()
    if args.seeds_needed:
        return show_seeds_needed(args.study)
    if args.out is None and not args.plan:
        raise UsageError("name the directory of the study with --out")
    if args.html:
        return write_page(args.out)
    settings = make_settings(args)
    from visionflan.analysis.store import Store

    if not args.plan:
        return run_and_show(args, settings, Store(args.store or args.out))
    with TemporaryDirectory() as empty:
        store = Store(args.store or args.out or Path(empty))
        return show_plan(settings, store, args.jobs)


def list_studies() -> int:
    """Print each study with its question and its factors."""
    from visionflan.analysis.factor import values_text
    from visionflan.analysis.studies import load_all

    for name, study in load_all():
        print(f"{name:<12}{study.question} ({study.paper})")
        for factor in study.factors:
            print(f"{'':<12}{factor.name}: {values_text(factor.values)}")
            print(
                fill(
                    f"({factor.description})", 100, initial_indent=INDENT, subsequent_indent=INDENT
                )
            )
    return 0


def show_seeds_needed(name: str) -> int:
    """Print how many replicates each claim of a study needs."""
    from visionflan.analysis.power import seeds_needed
    from visionflan.analysis.studies import load

    for row in seeds_needed(load(name).claims):
        print(row.claim.sentence)
        print(f"  {row.sentence}")
        if row.power:
            shares = (f"{share:.0%} with {count}" for count, share in row.power.items())
            print(
                f"  power at an expected {row.claim.expected:g} with a standard deviation of "
                f"{row.claim.sd:g}: {', '.join(shares)}"
            )
    return 0


def make_settings(args: argparse.Namespace) -> "StudySettings":
    """Return the settings of a study from the command line."""
    from dataclasses import replace

    from visionflan.analysis.plan import DEFAULT_LIMIT, QUICK_LIMIT, StudySettings
    from visionflan.analysis.replicate import with_chat_stage
    from visionflan.analysis.studies import load
    from visionflan.recipes import find
    from visionflan.train.config_io import override

    study = load(args.study)
    default_seeds = 1 if args.quick else 3
    seeds = default_seeds if args.seeds is None else args.seeds
    if args.build is None and not args.plan:
        raise UsageError(f"the study {args.study} needs a build: name one with --build")
    if args.data_root is not None and not args.data_root.is_dir():
        raise UsageError(f"{args.data_root} is no directory: name that of the benchmarks")
    build = args.build.resolve() if args.build else None
    recipe = replace(with_chat_stage(find(args.recipe)), build=build)
    for setting in args.set_recipe:
        recipe = override(recipe, setting)
    return StudySettings(
        name=args.study,
        build=args.build,
        recipe=recipe,
        seeds=tuple(range(seeds)),
        quick=args.quick,
        factors=study.values(args.set, paper=recipe.pretrain is None, quick=args.quick),
        held_out_tasks=tuple(args.held_out_tasks),
        limit=args.limit or (QUICK_LIMIT if args.quick else DEFAULT_LIMIT),
        data_root=args.data_root,
        finished_runs=tuple(args.adopt),
    )


def show_plan(settings: "StudySettings", store: "Store", jobs: int) -> int:
    """Print the arms of a study, its steps by kind, and what is left to do."""
    from collections import Counter

    from visionflan.analysis.factor import values_text
    from visionflan.analysis.plan import plan_study
    from visionflan.analysis.studies import load
    from visionflan.plural import counted

    plan = plan_study(load(settings.name), settings)
    _, arms = plan.replicates[0]
    for name, values in settings.factors.items():
        print(f"{name}: {values_text(values)}")
    print(f"{counted(len(arms), 'arm')}, {counted(len(settings.seeds), 'replicate')} of each:")
    for name, arm in arms.items():
        notes = ", ".join(f"{key} {value:.3g}" for key, value in arm.notes.items())
        print(f"  {name}{f' ({notes})' if notes else ''}")
    if plan.held_out_tasks:
        print(f"held out from all training: {', '.join(plan.held_out_tasks)}")
    for sentence in plan.untestable_claims:
        print(sentence)
    print(f"{counted(len(plan.steps), 'step')}:")
    for kind, count in Counter(step.kind for step in plan.steps).items():
        print(f"  {count} {kind}")
    show_remaining_work(plan, store, jobs)
    return 0


def show_remaining_work(plan: "StudyPlan", store: "Store", jobs: int) -> None:
    """Print what finished runs have done already, and the time and disk of the rest."""
    from visionflan.analysis.estimate import estimate
    from visionflan.analysis.finished_runs import match_runs
    from visionflan.progress import duration

    finished = match_runs(plan)
    for stage in finished:
        print(stage.sentence)
    adopted = {stage.step.digest for stage in finished if stage.step is not None}
    store.check_outputs(step for step in plan.steps if step.digest not in adopted)
    is_tiny = plan.settings.recipe.pretrain is not None
    left = estimate(plan, store, is_tiny=is_tiny, adopted=adopted)
    print(f"{left.done} done, {left.missing} to run", end="")
    if left.seconds is not None:
        print(f": about {duration(left.seconds / jobs)} with --jobs {jobs}", end="")
    if left.num_bytes is not None:
        print(f", {left.num_bytes / 1e6:,.0f} MB", end="")
    print()


def run_and_show(args: argparse.Namespace, settings: "StudySettings", store: "Store") -> int:
    """Run a study, print its verdicts and the path of its page; 1 if an arm has no result."""
    from visionflan.analysis.run import Workers, run_study

    workers = Workers(jobs=args.jobs, ray_address=args.ray)
    command = shlex.join(["visionflan", *sys.argv[1:]])
    results = run_study(settings, args.out, store, workers, log, command=command)
    for verdict in results.verdicts:
        print(f"{verdict.claim.sentence}\n  {verdict.sentence}")
    failures = [
        f"{arm.name}, seed {result.seed}: {result.failure}"
        for arm in results.arms
        for result in arm.replicates
        if result.failure
    ]
    for failure in failures:
        log(f"missing: {failure}")
    write_page(args.out)
    return 1 if failures else 0


def write_page(out: Path) -> int:
    """Write the page of a study and print its path."""
    from visionflan.report.study_page.page import write_study_page

    print(write_study_page(out))
    return 0
