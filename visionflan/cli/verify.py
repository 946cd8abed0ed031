"""Check a build, a checkpoint or a published release against what is recorded of it.

A build is checked against its manifest: sizes of files, digests of tasks and of the build, images
and their sha256, the ledger and the counts. A checkpoint is checked against its run.json. In a JSON
file of conversations, rows, tasks and missing images are counted, and a published form of
Vision-Flan is recognized. Each damage is one line; the exit code is 1 if there is any.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visionflan.cli.shared.parsers import positive_int
from visionflan.escaping import one_line
from visionflan.plural import counted
from visionflan.stores import path_was_url

if TYPE_CHECKING:
    from visionflan.verify.damage import DamageList
    from visionflan.verify.release import VerifiedRelease


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("path", type=Path, nargs="?", help="build, run, checkpoint or release")
    source.add_argument("--demo", action="store_true", help="check a build of the specimens")
    parser.add_argument(
        "--quick", action="store_true", help="leave out the contents of the images of a build"
    )
    parser.add_argument(
        "--images", type=Path, metavar="DIR", help="directory of the images of a release"
    )
    parser.add_argument(
        "--workers", type=positive_int, metavar="N", help="threads that hash (default: all cores)"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Check what is at a path, or a build of the specimens."""
    if not args.demo:
        return verify(args.path, args)
    from visionflan.builder.demo import demo_build

    with demo_build() as build:
        return verify(build, args)


def verify(path: Path, args: argparse.Namespace) -> int:
    """Print what is wrong and what was checked; return the exit code."""
    from visionflan.cli.shared.dataset_args import print_json
    from visionflan.verify.checkpoint import find_checkpoints

    if not path.exists():
        is_url = path_was_url(path)
        problem = "is a URL: copy it to a directory and name that" if is_url else "does not exist"
        raise FileNotFoundError(f"{path} {problem}")
    if any((path / name).exists() for name in ("manifest.json", "instances", ".parts")):
        results = [build_result(path, args)]
    elif find_checkpoints(path):
        results = [checkpoint_result(path)]
    else:
        results = list(release_results(path, args))
    if args.json:
        print_json([result | {"damages": list(result["damages"].lines())} for result in results])
    else:
        for result in results:
            print_result(result)
    return int(any(len(result["damages"]) for result in results))


def print_result(result: dict[str, Any]) -> None:
    """Print a line for each damage, and one with what was checked."""
    damages: DamageList = result["damages"]
    for line in damages.lines():
        print(one_line(line))
    state = f"{counted(len(damages), 'damage')} in" if len(damages) else "no damage in"
    counts = [counted(number, noun) for noun, number in result["counts"].items()]
    print(one_line(f"{result['path']}: {state} {', '.join(counts)}"))
    for note in result["notes"]:
        print(f"  {one_line(note)}")


def build_result(path: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Check a build."""
    from visionflan.verify.build import verify_build

    verified = verify_build(path, quick=args.quick, workers=args.workers)
    counts = {"task": verified.tasks, "instance": verified.instances, "image": verified.images}
    notes = ["the contents of images were not read (--quick)"] if args.quick else []
    return {
        "kind": "build",
        "path": str(path),
        "damages": verified.damages,
        "counts": counts,
        "notes": notes,
    }


def checkpoint_result(path: Path) -> dict[str, Any]:
    """Check the checkpoints of a directory."""
    from visionflan.verify.checkpoint import verify_checkpoints

    verified = verify_checkpoints(path)
    return {
        "kind": "checkpoint",
        "path": str(path),
        "damages": verified.damages,
        "counts": {"checkpoint": len(verified.checkpoints)},
        "notes": [],
    }


def release_results(path: Path, args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Check the files of a release."""
    from visionflan.verify.release import verify_release

    for report in verify_release(path, args.images):
        yield {
            "kind": "release",
            "path": str(report.file),
            "damages": report.damages,
            "counts": {
                "row": report.rows,
                "task": report.num_tasks,
                "image name": len(report.image_rows),
            },
            "notes": list(release_notes(report)),
            "tasks": dict(sorted(report.tasks.items())),
        }


def release_notes(report: "VerifiedRelease") -> Iterator[str]:
    """Yield which set a release is, where its images are, and what is unusual."""
    yield report.known_set
    if report.images is not None:
        yield f"images in {report.images}"
    if unnamed := report.tasks[""]:
        yield f"{counted(unnamed, 'row')} without the name of a task"
    if report.repeated_ids:
        yield f"{counted(report.repeated_ids, 'row')} with the id of an earlier row"
