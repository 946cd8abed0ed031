"""The four benchmarks of forgetting are read from the layouts in which their images circulate."""

import gzip
import io
import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from visionflan import overlaps
from visionflan.errors import ReleaseError
from visionflan.evaluate import benchmarks
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.benchmarks import mnist
from visionflan.evaluate.benchmarks.miniimagenet import TEST
from visionflan.evaluate.metric import ScoringContext
from visionflan.evaluate.rules.class_names import MEASURES, RUBRIC
from visionflan.layouts.arrays import write_idx, write_pickle
from visionflan.layouts.wordnet import names

FOUR = ["cifar10", "cifar100", "mnist", "miniimagenet"]
TITLES = ["CIFAR-10", "CIFAR-100", "MNIST", "miniImageNet"]


@pytest.fixture(params=FOUR)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def demo(name: str, root: Path) -> tuple[Benchmark, list[BenchmarkRow]]:
    """Write the specimen of a benchmark and read it."""
    benchmark = benchmarks.load(name)
    assert benchmark.write_specimen is not None
    benchmark.write_specimen(root)
    return benchmark, list(benchmark.rows(root))


def test_a_specimen_is_read_completely(name: str, tmp_path: Path) -> None:
    benchmark, rows = demo(name, tmp_path)
    count = {"cifar10": 8, "cifar100": 10, "mnist": 10, "miniimagenet": 10}[name]
    assert len(rows) == len({row.key for row in rows}) == count
    assert {row.part for row in rows} == {"test"}
    assert len({row.images for row in rows}) == count
    assert all(row.target in row.candidates and "_" not in row.target for row in rows)
    assert benchmark.version is not None
    assert benchmark.version(tmp_path).startswith("unknown version (sha256 ")


def test_a_specimen_is_written_the_same_each_time(name: str, tmp_path: Path) -> None:
    _, rows = demo(name, tmp_path / "one")
    _, again = demo(name, tmp_path / "two")
    contents = [
        [
            image if isinstance(image, bytes) else image.read_bytes()
            for row in run
            for image in row.images
        ]
        for run in (rows, again)
    ]
    assert contents[0] == contents[1]


def test_both_styles_ask_for_the_class_and_one_shows_the_list(name: str, tmp_path: Path) -> None:
    benchmark, rows = demo(name, tmp_path)
    assert list(benchmark.styles) == ["emt", "bare"]
    noun, other = ("number", "object") if name == "mnist" else ("object", "number")
    prompt, bare = benchmark.styles["emt"](rows[0]), benchmark.styles["bare"](rows[0])
    assert noun in prompt
    assert noun in bare
    assert other not in prompt + bare
    assert ", ".join(rows[0].candidates) in prompt
    assert rows[0].target not in bare


def test_the_right_name_is_right_by_both_rules(name: str, tmp_path: Path) -> None:
    benchmark, rows = demo(name, tmp_path)
    for row in rows:
        question = ScoringContext(row.target, (row.target,), candidates=row.candidates)
        for rule in benchmark.rules.values():
            assert rule(f"{row.target.capitalize()}.", question).score == 1
        parsed = benchmark.rules["lenient"](f"I would say that is the {row.target}!", question)
        assert parsed.score == 1


def test_all_four_share_measures_and_judge(name: str) -> None:
    benchmark = benchmarks.load(name)
    assert benchmark.measures == MEASURES
    assert benchmark.rubric == RUBRIC


@pytest.mark.parametrize(("name", "title"), list(zip(FOUR, TITLES, strict=True)))
def test_a_file_tells_what_other_datasets_have_of_its_images(name: str, title: str) -> None:
    benchmark = benchmarks.load(name)
    assert benchmark.title == title in overlaps.EVALUATIONS
    docstring = sys.modules[f"visionflan.evaluate.benchmarks.{name}"].__doc__ or ""
    for pair in overlaps.overlaps_of(title):
        assert pair.partner_of(title) in docstring


def test_digits_are_shown_as_they_are_and_named_by_numerals(tmp_path: Path) -> None:
    _, rows = demo("mnist", tmp_path)
    assert [row.target for row in rows] == list("7210495638")
    assert rows[0].candidates == tuple("0123456789")
    with Image.open(io.BytesIO(rows[0].images[0])) as image:  # type: ignore[arg-type]
        assert (image.size, image.mode) == ((28, 28), "L")
        assert image.getpixel((0, 0)) == 0


def test_unpacked_files_of_mnist_are_the_same_release(tmp_path: Path) -> None:
    benchmark, rows = demo("mnist", tmp_path)
    assert benchmark.version is not None
    version = benchmark.version(tmp_path)
    for packed in sorted(tmp_path.glob("*.gz")):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    assert list(benchmark.rows(tmp_path)) == rows
    assert benchmark.version(tmp_path) == version


@pytest.mark.parametrize("below", ["raw", "MNIST/raw", "MNIST"])
@pytest.mark.parametrize("packed", [True, False])
def test_mnist_is_found_where_torchvision_puts_it(tmp_path: Path, below: str, packed: bool) -> None:
    benchmark, rows = demo("mnist", tmp_path / "flat")
    assert benchmark.version is not None
    home = tmp_path / "data" / below
    home.mkdir(parents=True)
    for path in (tmp_path / "flat").iterdir():
        if packed:
            shutil.copy(path, home)
        else:
            (home / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        (home / path.stem.replace("t10k", "train")).write_bytes(b"not read")
    assert list(benchmark.rows(tmp_path / "data")) == rows
    assert benchmark.version(tmp_path / "data") == benchmark.version(tmp_path / "flat")
    (home / f"{mnist.LABELS}{'.gz' if packed else ''}").unlink()
    with pytest.raises(ReleaseError, match=f"^MNIST: {home}/{mnist.LABELS}.* does not exist"):
        list(benchmark.rows(tmp_path / "data"))


def test_labels_that_are_no_digits_or_too_few_are_refused(tmp_path: Path) -> None:
    demo("mnist", tmp_path)
    write_idx(tmp_path / f"{mnist.LABELS}.gz", np.array([7, 11, *[0] * 8], np.uint8))
    with pytest.raises(ReleaseError, match=r"^MNIST: .*row 1 is 11"):
        list(benchmarks.load("mnist").rows(tmp_path))
    write_idx(tmp_path / f"{mnist.LABELS}.gz", np.array([7, 2], np.uint8))
    with pytest.raises(ReleaseError, match=r"^MNIST: .*one label per image"):
        list(benchmarks.load("mnist").rows(tmp_path))


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_images_of_cifar_have_their_size_and_are_named_by_place(name: str, tmp_path: Path) -> None:
    _, rows = demo(name, tmp_path)
    assert [row.key for row in rows[:2]] == ["00000", "00001"]
    with Image.open(io.BytesIO(rows[0].images[0])) as image:  # type: ignore[arg-type]
        assert (image.size, image.mode) == ((32, 32), "RGB")


BATCHES = [
    ("cifar10", "cifar-10-batches-py/test_batch", "labels"),
    ("cifar100", "cifar-100-python/test", "fine_labels"),
]


@pytest.mark.parametrize(("name", "file", "labels"), BATCHES)
def test_a_batch_that_runs_code_is_refused_by_name(
    name: str, file: str, labels: str, tmp_path: Path
) -> None:
    benchmark, _ = demo(name, tmp_path)
    mark = tmp_path / "run"
    pickled = pickle.dumps({labels: 0}, protocol=2)
    call = f"cos\nmkdir\nV{mark}\n\x85R".encode("latin1")
    (tmp_path / file).write_bytes(pickled[:-1] + call + b".")
    with pytest.raises(
        ReleaseError, match=rf"^{benchmark.title}: .*{file}.*none of its code was run"
    ):
        list(benchmark.rows(tmp_path))
    assert not mark.exists()


@pytest.mark.parametrize(("name", "file", "labels"), BATCHES)
def test_a_label_without_a_name_is_reported_by_its_row(
    name: str, file: str, labels: str, tmp_path: Path
) -> None:
    benchmark, _ = demo(name, tmp_path)
    fields = {"data": np.zeros((2, 3072), np.uint8), labels: [0, 100]}
    write_pickle(tmp_path / file, fields)
    with pytest.raises(ReleaseError, match=rf"^{benchmark.title}: .*row 1 is 100"):
        list(benchmark.rows(tmp_path))


def test_a_release_that_is_not_there_is_reported_by_name(name: str, tmp_path: Path) -> None:
    benchmark = benchmarks.load(name)
    with pytest.raises(ReleaseError, match=rf"^{benchmark.title}: .*"):
        list(benchmark.rows(tmp_path))


def test_the_twenty_test_classes_have_names() -> None:
    assert len(set(TEST)) == 20
    assert len({names()[wordnet_id] for wordnet_id in TEST}) == 20
    assert names()[TEST[0]] == "nematode"


def move_to_directories(root: Path, below: Path) -> None:
    """Move each image of a list to the directory of its class."""
    for line in (root / "test.csv").read_text().split()[1:]:
        file, wordnet_id = line.split(",")
        (below / wordnet_id).mkdir(parents=True, exist_ok=True)
        shutil.move(root / "images" / file, below / wordnet_id / file)


def test_directories_of_classes_next_to_a_list_are_read(tmp_path: Path) -> None:
    benchmark, rows = demo("miniimagenet", tmp_path)
    move_to_directories(tmp_path, tmp_path / "images")
    again = list(benchmark.rows(tmp_path))
    assert [row._replace(images=()) for row in again] == [row._replace(images=()) for row in rows]


@pytest.mark.parametrize("below", ["test", "images", "."])
def test_directories_of_classes_are_read_without_a_list(tmp_path: Path, below: str) -> None:
    benchmark, rows = demo("miniimagenet", tmp_path)
    move_to_directories(tmp_path, tmp_path / below)
    (tmp_path / "test.csv").unlink()
    if below != "images":
        (tmp_path / "images").rmdir()
    if below != "test":
        for wordnet_id in (*TEST, "n01443537"):
            (tmp_path / below / wordnet_id).mkdir(exist_ok=True)
        shutil.copy(first_image(tmp_path / below), tmp_path / below / "n01443537" / "other.jpg")
    again = list(benchmark.rows(tmp_path))
    assert sorted(row.target for row in again) == sorted(row.target for row in rows)
    assert "goldfish" not in again[0].candidates


def first_image(root: Path) -> Path:
    """Return some image below a directory."""
    return next(iter(sorted(root.rglob("*.jpg"))))


def test_a_class_of_the_split_that_lacks_is_reported(tmp_path: Path) -> None:
    for wordnet_id in TEST[1:]:
        (tmp_path / wordnet_id).mkdir()
    with pytest.raises(ReleaseError, match=rf"^miniImageNet: .*no directory {TEST[0]}"):
        list(benchmarks.load("miniimagenet").rows(tmp_path))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("n0312792500000009.jpg,n03127925", "line 12 .* names n0312792500000009.jpg"),
        ("n0312792500000001.jpg,crate", "line 12 .* the class 'crate'"),
    ],
)
def test_a_line_of_the_list_that_is_wrong_is_reported(
    tmp_path: Path, line: str, message: str
) -> None:
    benchmark, _ = demo("miniimagenet", tmp_path)
    with (tmp_path / "test.csv").open("a") as table:
        table.write(f"{line}\n")
    with pytest.raises(ReleaseError, match=f"^miniImageNet: {message}"):
        list(benchmark.rows(tmp_path))


def test_the_complete_split_is_distinguished_from_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visionflan.evaluate.benchmarks.miniimagenet.IMAGES_PER_CLASS", 2)
    benchmark = benchmarks.load("miniimagenet")
    assert benchmark.version is not None
    for wordnet_id in TEST:
        (tmp_path / "test" / wordnet_id).mkdir(parents=True)
        for number in range(2):
            (tmp_path / "test" / wordnet_id / f"{number}.jpg").touch()
    assert benchmark.version(tmp_path).startswith("test split of Ravi and Larochelle")
    (tmp_path / "test" / TEST[3] / "2.jpg").touch()
    assert benchmark.version(tmp_path).startswith("unknown version")
