"""Damage the trees of all specimens at random, build them with the command, and check the outcome.

A round damages one file or directory in the release of every dataset but one, and builds them all.
A failure is a traceback, an exit code that does not fit, a process that uses too much time or
memory, counts that do not add up, an effect on the release that was left as it is, or rows that are
gone without a word although the reader can see the damage (see `Damaged.is_visible`).
Each round is a line of the state file; a rerun repeats the rounds that failed, and continues.
Run: python benchmarks/fuzz_trees.py [--count 2000] [--seed 0] [--out STATE.jsonl] [--dataset NAME]
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tree_damage import Damaged, contents, damage_tree
from tree_outcomes import Finished, failures_of, lost_unsaid

from visionflan import catalog
from visionflan.cli.main import main as visionflan

IMAGES = 6
SOUND = "pacs"
TIME_LIMIT_S = 900  # for all releases of a round
POLL_S = 0.05
# Files in memory: most of a build of specimens is waiting for the disk.
MEMORY_DIRECTORY = Path("/dev/shm")
# The superuser may read everything, unless it gives that up.
CAPABILITIES = "-dac_override,-dac_read_search"
WITHOUT_CAPABILITIES = ("setpriv", f"--bounding-set={CAPABILITIES}")


class Round(NamedTuple):
    """What came of a round, as a line of the state file.

    Attributes:
        seed: the seed of its damage.
        trees: the number of trees that were damaged.
        failures: a text about each failure.
        unsaid: the damaged releases of which rows are gone unsaid, where nothing else can be known.
        peak_memory: the memory of the largest process of its build, in bytes.
        seconds: the time it took.
    """

    seed: int
    trees: int
    failures: list[str]
    unsaid: list[str]
    peak_memory: int
    seconds: float


def run_forked(function: Callable[[], int], log: Path) -> Finished:
    """Run a function, which returns an exit code, in a process of its own.

    Raises TimeoutError if it does not end.
    """
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        with log.open("wb") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        os._exit(exit_code(function))
    start = time.monotonic()
    while True:
        ended, status, usage = os.wait4(process, os.WNOHANG)
        if ended:
            output = log.read_text(errors="backslashreplace")
            return Finished(os.waitstatus_to_exitcode(status), output, usage.ru_maxrss << 10)
        if time.monotonic() - start > TIME_LIMIT_S:
            os.kill(process, signal.SIGKILL)
            os.wait4(process, 0)
            raise TimeoutError(log.read_text(errors="backslashreplace"))
        time.sleep(POLL_S)


def exit_code(function: Callable[[], int]) -> int:
    """Return what a function returns, or 70 after printing its exception."""
    try:
        return function()
    except BaseException:
        traceback.print_exc()
        return 70
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def build(data_root: Path, out: Path) -> Finished:
    """Build all releases with the command."""
    command = ["build", "--data-root", f"{data_root}", "--out", f"{out}", "--workers", "1"]
    command += ["--include-sensitive", "--include-evaluation-only"]
    return run_forked(lambda: visionflan(command), out.with_name("log"))


def read_manifest(out: Path) -> dict[str, Any]:
    """Return the manifest of a build."""
    manifest: dict[str, Any] = json.loads((out / "manifest.json").read_bytes())
    return manifest


class Rounds:
    """Rounds of damage to copies of the specimens."""

    def __init__(self, directory: Path, names: Sequence[str]) -> None:
        self.directory, self.names = directory, [name for name in names if name != SOUND]
        for name in (*self.names, SOUND):
            catalog.load(name).write_specimen(directory / "specimens" / name, IMAGES)
            # Imports what this reader needs once, and not again in the processes of each round.
            list(catalog.load(name).rows(directory / "specimens" / name))
        done = build(directory / "specimens", directory / "sound")
        if done.code:
            sys.exit(done.output)
        self.before = read_manifest(directory / "sound")

    def run(self, seed: int) -> Round:
        """Run one round."""
        data_root, out, start = self.directory / "data", self.directory / "out", time.monotonic()
        shutil.copytree(self.directory / "specimens", data_root, symlinks=True)
        generator, memory = random.Random(seed), 0
        damaged = {name: damage_tree(data_root / name, generator) for name in self.names}
        unsaid: list[str] = []
        try:
            done = build(data_root, out)
            memory = done.peak_memory
            failures, unsaid = self.check(done, out, damaged)
        except TimeoutError as error:
            failures = [f"no end after {TIME_LIMIT_S} s: {error}"]
        finally:
            unlock(data_root)
            shutil.rmtree(data_root)
            shutil.rmtree(out, ignore_errors=True)
        failures = [f"{failure} {about(failure, damaged)}" for failure in failures]
        seconds = round(time.monotonic() - start, 1)
        return Round(seed, len(damaged), failures, unsaid, memory, seconds)

    def check(
        self, done: Finished, out: Path, damaged: dict[str, Damaged]
    ) -> tuple[list[str], list[str]]:
        """Return the failures of a round, and the datasets of which rows are gone unsaid."""
        if not (out / "manifest.json").is_file():
            return [f"no build: {done.output[-3000:]}"], []
        after = read_manifest(out)
        failures, unsaid = list(failures_of(done, self.before, after, SOUND)), []
        for name in lost_unsaid(self.before, after, damaged):
            if damaged[name].is_visible():
                failures.append(f"{name}: rows are gone without a word")
            else:
                unsaid.append(f"{name}: {damaged[name]}")
        return failures, unsaid


def about(failure: str, damaged: dict[str, Damaged]) -> str:
    """Return the damage to the datasets that a failure names."""
    named = set(re.findall(r"\w+", failure))
    return "; ".join(f"{name}: {damage}" for name, damage in damaged.items() if name in named)


def unlock(root: Path) -> None:
    """Return all rights to the files and directories of a tree."""
    for directory in (root, *contents(root)[1]):
        directory.chmod(0o755)
    if any(path.stat().st_mode & 0o700 == 0 for path in contents(root)[1]):
        unlock(root)


def read_state(path: Path | None) -> dict[int, Round]:
    """Return the rounds of a state file by seed, of which the last run of a seed counts."""
    if path is None or not path.is_file():
        return {}
    rounds = (Round(**json.loads(line)) for line in path.read_text().splitlines())
    return {round_.seed: round_ for round_ in rounds}


def run_rounds(args: argparse.Namespace, rounds: Rounds) -> dict[int, Round]:
    """Run the rounds that are missing in the state file, or failed, and return all."""
    results, seed = read_state(args.out), args.seed
    while sum(results[s].trees for s in range(args.seed, seed)) < args.count:
        if seed not in results or results[seed].failures:
            result = results[seed] = rounds.run(seed)
            print(f"seed {seed}: {result.trees} trees, {result.seconds} s,", end=" ")
            print(f"{result.peak_memory:,} bytes, {len(result.failures)} failures")
            print(*result.failures, *(f"unsaid: {line}" for line in result.unsaid), sep="\n")
            if args.out:
                with args.out.open("a") as file:
                    file.write(json.dumps(result._asdict()) + "\n")
        seed += 1
    return {s: results[s] for s in range(args.seed, seed)}


def give_up_capabilities() -> None:
    """Begin again without the rights of the superuser, so that what is locked cannot be read."""
    if os.geteuid() == 0 and shutil.which("setpriv") and "FUZZ_TREES" not in os.environ:
        command = [*WITHOUT_CAPABILITIES, sys.executable, *sys.argv]
        os.execvpe(command[0], command, {**os.environ, "FUZZ_TREES": "1"})


def main() -> None:
    """Run the rounds and print the failures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="trees to damage, at least")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first round")
    parser.add_argument("--out", type=Path, help="state file, with which a rerun continues")
    parser.add_argument("--dataset", nargs="*", default=catalog.names(), help="datasets to damage")
    args = parser.parse_args()
    give_up_capabilities()
    memory = MEMORY_DIRECTORY if MEMORY_DIRECTORY.is_dir() else None
    with TemporaryDirectory(dir=memory) as directory:
        results = run_rounds(args, Rounds(Path(directory), args.dataset)).values()
    failures = [failure for result in results for failure in result.failures]
    peak = max(result.peak_memory for result in results)
    print(f"{sum(result.trees for result in results)} trees, {len(failures)} failures,", end=" ")
    print(f"{sum(result.seconds for result in results):.0f} s, highest memory {peak:,} bytes")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
