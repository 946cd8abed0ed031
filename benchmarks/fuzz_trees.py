"""Damage the trees of all specimens at random, build them with the command, and check the outcome.

A round damages one file or directory in the release of every dataset but one, and builds them all.
A failure is a traceback, an exit code that does not fit, a process that uses too much time or
memory, counts that do not add up, or an effect on the release that was left as it is.
Run: python benchmarks/fuzz_trees.py [--count 2000] [--seed 0] [--dataset NAME ...]
"""

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tree_damage import Damaged, contents, damage_tree

from visionflan import catalog

IMAGES = 6
SOUND = "pacs"
TIME_LIMIT_S = 900  # for all releases of a round
MEMORY_LIMIT = 2 << 30
# The superuser may read everything, unless the command that it runs gives that up.
CAPABILITIES = "-dac_override,-dac_read_search"
WITHOUT_CAPABILITIES = ("setpriv", f"--bounding-set={CAPABILITIES}")


class Outcome(NamedTuple):
    """What came of a round: the failures, and the releases of which rows are gone unsaid."""

    failures: list[str]
    unsaid: list[str]


def build(data_root: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Build all releases with the command, without the rights of the superuser."""
    prefix = WITHOUT_CAPABILITIES if os.geteuid() == 0 and shutil.which("setpriv") else ()
    command = [*prefix, sys.executable, "-m", "visionflan", "build", "--data-root", str(data_root)]
    command += ["--out", str(out), "--workers", "2", "--include-sensitive"]
    return subprocess.run(
        [*command, "--include-evaluation-only"],
        check=False,
        capture_output=True,
        text=True,
        errors="backslashreplace",
        timeout=TIME_LIMIT_S,
    )


def read_manifest(out: Path) -> dict[str, Any]:
    """Return the manifest of a build."""
    manifest: dict[str, Any] = json.loads((out / "manifest.json").read_bytes())
    return manifest


def miscounts(manifest: dict[str, Any]) -> Iterator[str]:
    """Yield the tasks whose counts do not add up to the rows of their dataset."""
    for name, task in manifest["tasks"].items():
        dataset = manifest["datasets"][task["dataset"]]
        counted = task["written"] + task["not_applicable"] + task["over_cap"]
        if counted + sum(task["dropped"].values()) != task["rows_read"]:
            yield f"{name}: its counts do not add up"
        if task["rows_read"] + sum(dataset["broken"].values()) != dataset["rows_read"]:
            yield f"{name}: its rows are not those of the dataset"


def failures_of(
    done: subprocess.CompletedProcess[str], manifest: dict[str, Any], sound: dict[str, Any]
) -> Iterator[str]:
    """Yield what is wrong with a build of damaged releases."""
    text = done.stdout + done.stderr
    if "Traceback" in text or "Error:" in text:
        yield text[max(0, text.find("Error:") - 1500) :][:3000]
    failed = [name for name, entry in manifest["datasets"].items() if entry["status"] == "failed"]
    if done.returncode != bool(failed):
        yield f"exit code {done.returncode} with {len(failed)} failed datasets"
    if SOUND in failed or any(
        manifest["tasks"].get(task) != entry for task, entry in sound.items()
    ):
        yield f"{SOUND} was not damaged, and differs"
    yield from miscounts(manifest)
    for name in failed:
        message = manifest["datasets"][name]["message"]
        if "\n" in message or not message.isprintable() or name not in message:
            yield f"{name}: a message is not one sentence about it: {message!r}"
    if (memory := resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10) > MEMORY_LIMIT:
        yield f"a process used {memory:,} bytes"


def is_unsaid(name: str, before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Return whether a damaged release lost rows, and the manifest has no word about it."""
    entry = after["datasets"][name]
    if entry["status"] != "built" or entry["broken"] or entry["unread_directories"]:
        return False
    if any(after["tasks"][task]["dropped"] for task in tasks_of(after, name)):
        return False
    return bool(entry["rows_read"] < before["datasets"][name]["rows_read"])


def tasks_of(manifest: dict[str, Any], name: str) -> list[str]:
    """Return the tasks of a dataset."""
    return [task for task, entry in manifest["tasks"].items() if entry["dataset"] == name]


class Rounds:
    """Rounds of damage to copies of the specimens."""

    def __init__(self, directory: Path, names: Sequence[str]) -> None:
        self.directory, self.names = directory, names
        for name in {*names, SOUND}:
            catalog.load(name).write_specimen(directory / "specimens" / name, IMAGES)
        done = build(directory / "specimens", directory / "sound")
        if done.returncode:
            sys.exit(done.stderr)
        self.before = read_manifest(directory / "sound")

    def run(self, seed: int) -> Outcome:
        """Run one round."""
        data_root, out = self.directory / "data", self.directory / "out"
        shutil.copytree(self.directory / "specimens", data_root, symlinks=True)
        generator = random.Random(seed)
        damaged = {
            name: damage_tree(data_root / name, generator) for name in self.names if name != SOUND
        }
        try:
            failures, unsaid = self.check(build(data_root, out), out)
        except subprocess.TimeoutExpired as error:
            failures, unsaid = [f"no end after {error.timeout} s: {error.stderr!r}"], []
        finally:
            unlock(data_root)
            shutil.rmtree(data_root)
            shutil.rmtree(out, ignore_errors=True)
        return Outcome(
            [f"seed {seed}: {failure} {about(failure, damaged)}" for failure in failures],
            [f"seed {seed}: {name}: {': '.join(damaged[name])}" for name in unsaid],
        )

    def check(
        self, done: subprocess.CompletedProcess[str], out: Path
    ) -> tuple[list[str], list[str]]:
        """Return the failures of a round, and the datasets of which rows are gone unsaid."""
        if not (out / "manifest.json").is_file():
            return [f"no build: {done.stderr[-3000:]}"], []
        after = read_manifest(out)
        sound = {task: self.before["tasks"][task] for task in tasks_of(self.before, SOUND)}
        unsaid = [name for name in self.names if is_unsaid(name, self.before, after)]
        return list(failures_of(done, after, sound)), unsaid


def about(failure: str, damaged: dict[str, Damaged]) -> str:
    """Return the damage to the datasets that a failure names."""
    return "; ".join(
        f"{name}: {': '.join(damage)}" for name, damage in damaged.items() if name in failure
    )


def unlock(root: Path) -> None:
    """Return all rights to the files and directories of a tree."""
    for directory in (root, *contents(root)[1]):
        directory.chmod(0o755)
    if any(path.stat().st_mode & 0o700 == 0 for path in contents(root)[1]):
        unlock(root)


def main() -> None:
    """Run the rounds and print the failures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="trees to damage, at least")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first round")
    parser.add_argument("--dataset", nargs="*", default=catalog.names(), help="datasets to damage")
    args = parser.parse_args()
    failures, trials, seed, start = [], 0, args.seed, time.monotonic()
    with TemporaryDirectory() as directory:
        rounds = Rounds(Path(directory), args.dataset)
        while trials < args.count:
            outcome = rounds.run(seed)
            print(*outcome.failures, *(f"unsaid: {line}" for line in outcome.unsaid), sep="\n")
            failures += outcome.failures
            trials, seed = trials + len(args.dataset) - (SOUND in args.dataset), seed + 1
            print(f"{trials} trees, {len(failures)} failures, {time.monotonic() - start:.0f} s")
            sys.stdout.flush()
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
