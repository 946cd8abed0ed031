"""A part of a build is selected as a list of rows, and a stage trains on exactly these."""

import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.stored_instances import INFO, draw_image, instance
from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.cli.main import main
from visionflan.errors import BuildError, TrainingError, VisionflanError
from visionflan.select.coverage import coverage_positions
from visionflan.select.features import Features
from visionflan.select.run import SelectionSettings, select_rows
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.row_list import read_row_list
from visionflan.train.config import DataConfig
from visionflan.train.mixture import mixture_order
from visionflan.train.mixture_config import MixtureConfig
from visionflan.train.selection import select_instances

SIZES = {"drawn/color": 24, "drawn/shape": 6}


def write_build(path: Path, sizes: dict[str, int]) -> BuildDirectory:
    with DirectoryWriter(path, {"name": "drawn", "title": "Drawn"}) as writer:
        image = writer.add_image(draw_image(1))
        for task, size in sizes.items():
            writer.add_task(task, INFO)
            for number in range(size):
                row = instance(str(number), (image,), task)
                writer.add_instance(row._replace(id=f"{task}/{number}"))
    return BuildDirectory(path)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    return write_build(tmp_path_factory.mktemp("select") / "build", SIZES)


def select(build: BuildDirectory, out: Path, **settings: Any) -> list[str]:
    select_rows(build, out, SelectionSettings(**settings))
    ids: list[str] = read_row_list(out).ids.to_pylist()
    return ids


@pytest.mark.parametrize("settings", [{}, {"temperature": 1e6}, {"weights": ("drawn/shape:3",)}])
def test_a_smaller_selection_is_a_prefix_of_a_larger_one(
    build: BuildDirectory, tmp_path: Path, settings: dict[str, Any]
) -> None:
    larger = select(build, tmp_path / "a", rows=20, **settings)
    assert select(build, tmp_path / "b", rows=7, **settings) == larger[:7]
    assert len(set(larger)) == 20
    assert select(build, tmp_path / "c", rows=20, seed=1, **settings) != larger


def test_a_mixture_selects_the_rows_that_it_would_train_on(
    build: BuildDirectory, tmp_path: Path
) -> None:
    mixture = MixtureConfig(weights=("drawn/shape:3",), temperature=2.0)
    instances = build.instances("train")
    ids = instances.column("id")
    order = mixture_order(mixture, instances.column("task"), ids, 0)
    selected = select(build, tmp_path / "a", rows=9, weights=("drawn/shape:3",), temperature=2.0)
    assert selected == [ids[index] for index in order[:9]]


def test_a_stage_trains_on_the_rows_of_a_list(build: BuildDirectory, tmp_path: Path) -> None:
    selected = select(build, tmp_path / "a", rows=9)
    instances = select_instances(build, DataConfig(row_list=tmp_path / "a"), 0)
    assert sorted(instances.column("id")) == sorted(selected)
    plain = tmp_path / "plain.txt"
    plain.write_text("\n".join(selected[:4]))
    instances = select_instances(build, DataConfig(row_list=plain), 0)
    assert sorted(instances.column("id")) == sorted(selected[:4])


def test_a_list_that_a_stage_cannot_train_on_is_named(
    build: BuildDirectory, tmp_path: Path
) -> None:
    rows = tmp_path / "rows"
    select(build, rows, rows=5)
    other = write_build(tmp_path / "other", {"drawn/color": 3})
    with pytest.raises(BuildError, match="is a list for the build with the digest"):
        select_instances(other, DataConfig(row_list=rows), 0)
    rows.write_text("drawn/color/1\n")
    with pytest.raises(TrainingError, match="lists no row of the tasks"):
        select_instances(build, DataConfig(row_list=rows, tasks=("drawn/shape",)), 0)
    rows.write_text("drawn/color/1\nnowhere/at/all\n")
    with pytest.raises(BuildError, match=r"lists 1 row that .* does not have, such as 'nowhere"):
        select_instances(build, DataConfig(row_list=rows), 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: text.rstrip().rfind("\n") + 1], "is cut or was changed"),
        (lambda text: text + text.splitlines()[-1], "is cut or was changed"),
        (lambda text: text.replace('": 1,', '": 9,', 1), "has format 9"),
        (lambda text: text[1:], "is not a|does not have|more than once"),
        (lambda text: "", "lists no row"),
        (lambda text: "{}\n", "without 'visionflan_rows'"),
        (lambda text: "a\na\n", "more than once"),
    ],
)
def test_a_damaged_list_is_named(
    build: BuildDirectory, tmp_path: Path, change: Any, message: str
) -> None:
    select(build, tmp_path / "a", rows=5)
    (tmp_path / "a").write_text(change((tmp_path / "a").read_text()))
    with pytest.raises(BuildError, match=message):
        read_row_list(tmp_path / "a").positions(build)


def planted(seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return features around 30 directions, of which some are rare, and the direction of each."""
    generator = np.random.default_rng(seed)
    centers = generator.normal(size=(30, 24))
    shares = 1 / np.arange(1, 31) ** 1.5
    labels = generator.choice(30, 1200, p=shares / shares.sum())
    return centers[labels] + 0.3 * generator.normal(size=(1200, 24)), labels


@pytest.mark.parametrize("seed", range(4))
def test_coverage_reaches_more_planted_clusters_than_chance(seed: int) -> None:
    values, labels = planted(seed)
    hashes = np.random.default_rng(seed).permutation(len(values)).astype(np.uint64)
    features = Features(values, np.arange(len(values)))
    positions = coverage_positions(features, hashes, clusters=34, seed=seed)
    selected = np.array(list(islice(positions, 60)))
    chance = [
        len(set(labels[np.random.default_rng(draw).permutation(len(labels))[:60]]))
        for draw in range(20)
    ]
    assert len(set(selected.tolist())) == 60
    assert len(set(labels[selected])) > max(chance)


def test_features_that_do_not_fit_the_rows_are_named(build: BuildDirectory, tmp_path: Path) -> None:
    ids, matrix = tmp_path / "ids.txt", tmp_path / "features.npy"
    names = build.instances("train").column("id")
    ids.write_text("\n".join(names))
    values = np.random.default_rng(0).normal(size=(30, 4))
    settings = SelectionSettings(rows=5, features=matrix, ids=ids)
    for content, message in (
        (values[:29], "features of 29 rows, and .* 30 ids"),
        (values[0], "has the shape"),
        (np.where(np.arange(30)[:, None] == 3, np.nan, values), "not finite"),
    ):
        np.save(matrix, content)
        with pytest.raises(BuildError, match=message):
            select_rows(build, tmp_path / "out", settings)
    np.save(matrix, values)
    assert len(select(build, tmp_path / "out", rows=5, features=matrix, ids=ids)) == 5
    ids.write_text("\n".join(["other", *names[1:]]))
    with pytest.raises(BuildError, match=r"lacks 1 row to select from"):
        select_rows(build, tmp_path / "never", settings)
    assert not (tmp_path / "never").exists()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"rows": 5, "fraction": 0.5},
        {"fraction": 0.0},
        {"rows": 5, "clusters": 3},
        {"rows": 5, "ids": Path("x")},
        {"rows": 31},
        {"rows": 20, "max_per_task": 3},
    ],
)
def test_a_selection_that_cannot_be_is_refused(
    build: BuildDirectory, tmp_path: Path, settings: dict[str, Any]
) -> None:
    with pytest.raises(VisionflanError):
        select_rows(build, tmp_path / "out", SelectionSettings(**settings))
    assert list(tmp_path.iterdir()) == []


def test_the_command_prints_what_it_selected(
    build: BuildDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rows.jsonl"
    assert main(["select", str(build.path), "--rows", "6", "--out", str(out), "--json"]) == 0
    assert sum(json.loads(capsys.readouterr().out)["selected"].values()) == 6
    assert main(["select", str(tmp_path), "--rows", "6", "--out", str(out)]) == 1
    assert "is not a build directory" in capsys.readouterr().err
