"""Interrupt commands at random moments, as Ctrl-C does, and check how each ends and resumes.

Each run is interrupted once: the whole process group, as by a terminal, or the main process alone,
or the main process is killed, or one of its worker processes. An interrupted run must then end
within a time limit, with exit code 130 and one sentence instead of a traceback, and none may leave
a process behind; one of which a worker was killed must end as if nothing had happened. Running the
command again must give the same files.

Run: python benchmarks/interrupts.py [--runs 200] [--commands build analyze] [--seed 0]
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from visionflan.progress import ProgressBar

TIME_LIMIT_S = 120
KINDS = ("group", "parent", "kill", "worker")
KILLED = -signal.SIGKILL
VISIONFLAN = (sys.executable, "-m", "visionflan")

# A model that is pretrained and tuned in seconds.
SMALL = (
    "pretrain.vision_steps=10",
    "pretrain.language_steps=10",
    "pretrain.hidden_size=32",
    "pretrain.num_layers=1",
    "stages.chat.data.synthetic_conversations=100",
    "runtime.num_threads=1",
)
STUDY = tuple(part for name in SMALL for part in ("--set-recipe", name))


class Subject(NamedTuple):
    """A command that is interrupted.

    Attributes:
        name: its name.
        arguments: its arguments, without `--out`.
        resumes: whether the same command can be run again when it has finished.
        has_workers: whether the death of a worker process costs nothing.
        results: patterns of the files that must be the same in the end.
    """

    name: str
    arguments: tuple[str, ...]
    resumes: bool = True
    has_workers: bool = False
    results: tuple[str, ...] = ("*.*", "images/*", "instances/*")


class Ending(NamedTuple):
    """How a run ended: its exit code (None if it hangs), what it wrote, and what it left."""

    code: int | None
    errors: str
    orphans: int


def main() -> None:
    """Run and interrupt the commands in turn, and print what went wrong."""
    # Where a shell runs this in the background it ignores Ctrl-C, and so would the commands.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    names = ("build", "import", "train", "evaluate", "analyze")
    parser.add_argument("--commands", nargs="+", choices=names, default=names)
    args = parser.parse_args()
    generator, failures, counts = random.Random(args.seed), 0, Counter[str]()
    with TemporaryDirectory(prefix="visionflan-interrupts-") as directory:
        subjects = [s for s in prepare(Path(directory), args.commands) if s.name in args.commands]
        timed = [(subject, *reference(subject, Path(directory))) for subject in subjects]
        for number in ProgressBar("interrupting", args.runs, unit="runs").iterate(range(args.runs)):
            subject, seconds, digest = timed[number % len(timed)]
            kind = generator.choice(KINDS if subject.has_workers else KINDS[:-1])
            moment = generator.uniform(0.05, 1.0) * seconds
            out = Path(directory) / f"run-{number}"
            if problem := interrupted(subject, out, kind, moment, digest):
                failures += 1
                print(f"{number}: {subject.name}, {kind} at {moment:.2f} s: {problem}", flush=True)
            counts[f"{subject.name} {kind}"] += 1
            shutil.rmtree(out, ignore_errors=True)
    print(f"{args.runs} runs, {failures} failures: {dict(sorted(counts.items()))}")
    sys.exit(min(failures, 1))


def prepare(directory: Path, names: tuple[str, ...]) -> list[Subject]:
    """Return the commands, after making what they read."""
    build, run = directory / "build", directory / "trained"
    train = ("train", "tiny", "--demo", *(part for name in SMALL for part in ("--set", name)))
    tasks = ("--tasks", "pacs", "dtd", "coco", "caltech101", "funsd")
    hold_out = ("--hold-out-images", "0.2")
    finish([*VISIONFLAN, "build", "--demo", *tasks, *hold_out, "--out", str(build)])
    finish(
        [*VISIONFLAN, "export", str(build), "--format", "llava", "--out", str(directory / "llava")]
    )
    if "evaluate" in names:
        finish([*VISIONFLAN, *train, "--out", str(run)])
    return [
        Subject("build", ("build", "--demo", *tasks, "--workers", "2"), has_workers=True),
        Subject("import", ("import", str(directory / "llava")), resumes=False, has_workers=True),
        Subject("train", train, results=("*/checkpoint/*.safetensors",)),
        Subject(
            "evaluate",
            ("evaluate", str(run), "--stages", "chat", "--tasks", "caltech101", "--no-cache"),
            results=("**/records*",),
        ),
        Subject(
            "analyze",
            ("analyze", "modules", "--build", str(build), "--quick", "--jobs", "2", *STUDY),
            results=("claims.csv", "steps/*/output/**/*.safetensors", "steps/**/records*"),
        ),
    ]


def finish(command: list[str]) -> None:
    """Run a command, which must succeed."""
    subprocess.run(command, check=True, capture_output=True)


def reference(subject: Subject, directory: Path) -> tuple[float, str]:
    """Return the duration and the digest of an uninterrupted run."""
    out, start = directory / f"whole-{subject.name}", time.monotonic()
    finish([*VISIONFLAN, *subject.arguments, "--out", str(out)])
    return time.monotonic() - start, files_digest(out, subject.results)


def interrupted(subject: Subject, out: Path, kind: str, moment: float, digest: str) -> str:
    """Interrupt one run and resume it; return what is wrong, or an empty string."""
    command = [*VISIONFLAN, *subject.arguments, "--out", str(out)]
    ending = run_and_interrupt(command, kind, moment)
    if problem := problem_of(ending, kind):
        return problem
    if ending.code in (130, KILLED) or subject.resumes:
        again = subprocess.run(command, check=False, capture_output=True, text=True)
        if again.returncode:
            return f"the second run fails: {again.stderr[-300:]}"
    return "" if files_digest(out, subject.results) == digest else "it ends with other files"


def problem_of(ending: Ending, kind: str) -> str:
    """Return what is wrong with how a run ended, or an empty string."""
    allowed = {"worker": (0,), "kill": (0, KILLED)}.get(kind, (0, 130))  # 0: had already finished
    if ending.code is None:
        return "hangs"
    if ending.orphans:
        return f"leaves {ending.orphans} processes"
    if "Traceback" in ending.errors:
        return f"writes a traceback: {ending.errors[-1500:]}"
    if ending.code not in allowed:
        return f"exit code {ending.code}: {ending.errors[-300:]}"
    return ""


def run_and_interrupt(command: list[str], kind: str, moment: float) -> Ending:
    """Run a command in a process group of its own, and interrupt it after some seconds."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _, errors = process.communicate(timeout=moment)
    except subprocess.TimeoutExpired:
        interrupt(process.pid, kind)
        try:
            _, errors = process.communicate(timeout=TIME_LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return Ending(None, "", 0)
    return Ending(process.returncode, errors, orphans(process.pid))


def interrupt(process: int, kind: str) -> None:
    """Interrupt a process as `kind` says."""
    if kind == "group":
        os.killpg(process, signal.SIGINT)
    elif kind == "parent":
        os.kill(process, signal.SIGINT)
    elif kind == "kill":
        os.kill(process, signal.SIGKILL)
    elif workers := [child for child in group(process) if child != process]:
        os.kill(workers[0], signal.SIGKILL)


def orphans(process: int) -> int:
    """Return the number of processes of a group that are left after its leader, and end them."""
    for _ in range(50):
        if not (left := list(group(process))):
            return 0
        time.sleep(0.1)
    os.killpg(process, signal.SIGKILL)
    return len(left)


def group(leader: int) -> Iterator[int]:
    """Yield the processes of a process group that run."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        if int(fields[2]) == leader and fields[0] != "Z":
            yield int(path.parent.name)


def files_digest(out: Path, patterns: tuple[str, ...]) -> str:
    """Return a digest of the names and contents of the files that match a pattern."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in out.glob(pattern)}):
        if path.is_file():
            digest.update(f"{path.relative_to(out)}\n".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
