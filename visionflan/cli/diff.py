"""Compare two builds: the rows that B has and A does not, and the reverse, by task, and why.

Rows are joined by id: added, lost, changed (a field differs) and moved (only the split differs).
Tasks with equal digests are not read.
"""

import argparse
import json
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from visionflan.cli.shared.parsers import add_names, positive_int
from visionflan.escaping import one_line
from visionflan.plural import counted

if TYPE_CHECKING:
    from visionflan.diff.run import BuildDiff
    from visionflan.diff.task_rows import RowExample

MAX_VALUE = 60  # characters of a value in a line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("a", type=Path, nargs="?", metavar="A", help="build directory")
    parser.add_argument("b", type=Path, nargs="?", metavar="B", help="the build to compare with A")
    parser.add_argument(
        "--demo", action="store_true", help="compare two builds of the specimens, with two seeds"
    )
    add_names(parser, "--tasks", metavar="A/*", description="only these tasks (default: all)")
    parser.add_argument(
        "--show",
        type=positive_int,
        default=0,
        metavar="N",
        help="show N rows of each kind for each task, with the fields that differ",
    )
    parser.add_argument("--json", action="store_true", help="print the counts by task as JSON")
    parser.add_argument(
        "--exit-code", action="store_true", help="exit with 1 if the builds differ, as git does"
    )


def run(args: argparse.Namespace) -> int:
    """Compare two builds, or two builds of the specimens."""
    from visionflan.errors import UsageError

    if args.demo:
        if args.a is not None:
            raise UsageError("`--demo` compares builds of its own: leave out A and B")
        from visionflan.builder.demo import demo_builds
        from visionflan.builder.plan import BuildSettings

        settings = [BuildSettings(tasks=args.tasks, seed=s, max_per_task=10) for s in (0, 1)]
        with demo_builds(settings) as (path_a, path_b):
            return compare(path_a, path_b, args)
    if args.b is None:
        raise UsageError("name two builds, A and B, or add --demo")
    return compare(args.a, args.b, args)


def compare(path_a: Path, path_b: Path, args: argparse.Namespace) -> int:
    """Print what differs, and return the exit code."""
    from visionflan.cli.shared.dataset_args import print_json
    from visionflan.diff.run import diff_builds

    diff = diff_builds(path_a, path_b, args.tasks, args.show)
    if args.json:
        print_json(diff.as_json())
    else:
        print("\n".join(diff_lines(diff)))
    return int(args.exit_code and diff.differs)


def diff_lines(diff: "BuildDiff") -> Iterator[str]:
    """Yield the two builds, the settings that differ, a table of tasks, and the totals."""
    from visionflan.diff.causes import input_differences, setting_differences

    for build in (diff.a, diff.b):
        yield f"{build.label}  {build.path}  digest {build.manifest['digest']:.12}"
    for name, (value_a, value_b) in setting_differences(diff.a, diff.b).items():
        yield f"{name}: A {shorten(json.dumps(value_a))}, B {shorten(json.dumps(value_b))}"
    for name in input_differences(diff.a, diff.b):
        yield f"{name} differs"
    differing = {name: task for name, task in diff.tasks.items() if task.differs}
    if differing:
        width = max(len("task"), *map(len, differing))
        yield ""
        yield f"{'task':{width}} {'same':>9} {'added':>9} {'lost':>9} {'changed':>9} {'moved':>9}"
        for name, task in differing.items():
            yield (
                f"{name:{width}} {task.same:>9,} {task.added:>9,} {task.lost:>9,} "
                f"{task.changed:>9,} {task.moved:>9,}"
            )
            for kind, reasons in task.describe_reasons().items():
                yield f"  {kind}: {one_line(reasons)}"
            for example in task.examples:
                yield from example_lines(example)
    yield ""
    yield from total_lines(diff)


def example_lines(example: "RowExample") -> Iterator[str]:
    """Yield the id of a row and both values of each field that differs."""
    yield f"    {example.kind} {one_line(example.id)}"
    for name, (value_a, value_b) in example.fields.items():
        texts = [json.dumps(value, ensure_ascii=False) for value in (value_a, value_b)]
        equal = sum(
            1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False))
        )
        begin = max(0, equal - MAX_VALUE // 3)
        yield f"      {name}: {' -> '.join(shorten(text, begin) for text in texts)}"


def shorten(text: str, begin: int = 0) -> str:
    """Return a part of a text as one line, with dots where it is cut."""
    end = begin + MAX_VALUE
    dots = ("..." if begin else "", "..." if end < len(text) else "")
    return f"{dots[0]}{one_line(text[begin:end])}{dots[1]}"


def total_lines(diff: "BuildDiff") -> Iterator[str]:
    """Yield how many tasks and rows are the same, and what differs in total."""
    tasks = diff.tasks.values()
    equal = [task for task in tasks if not task.differs]
    yield f"{counted(len(equal), 'task')} of {len(diff.tasks):,} with the same rows"
    if reordered := sum(task.is_reordered for task in equal):
        yield f"{counted(reordered, 'task')} of these with the rows in another order"
    names = ("same", "added", "lost", "changed", "moved")
    totals = {name: sum(getattr(task, name) for task in tasks) for name in names}
    yield ", ".join(f"{number:,} {name}" for name, number in totals.items())
