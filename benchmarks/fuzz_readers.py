"""Set values in the annotations of every specimen to what no release means, and read them again.

Each trial sets one value of one JSON file to null, NaN, a list, an object, an empty text, an
integer of 5,000 digits or half of a character, or removes or repeats its key, then runs the reader
and every task. A failure is an exception that names no release, or "None" or "nan" in an example.
Run: python benchmarks/fuzz_readers.py [--count 2000] [--seed 0] [--dataset NAME ...]
"""

import argparse
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from visionflan import catalog
from visionflan.dataset import Task
from visionflan.errors import ReleaseError, UnusableError

SUFFIXES = frozenset({".json", ".jsonl", ".odgt"})
HUGE, REPEATED = "@huge@", "@repeated@"
VALUES: dict[str, object] = {
    "null": None,
    "NaN": float("nan"),
    "list": [],
    "object": {},
    "empty": "",
    "huge": HUGE,
    "half": "\ud800",
    "true": True,
    "negative": -1,
}
EDITS = (*VALUES, "removed", "repeated")
IMAGES = 3
NOT_WORDS = re.compile(r"\b(?:None|nan|NaN|MalformedValue)\b")

Path_ = tuple[str | int, ...]


class Trial(NamedTuple):
    """One value of one file, and what is done to it."""

    dataset: str
    file: str
    path: Path_
    edit: str


class Specimens:
    """The specimens of all datasets, each written when it is first needed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.words: dict[str, set[str]] = {}

    def root(self, name: str) -> Path:
        """Return the directory of a specimen."""
        root = self.directory / name
        if not root.is_dir():
            root.mkdir(parents=True)
            catalog.load(name).write_specimen(root, IMAGES)
        return root

    def trials(self, name: str) -> Iterator[Trial]:
        """Yield a trial for each kind of value in the files of a dataset, and each edit."""
        root = self.root(name)
        for file in sorted(path for path in root.rglob("*") if path.suffix in SUFFIXES):
            shapes: dict[Path_, Path_] = {}
            for path in leaves(load(file)):
                shapes.setdefault(tuple(0 if type(step) is int else step for step in path), path)
            for path in shapes.values():
                for edit in EDITS:
                    yield Trial(name, file.relative_to(root).as_posix(), path, edit)

    def run(self, trial: Trial) -> str:
        """Run one trial, and return the failure, if any."""
        root = self.root(trial.dataset)
        file = root / trial.file
        original = file.read_bytes()
        try:
            file.write_text(edited(load(file), trial, file.suffix), encoding="utf-8")
            return first_failure(trial.dataset, root)
        finally:
            file.write_bytes(original)


def load(file: Path) -> Any:
    """Return the value of a JSON file, or the list of those of its lines."""
    text = file.read_text(encoding="utf-8")
    return json.loads(text) if file.suffix == ".json" else list(map(json.loads, text.splitlines()))


def leaves(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Yield the paths to all values, those of lists and objects included."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, member in value.items():
            yield from leaves(member, (*path, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from leaves(member, (*path, index))


def edited(content: Any, trial: Trial, suffix: str) -> str:
    """Return the text of a file with one value edited."""
    *parents, last = trial.path
    holder = content
    for step in parents:
        holder = holder[step]
    if trial.edit == "removed":
        del holder[last]
    elif trial.edit == "repeated":
        if isinstance(holder, dict):
            holder[f"{REPEATED}{last}"] = holder[last]
    else:
        holder[last] = VALUES[trial.edit]
    text = json.dumps(content) if suffix == ".json" else "\n".join(map(json.dumps, content)) + "\n"
    return text.replace(f'"{HUGE}"', "1" * 5000).replace(REPEATED, "")


def first_failure(name: str, root: Path) -> str:
    """Read a specimen and run every task; return the first failure."""
    dataset = catalog.load(name)
    try:
        rows = list(dataset.rows(root))
    except ReleaseError:
        return ""
    except Exception as error:
        return f"reader: {type(error).__name__}: {error}"
    failures = (task_failure(task, row) for task in dataset.tasks.values() for row in rows)
    return next(filter(None, failures), "")


def task_failure(task: Task[Any], row: Any) -> str:
    """Run one task on one row; return the failure."""
    try:
        example = task.to_example(row)
    except UnusableError:
        return ""
    except Exception as error:
        return f"{task.name}: {type(error).__name__}: {error}"
    parts = (*example.options, *example.references) if example else ()
    for part in (example.text, example.target, *parts) if example else ():
        if NOT_WORDS.search(part) or not is_encodable(part):
            return f"{task.name}: {part!r}"
    return ""


def is_encodable(text: str) -> bool:
    """Return whether a text can be stored as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def run_trials(names: Sequence[str], count: int, seed: int) -> tuple[int, list[str]]:
    """Run up to `count` trials, sampled from all; return their number and the failures."""
    with TemporaryDirectory() as directory:
        specimens = Specimens(Path(directory))
        trials = [trial for name in names for trial in specimens.trials(name)]
        if count < len(trials):
            trials = sorted(random.Random(seed).sample(trials, count), key=repr)
        failures = [
            f"{trial.dataset}/{trial.file} {trial.path} {trial.edit}: {failure}"
            for trial in trials
            if (failure := specimens.run(trial))
        ]
    return len(trials), failures


def main() -> None:
    """Run the trials and print the failures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="trials to run")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample")
    parser.add_argument("--dataset", nargs="*", default=catalog.names(), help="datasets to read")
    args = parser.parse_args()
    count, failures = run_trials(args.dataset, args.count, args.seed)
    for failure in failures:
        print(failure)
    print(
        f"{count} trials, {len(failures)} failures",
        dict(Counter(f.split("/")[0] for f in failures)),
    )
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
