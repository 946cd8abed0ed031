"""Releases damaged at random cost at most themselves: the build ends and says what failed."""

import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from fuzz_trees import WITHOUT_CAPABILITIES, Round, unlock
from tree_damage import DIRECTORIES, FILES, Damaged, contents, swapped
from tree_outcomes import Finished, failures_of, lost_unsaid

from visionflan import catalog
from visionflan.builder import release_reader
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.storage.directory import BuildDirectory

# Layouts of many kinds: directories, JSON, CSV, pickles, arrays, archives, tables, XML, MATLAB.
NAMES = ("caltech101", "coco", "memotion", "cinic10", "mnist_m", "iconqa", "voc2007", "pickapic")
SOUND = "pacs"
SETTINGS = BuildSettings(tasks=(*NAMES, SOUND), hold_out_tasks=NAMES[:2])
# Each kind of damage once; what is locked needs a process that is not the superuser's.
KINDS = [*FILES, *DIRECTORIES, "swapped"]
PARTS = 6


def damage(root: Path, number: int) -> Damaged:
    """Damage a release in the way of a number among the kinds."""
    generator, kind = random.Random(number), KINDS[number]
    files, directories = contents(root)
    if kind == "swapped":
        first, second = generator.sample(files, 2)
        swapped(first, second)
        return Damaged(f"{first.relative_to(root)}", kind, is_directory=False)
    if is_directory := number >= len(FILES):
        path = generator.choice(directories)
        DIRECTORIES[kind](path, generator)
    else:
        # What is not an image is damaged more often: there are fewer of these files.
        others = [path for path in files if path.suffix not in {".jpg", ".png"}]
        path = generator.choice(others or files)
        FILES[kind](path, generator)
    return Damaged(f"{path.relative_to(root)}", kind, is_directory)


@pytest.fixture(scope="module")
def specimens(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return a directory of specimens, and the manifest of their build."""
    root = tmp_path_factory.mktemp("specimens")
    for name in (*NAMES, SOUND):
        catalog.load(name).write_specimen(root / "data" / name, 6)
    return root, build(root / "data", root / "out", SETTINGS, workers=2)


@pytest.mark.parametrize("part", range(PARTS))
def test_damaged_releases_cost_at_most_themselves(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    specimens: tuple[Path, dict[str, Any]],
    part: int,
) -> None:
    monkeypatch.setattr(release_reader, "STALL_S", 20)
    root, before = specimens
    shutil.copytree(root / "data", tmp_path / "data")
    kinds = [number for number, kind in enumerate(KINDS) if kind != "locked"][part::PARTS]
    assert len(kinds) <= len(NAMES)
    names = itertools.islice(itertools.cycle(NAMES), part, None)
    damaged = {
        name: damage(tmp_path / "data" / name, number)
        for number, name in zip(kinds, names, strict=False)
    }
    after = build(tmp_path / "data", tmp_path / "out", SETTINGS, workers=2)
    failed = any(entry["status"] == "failed" for entry in after["datasets"].values())
    done = Finished(code=int(failed), output="", peak_memory=0)
    assert list(failures_of(done, before, after, SOUND)) == []
    assert str(tmp_path) not in json.dumps(after["datasets"])
    unsaid = [name for name in lost_unsaid(before, after, damaged) if damaged[name].is_visible()]
    assert unsaid == [], damaged
    sound = BuildDirectory(root / "out").instances()
    instances = BuildDirectory(tmp_path / "out", verify=True).instances()
    images = [[i.images for i in read if i.dataset == SOUND] for read in (sound, instances)]
    assert images[0] == images[1] != []


def test_what_is_locked_is_told(tmp_path: Path) -> None:
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("the superuser reads what is locked, and there is no setpriv to forbid it")
    locked = {"voc2007": "Annotations", "memotion": "labels.csv", "caltech101": "image_0001.jpg"}
    for name, pattern in locked.items():
        catalog.load(name).write_specimen(tmp_path / "data" / name, 6)
        next((tmp_path / "data" / name).rglob(pattern)).chmod(0)
    command = [*(WITHOUT_CAPABILITIES if os.geteuid() == 0 else ()), sys.executable, "-m"]
    command += ["visionflan", "build", "--data-root", "data", "--out", "out", "--workers", "1"]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    unlock(tmp_path / "data")
    assert done.returncode == 1, done.stderr
    manifest = json.loads((tmp_path / "out/manifest.json").read_bytes())
    assert manifest["datasets"]["voc2007"]["broken"] == {"unreadable_path": 1}
    assert "Permission denied" in manifest["datasets"]["memotion"]["message"]
    tasks = [task for task in manifest["tasks"].values() if task["dataset"] == "caltech101"]
    assert {"image_unreadable": 1} in [task["dropped"] for task in tasks]


def test_the_fuzz_of_trees_repeats_rounds_that_failed_and_continues(tmp_path: Path) -> None:
    state = tmp_path / "state.jsonl"
    good = Round(seed=0, trees=1, failures=[], unsaid=[], peak_memory=1, seconds=0.5)
    rounds = [good, good._replace(seed=1, failures=["mended since"])]
    state.write_text("".join(json.dumps(entry._asdict()) + "\n" for entry in rounds))
    script = Path(__file__).parents[2] / "benchmarks/fuzz_trees.py"
    command = [sys.executable, f"{script}", "--dataset", "coco", "--count", "3"]
    command += ["--out", f"{state}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert [json.loads(line)["seed"] for line in state.read_text().splitlines()] == [0, 1, 1, 2]
    assert re.search(
        r"^3 trees, 0 failures, \d+ s, highest memory [\d,]{10,} bytes$", done.stdout, re.M
    )


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_what_is_no_file_in_the_release_of_a_neighbor_costs_one_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object]
) -> None:
    monkeypatch.setattr(release_reader, "STALL_S", 20)
    for name in ("docvqa", "infographicvqa"):
        catalog.load(name).write_specimen(tmp_path / "data" / name, 6)
    (tmp_path / "data/infographicvqa/spdocvqa_qas/train_v1.0_withQT.json").unlink()
    table = tmp_path / "data/docvqa/spdocvqa_qas/train_v1.0_withQT.json"
    table.unlink()
    make(table)
    settings = BuildSettings(tasks=("infographicvqa",))
    manifest = build(tmp_path / "data", tmp_path / "out", settings, workers=1)
    entry = manifest["datasets"]["infographicvqa"]
    assert entry["status"] == "built", entry
    assert entry["broken"] == {"neighbor_release": 1}
