"""No image of an official validation or test row is trained on, whatever became of the row."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.helpers.board import MakeBoard, board_image, row_of, write_board
from visionflan import catalog
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.perceptual_hash import ImageSignature, image_signature

Rows = list[dict[str, Any] | str]


def trained(directory: BuildDirectory) -> set[str]:
    return {instance.key for instance in directory.instances("train")}


def test_what_looks_like_a_test_image_beyond_the_maximum_is_held_out(
    make: MakeBoard, tmp_path: Path
) -> None:
    """Each test row has a copy of a training image under another name, encoded anew."""
    write_board(tmp_path / "data/board", [])
    rows: Rows = [row_of(n, part="train") for n in range(16)]
    for n in range(12):
        name = f"copy{n}.png" if n % 2 else f"copy{n}.jpg"
        encoded = board_image(n, "PNG") if n % 2 else board_image(n)
        (tmp_path / "data/board/images" / name).write_bytes(encoded)
        rows.append(row_of(n, key=f"test {n}", images=[f"images/{name}"], part="test"))
    for maximum in (8, 100):
        directory = make(rows, 16, f"out {maximum}", hold_out_official=True, max_per_task=maximum)
        sampled = {instance.key for instance in directory.instances()}
        assert trained(directory) == sampled & {f"k{n}" for n in range(12, 16)}


def test_a_test_row_of_no_task_that_is_built_keeps_its_image_and_group_out(
    make: MakeBoard,
) -> None:
    rows: Rows = [row_of(n, part="train", video=f"v{n}") for n in range(4)]
    rows.append(row_of(0, key="same image", part="test", only="count"))
    rows.append(row_of(4, key="same group", part="test", only="count", video="v1"))
    directory = make(rows, 5, hold_out_official=True, tasks=("board/ask",))
    assert trained(directory) == {"k2", "k3"}


@pytest.mark.parametrize(
    "unusable",
    [
        {"images": ["images/0.jpg", "images/none.jpg"]},  # one image is missing
        {"images": ["images/0.jpg", "images/broken.jpg"]},
        {"images": ["images/copy.png", "images/broken.jpg"]},
        {"options": ["yes"]},  # the target is not among the options
        {"target": "\ud800"},
    ],
)
def test_a_dropped_test_row_keeps_its_valid_images_out(
    make: MakeBoard, tmp_path: Path, unusable: dict[str, Any]
) -> None:
    root = write_board(tmp_path / "data/board", [])
    (root / "images/broken.jpg").write_bytes(b"\xff\xd8 no image")
    (root / "images/copy.png").write_bytes(board_image(0, "PNG"))
    rows: Rows = [row_of(n, part="train") for n in range(3)]
    rows.append(row_of(0, key="test", text="Else?", part="test", **unusable))
    directory = make(rows, 3, hold_out_official=True, tasks=("board/ask",))
    assert trained(directory) == {"k1", "k2"}


def test_the_group_of_a_test_row_without_an_image_is_held_out(make: MakeBoard) -> None:
    rows: Rows = [row_of(n, part="train", video=f"v{n % 2}") for n in range(4)]
    rows.append(row_of(9, part="test", video="v0"))  # there is no such file
    directory = make(rows, 4, hold_out_official=True, tasks=("board/ask",))
    assert trained(directory) == {"k1", "k3"}


def test_rows_that_are_read_again_are_held_out_by_test_rows_of_other_tasks(
    make: MakeBoard, tmp_path: Path
) -> None:
    """Most images are broken, so that the release is read again for one task."""
    root = write_board(tmp_path / "data/board", [])
    for n in range(240):
        valid = n % 12 < 2
        (root / f"images/{n}.jpg").write_bytes(board_image(n) if valid else b"\xff\xd8 no image")
    rows: Rows = [row_of(n, only="ask", part="train") for n in range(240)]
    rows += [row_of(n, key=f"test {n}", only="count", part="test") for n in range(0, 240, 12)]
    directory = make(rows, 0, hold_out_official=True, max_per_task=10)
    assert len(directory.instances(tasks=["board/ask"])) == 10
    assert trained(directory)
    assert all(int(key[1:]) % 2 for key in trained(directory))


def test_a_test_image_of_one_dataset_is_not_trained_on_in_others(tmp_path: Path) -> None:
    """They are in a dataset that is read earlier, and in one that is read later."""
    names = ("caltech101", "funsd", "office31")
    for name in names:
        catalog.load(name).write_specimen(tmp_path / "data" / name, 12)
    pages = sorted(tmp_path.glob("data/funsd/**/testing_data/images/*"))
    for name in ("caltech101", "office31"):
        images = sorted((tmp_path / "data" / name).rglob("*.jpg"))
        for number, path in enumerate(images[::2]):
            with Image.open(pages[number % len(pages)]) as page:
                page.convert("RGB").save(path, quality=90)
    settings = BuildSettings(
        tasks=names, max_per_task=8, hold_out_official=True, hold_out_images=0.0
    )
    build(tmp_path / "data", tmp_path / "out", settings, workers=1)
    directory = BuildDirectory(tmp_path / "out")
    looks = [signature(page.read_bytes()) for page in pages]
    for instance in directory.instances("train"):
        for image in map(directory.image, instance.images):
            assert min(color_distance(signature(image), look) for look in looks) > 5
    trained_datasets = {instance.dataset for instance in directory.instances("train")}
    assert trained_datasets == set(names)


def signature(encoded: bytes) -> ImageSignature:
    with Image.open(BytesIO(encoded)) as image:
        return image_signature(image)


def color_distance(one: ImageSignature, other: ImageSignature) -> float:
    colors = [np.frombuffer(look.colors, np.uint8).astype(float) for look in (one, other)]
    return float(np.abs(colors[0] - colors[1]).mean())
