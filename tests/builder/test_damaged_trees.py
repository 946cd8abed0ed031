"""Releases damaged at random cost at most themselves: the build ends and says what failed."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from visionflan import catalog
from visionflan.builder import release_reader
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.storage.directory import BuildDirectory

# Layouts of many kinds: directories, JSON, CSV, pickles, arrays, archives, tables, XML, MATLAB.
NAMES = ("caltech101", "coco", "memotion", "cinic10", "mnist_m", "iconqa", "voc2007", "pickapic")
SOUND = "pacs"


def cut(path: Path, generator: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: generator.randrange(len(content) + 1)])


def flip(path: Path, generator: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(min(len(content), 8)):
        content[generator.randrange(len(content))] = generator.randrange(256)
    path.write_bytes(content)


def replace_with(make: Callable[[Path], object]) -> Callable[[Path, random.Random], None]:
    def replace(path: Path, generator: random.Random) -> None:
        path.unlink()
        make(path)

    return replace


DAMAGES: list[Callable[[Path, random.Random], None]] = [
    cut,
    flip,
    replace_with(lambda path: None),
    replace_with(lambda path: path.mkdir()),
    replace_with(os.mkfifo),
    replace_with(lambda path: path.symlink_to(path.name)),
    replace_with(lambda path: path.symlink_to("/dev/zero")),
    replace_with(lambda path: path.write_text("[" * 100_000)),
    replace_with(lambda path: path.write_text('[{"id": ' + "9" * 5_000 + "}]")),
    replace_with(lambda path: path.write_bytes(b"\x80\xff\xfe" * 100)),
]


@pytest.mark.parametrize("seed", range(6))
def test_damaged_releases_cost_at_most_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(release_reader, "STALL_S", 20)
    generator = random.Random(seed)
    for name in (*NAMES, SOUND):
        catalog.load(name).write_specimen(tmp_path / "data" / name, 6)
    for name in NAMES:
        files = sorted(path for path in (tmp_path / "data" / name).rglob("*") if path.is_file())
        # What is not an image is damaged more often: there are fewer of these files.
        others = [path for path in files if path.suffix not in {".jpg", ".png"}]
        for path in {generator.choice(files), generator.choice(others or files)}:
            generator.choice(DAMAGES)(path, generator)
    settings = BuildSettings(tasks=(*NAMES, SOUND), hold_out_tasks=NAMES[:2])
    manifest = build(tmp_path / "data", tmp_path / "out", settings, workers=2)
    assert manifest["datasets"][SOUND]["status"] == "built"
    for entry in manifest["datasets"].values():
        assert entry["status"] in {"built", "failed"}
        assert "\n" not in entry.get("message", "")
        assert str(tmp_path) not in entry.get("message", "")
    directory = BuildDirectory(tmp_path / "out", verify=True)
    sound = [i.images for i in directory.instances() if i.dataset == SOUND]
    for name in NAMES:
        shutil.rmtree(tmp_path / "data" / name)
    alone = BuildSettings(tasks=(SOUND,), hold_out_images=0.0)
    build(tmp_path / "data", tmp_path / "alone", alone, workers=1)
    assert sound == [i.images for i in BuildDirectory(tmp_path / "alone").instances()]


def test_a_pipe_in_the_release_of_a_neighbor_hangs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_reader, "STALL_S", 20)
    for name in ("docvqa", "infographicvqa"):
        catalog.load(name).write_specimen(tmp_path / name, 6)
    (tmp_path / "infographicvqa/spdocvqa_qas/train_v1.0_withQT.json").unlink()
    pipe = tmp_path / "docvqa/spdocvqa_qas/train_v1.0_withQT.json"
    pipe.unlink()
    os.mkfifo(pipe)
    settings = BuildSettings(tasks=("infographicvqa",))
    manifest = build(tmp_path, tmp_path.with_name("out"), settings, workers=1)
    entry = manifest["datasets"]["infographicvqa"]
    assert entry["status"] == "built", entry
    assert entry["broken"] == {"neighbor_release": 1}
