"""A build of the real releases has the rows and images that these are known to have."""

import json
from collections import Counter
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from visionflan import catalog
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.storage.directory import BuildDirectory
from visionflan.vocabulary import LICENSES

pytestmark = pytest.mark.shared

# Rows of each release, by its README.
ROWS = {
    "caltech101": 41 * 12,
    "coco": 159,
    "concadia": 300,
    "funsd": 149 + 50,
    "geometry3k": 10,
    "iconqa": 50 + 50,
    "pacs": 4 * 7 * 10,
    "vqa_rad": 3_064 + 451,
}
KEPT = {
    "caltech101/image_classification": 40 * 12,
    "coco/image_caption": 159,
    "coco/image_text_selection": 159,
    "coco/itm": 159,
    "funsd/text_detection": 149 + 50,
    "geometry3k/geometry_question_answer": 10,
    "iconqa/choose_txt": 50,
    "iconqa/fill_in_blank": 50,
    "pacs/photo_object_classification": 7 * 10,
    "pacs/cartoon_object_classification": 7 * 10,
    "pacs/art_painting_object_classification": 7 * 10,
    "pacs/dog_image_category_classification": 4 * 10,
}


@pytest.fixture(scope="module")
def real() -> Path:
    root = Path(__file__).parents[3] / "shared/real"
    if not root.is_dir():
        pytest.skip("the real releases are not in ../shared")
    return root


@pytest.fixture(scope="module")
def built(real: Path, tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    out = tmp_path_factory.mktemp("real") / "build"
    build(real, out, BuildSettings(include_sensitive=True))
    return BuildDirectory(out, verify=True)


def test_every_release_is_read_completely(built: BuildDirectory, real: Path) -> None:
    datasets = built.manifest["datasets"]
    names = {path.name for path in real.iterdir() if path.is_dir()}
    assert names == set(ROWS)
    assert {name for name in datasets if datasets[name]["status"] == "built"} == names
    assert {name: datasets[name]["rows_read"] for name in names} == ROWS
    assert not any(datasets[name]["broken"] for name in names)
    assert all(datasets[name]["license"] in LICENSES for name in names)


def test_every_task_of_them_has_instances(built: BuildDirectory) -> None:
    declared = {f"{name}/{task}" for name in ROWS for task in catalog.load(name).tasks}
    assert set(built.tasks) == declared
    counts = Counter(built.instances().column("task"))
    assert {task: counts[task] for task in KEPT} == KEPT


def test_every_row_is_kept_or_accounted_for(built: BuildDirectory) -> None:
    ledger = pq.read_table(built.path / "ledger.parquet").to_pylist()
    for task, info in built.manifest["tasks"].items():
        dropped = [e["reason"] for e in ledger if (e["task"], e["kind"]) == (task, "dropped")]
        assert info["dropped"] == dict(Counter(dropped))
        accounted = info["written"] + info["not_applicable"] + info["over_cap"] + len(dropped)
        assert info["rows_read"] == accounted == ROWS[info["dataset"]]
        assert info["over_cap"] == 0


def test_no_question_of_vqa_rad_is_without_its_image(built: BuildDirectory, real: Path) -> None:
    info = built.manifest["tasks"]["vqa_rad/question_answer"]
    assert set(info["dropped"]) == {"duplicate"}
    splits = [
        json.loads((real / f"vqa_rad/{name}set.json").read_text()) for name in ("train", "test")
    ]
    names = {question["image_name"] for split in splits for question in split}
    files = {path.name: path for path in (real / "vqa_rad/images").glob("*.jpg")}
    assert len(files) == 315
    assert files.keys() - names == {"synpic35356.jpg"}
    assert {sha256(files[name].read_bytes()).hexdigest() for name in names} == {
        image
        for images in built.instances(tasks=["vqa_rad/question_answer"]).column("images")
        for image in images
    }


def test_the_images_are_those_of_the_releases(built: BuildDirectory, real: Path) -> None:
    files = {
        sha256(path.read_bytes()).hexdigest()
        for path in real.rglob("*")
        if path.suffix in {".jpg", ".jpeg", ".png"}
    }
    stored = {image for images in built.instances().column("images") for image in images}
    assert len(stored) == built.manifest["totals"]["images"]
    assert stored <= files
    for image in stored:
        assert built.image(image)


def test_a_few_images_of_each_dataset_are_held_out(built: BuildDirectory) -> None:
    for task, info in built.manifest["tasks"].items():
        assert info["held_out"] >= 1, task
        assert info["train"] >= info["written"] // 2, task
