"""Damage releases in the forms of other projects, and read them again.

Each trial damages a file or a directory of a small release in one form, or sets one value of its
JSON to what no release means; then the reader of this form, or that of another one, reads it. A
failure is an exception that is no sentence for a user, "None" or "nan" in a text, a record that is
gone without a word, or a trial that takes more than a minute.
Run: python benchmarks/fuzz_formats.py [--count 2000] [--seed 0] [--format NAME ...]
"""

import argparse
import base64
import json
import random
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, NamedTuple, cast

from fuzz_readers import EDITS, NOT_WORDS, Trial, edited, is_encodable, leaves, load
from tree_damage import Damaged, damage_tree

from visionflan import formats
from visionflan.builder.demo import specimens
from visionflan.builder.image_workers import check_source
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.builder.sampling import find_file_fault
from visionflan.dataset import BrokenRow
from visionflan.errors import VisionflanError
from visionflan.formats.base import ConversationRecord, InstructionRelease
from visionflan.formats.exporting import image_file_name, write_images
from visionflan.formats.shared.recognition import recognize
from visionflan.image_sources import containing_file
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance, Turn

TASKS = ("caltech101/*", "iconqa/*")
RECORDS = 6
TIME_LIMIT = 60  # seconds
JSON_SUFFIXES = (".json", ".jsonl")


class Reading(NamedTuple):
    """What a reader made of a release: records, broken rows and, if it refused it, the sentence."""

    records: list[ConversationRecord]
    broken: list[BrokenRow]
    refusal: str = ""

    @property
    def total(self) -> int:
        """Return the number of records that are read or in the ledger."""
        return len(self.records) + len(self.broken)


def small_build(directory: Path) -> BuildDirectory:
    """Return a build of a few specimens."""
    with specimens(TASKS) as data_root:
        build(data_root, directory, BuildSettings(tasks=TASKS), workers=1)
    return BuildDirectory(directory)


def write_release(name: str, source: BuildDirectory, directory: Path) -> None:
    """Write a release of a few records in a form, some of them with several images and turns."""
    picked = [source.instances()[index] for index in spread(len(source.instances()))]
    instances = [picked[0]]
    for one in picked[1:]:
        instances.append(with_image(one, instances[-1]))
    form = formats.load(name)
    if name in WRITERS:
        write_images_and_lines(source, instances, directory, WRITERS[name])
    elif form.write:
        written = instances if name == "vision_flan_instances" else list(map(longer, instances))
        form.write(source, cast("Instances", written), directory, "train")


def spread(total: int) -> list[int]:
    """Return indices that are spread over all instances, so that these are of several tasks."""
    return [number * total // RECORDS for number in range(RECORDS)]


def with_image(instance: Instance, other: Instance) -> Instance:
    """Return every second instance with an image of another one before its own."""
    if len(other.images) > 1:
        return instance
    question = instance.turns[0]
    turns = (question._replace(text=f"<image>\n{question.text}"), *instance.turns[1:])
    return instance._replace(images=(*other.images, *instance.images), turns=turns)


def longer(instance: Instance) -> Instance:
    """Return an instance with a system prompt, or with a second exchange."""
    if len(instance.images) > 1:
        return instance._replace(turns=(Turn("system", "Be brief."), *instance.turns))
    more = (Turn("user", "Why?"), Turn("assistant", "It is drawn so."))
    return instance._replace(turns=(*instance.turns, *more))


def write_images_and_lines(
    source: BuildDirectory,
    instances: list[Instance],
    directory: Path,
    to_record: Callable[[BuildDirectory, Instance], dict[str, Any]],
) -> None:
    """Write a form that is read only."""
    for instance in instances:
        write_images(source, instance, directory / "images")
    lines = [json.dumps(to_record(source, instance)) for instance in instances]
    (directory / "train.jsonl").write_text("\n".join(lines) + "\n")


def to_multi_instruct(source: BuildDirectory, instance: Instance) -> dict[str, Any]:
    """Convert an instance to a record of MultiInstruct."""
    return {
        "unique_id": instance.id,
        "task_name": instance.task,
        "image_path": [f"images/{image_file_name(source, image)}" for image in instance.images],
        "options": list(instance.options),
        "prompt": f"{instance.instruction}\n\n[Options]: {'||||'.join(instance.options)}",
        "target": instance.target,
    }


def to_m3it(source: BuildDirectory, instance: Instance) -> dict[str, Any]:
    """Convert an instance to a record of M3IT."""
    images = [base64.b64encode(source.image(image)).decode() for image in instance.images]
    return {
        "instruction": instance.instruction,
        "inputs": instance.text,
        "image_base64_str": images,
        "outputs": instance.target,
    }


WRITERS = {"m3it": to_m3it, "multi_instruct": to_multi_instruct}


def set_value(root: Path, generator: random.Random) -> Damaged | None:
    """Set one value of a JSON file of a release; None if it has none."""
    files = sorted(path for path in root.rglob("*") if path.suffix in JSON_SUFFIXES)
    if not files:
        return None
    file = generator.choice(files)
    content = load(file)
    path = generator.choice([path for path in leaves(content) if len(path) > 1])  # in a record
    name = file.relative_to(root).as_posix()
    trial = Trial("", name, path, generator.choice(EDITS))
    suffix = ".json" if file.suffix == ".json" else ".jsonl"
    file.write_text(edited(content, trial, suffix), encoding="utf-8", errors="surrogatepass")
    return Damaged(name, f"{trial.edit} at {path}", is_directory=False)


def read(path: Path, name: str) -> Reading:
    """Read a release in a form, or in the one that is recognized; open each of its images."""
    try:
        form = formats.load(name) if name else recognize(path)
        assert form.read
        release = form.read(path, None)
        entries = list(release.conversations())
    except VisionflanError as error:
        return Reading([], [], f"{error}")
    records = [entry for entry in entries if isinstance(entry, ConversationRecord)]
    for record in records:
        open_images(release, record)
    return Reading(records, [entry for entry in entries if isinstance(entry, BrokenRow)])


def open_images(release: InstructionRelease, record: ConversationRecord) -> None:
    """Check the images of a record, as an import does."""
    for image in record.images:
        file = str(containing_file(image.source))
        if find_file_fault(file, str(release.images)) is None:
            check_source(image.source)


def failures_of(reading: Reading, sound: int, damaged: Damaged | None) -> Iterator[str]:
    """Yield what is wrong with a reading of a damaged release of `sound` records."""
    if reading.refusal:
        if "\n" in reading.refusal.strip().replace("a\n", "a"):  # a name of tree_damage.py
            yield f"a message is not one sentence: {reading.refusal!r}"
        return
    for text in (turn.text for record in reading.records for turn in record.turns):
        if NOT_WORDS.search(text) or not is_encodable(text):
            yield f"a text of a record: {text!r}"
    yield from (f"a row without a reason: {row}" for row in reading.broken if not row.detail)
    # An import refuses a release without records.
    if damaged and 0 < reading.total < sound and not reading.broken and is_visible(damaged):
        yield f"{sound - reading.total} of {sound} records are gone without a word"


def is_visible(damaged: Damaged) -> bool:
    """Return whether a reader can see the damage; zero bytes at its end belong to an archive."""
    return damaged.is_visible() and not (
        damaged.path.endswith(".tar") and damaged.damage in ("zeroed", "zero bytes")
    )


@contextmanager
def time_limit() -> Iterator[None]:
    """Raise TimeoutError in what takes too long."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"more than {TIME_LIMIT} s")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(TIME_LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


class Fuzzer:
    """Releases in all forms, and trials on copies of them."""

    def __init__(self, directory: Path, names: Sequence[str]) -> None:
        self.directory, self.names = directory, names
        source = small_build(directory / "build")
        for name in names:
            (directory / name).mkdir()
            write_release(name, source, directory / name)
        self.sound = {name: read(directory / name, "").total for name in names}

    def trial(self, name: str, seed: str) -> list[str]:
        """Damage a release and read it; return what is wrong."""
        generator, root = random.Random(seed), self.directory / "trial"
        shutil.copytree(self.directory / name, root)
        try:
            damaged = set_value(root, generator) if generator.random() < 0.3 else None
            damaged = damaged or damage_tree(root, generator)
            forced = generator.choice(["", name, name, generator.choice(self.names)])
            label = f"{name} as {forced or 'recognized'}: {damaged}: "
            own = damaged if forced in ("", name) else None
            with time_limit():
                reading = read(root, forced)
            return [f"{label}{one}" for one in failures_of(reading, self.sound[name], own)]
        except Exception:
            return [f"{name}, seed {seed!r}: {traceback.format_exc(limit=-4)}"]
        finally:
            remove(root)

    def run(self, name: str, count: int, seed: int) -> list[str]:
        """Run the trials of a form."""
        trials = (self.trial(name, f"{seed} {name} {number}") for number in range(count))
        return [failure for failures in trials for failure in failures]


def remove(root: Path) -> None:
    """Remove a damaged release, whatever rights its directories have."""
    for path in (root, *root.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(root)


def main() -> None:
    """Run the trials and print the failures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="trials of each form")
    parser.add_argument("--seed", type=int, default=0, help="seed of the damage")
    parser.add_argument("--format", nargs="*", default=formats.names(), help="forms to damage")
    args = parser.parse_args()
    total = 0
    with TemporaryDirectory() as directory:
        fuzzer = Fuzzer(Path(directory), formats.names())
        for name in args.format:
            failures = fuzzer.run(name, args.count, args.seed)
            total += len(failures)
            print(f"{name}: {args.count} trials, {len(failures)} failures", flush=True)
            for failure in islice(failures, 20):
                print(failure, flush=True)
    sys.exit(bool(total))


if __name__ == "__main__":
    main()
