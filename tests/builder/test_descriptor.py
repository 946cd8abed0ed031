"""Copies are found by the descriptors of a model in an ONNX file."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageOps

from tests.helpers.onnx_models import (
    CHANNELS_LAST,
    UINT8,
    node,
    pool,
    pool_of_bytes,
    write_model,
)
from visionflan import catalog
from visionflan.builder.decontamination import copies
from visionflan.builder.decontamination.copies import match_descriptors
from visionflan.builder.decontamination.descriptor import (
    MEAN,
    STD,
    CopyDetector,
    load_descriptor,
)
from visionflan.builder.decontamination.references import (
    Decontamination,
    Reference,
    ReferenceItem,
    folder_reference,
)
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.cli.main import main
from visionflan.dataset_code import write_specimen
from visionflan.errors import BuildError
from visionflan.image_files import decode_image

pytest.importorskip("onnxruntime")


def colored(seed: int) -> Image.Image:
    """Return a picture of 4 by 4 random colors."""
    colors = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(colors).resize((120, 90), Image.Resampling.NEAREST)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def reference(name: str, images: Sequence[Image.Image]) -> Reference:
    encoded = {f"{name}{number}": png(image) for number, image in enumerate(images)}
    items = [ReferenceItem(image, "", (image,)) for image in encoded]
    return Reference(name, "", items, encoded.__getitem__)


def test_a_descriptor_is_the_normalized_output_for_the_normalized_pixels(tmp_path: Path) -> None:
    path = write_model(tmp_path / "pool.onnx", pool())
    image = Image.new("RGB", (50, 20), (10, 128, 250))
    (vector,) = CopyDetector(load_descriptor(path)).describe([image], ["one"])
    expected = np.repeat((np.array([10, 128, 250]) / 255 - MEAN) / STD, 8 * 8)
    np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-5)


def test_a_model_of_bytes_gets_the_pixels_as_they_are(tmp_path: Path) -> None:
    path = write_model(tmp_path / "bytes.onnx", pool_of_bytes(), UINT8, CHANNELS_LAST)
    image = Image.new("RGB", (50, 20), (10, 128, 250))
    (vector,) = CopyDetector(load_descriptor(path)).describe([image], ["one"])
    expected = np.repeat([10, 128, 250], 8 * 8)
    np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-5)


def test_images_have_the_fixed_size_of_a_model_one_at_a_time(tmp_path: Path) -> None:
    shape = (1, 3, 60, 90)
    config = load_descriptor(write_model(tmp_path / "one.onnx", pool(cell=30), shape=shape))
    images = [colored(seed) for seed in range(3)]
    assert CopyDetector(config).describe(images, ["", "", ""]).shape == (3, 2 * 3 * 3)


def test_the_nearest_image_of_each_reference_is_the_match(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "BLOCK", 3)  # several blocks, which must not matter
    stored = [colored(seed) for seed in range(40)]
    blurred = stored[7].resize((12, 9)).resize((120, 90))
    first = reference("first", [colored(100), blurred, stored[7], colored(101)])
    second = reference("second", [ImageOps.mirror(stored[33]), stored[7]])
    config = load_descriptor(write_model(tmp_path / "pool.onnx", pool()), 0.9)
    ids = pa.chunked_array([[f"stored{number}" for number in range(40)]])
    matched = match_descriptors(ids, lambda row: png(stored[row]), [first, second], config)
    nearest = {
        image: [(match.reference, match.image) for match in matches]
        for image, matches in matched.items()
    }
    assert nearest == {"stored7": [(0, "first2"), (1, "second1")], "stored33": [(1, "second0")]}
    assert all(
        match.kind == "descriptor" and match.cosine == pytest.approx(1, abs=1e-4)
        for matches in matched.values()
        for match in matches
    )


def test_a_changed_picture_is_no_copy_however_near_its_descriptor(tmp_path: Path) -> None:
    changed = colored(7)
    changed.paste((0, 255, 0), (50, 40, 64, 54))
    config = load_descriptor(write_model(tmp_path / "pool.onnx", pool()), 0.9)
    detector = CopyDetector(config)
    first, second = detector.describe([changed, colored(7)], ["", ""])
    assert first @ second >= 0.9
    ids = pa.chunked_array([["changed"]])
    known = [reference("one", [colored(7)])]
    assert match_descriptors(ids, lambda _: png(changed), known, config) == {}


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    write_specimen("caltech101", catalog.load("caltech101"), tmp_path / "data/caltech101", 24)
    return tmp_path / "data"


def rows(out: Path) -> list[dict[str, Any]]:
    overlaps: list[dict[str, Any]] = pq.read_table(out / "decontamination.parquet").to_pylist()
    return overlaps


def test_a_cropped_copy_is_removed_by_its_descriptor_and_another_model_is_another_build(
    data_root: Path, tmp_path: Path
) -> None:
    paths = sorted((data_root / "caltech101").rglob("*.jpg"))
    (tmp_path / "folder").mkdir()
    original = decode_image(paths[-1].read_bytes())
    original.crop((5, 5, original.width - 5, original.height - 5)).save(
        tmp_path / "folder/cropped.png"
    )
    against = folder_reference(tmp_path / "folder")
    settings = BuildSettings(tasks=("caltech101/*",), hold_out_images=0.0)
    hashed = Decontamination(references=[against])
    build(data_root, tmp_path / "hashed", settings, decontamination=hashed)
    assert rows(tmp_path / "hashed") == []
    cells = write_model(tmp_path / "cells.onnx", pool())
    config = load_descriptor(cells, 0.96)
    described = Decontamination(references=[against], descriptor=config)
    manifest = build(data_root, tmp_path / "out", settings, decontamination=described)
    overlaps = rows(tmp_path / "out")
    assert {row["kind"] for row in overlaps} == {"descriptor"}
    assert all(row["removed"] and row["cosine"] >= 0.96 for row in overlaps)
    assert {row["item"] for row in overlaps} == {"cropped.png"}
    descriptor = manifest["about"]["decontamination"]["descriptor"]
    assert descriptor == {"digest": config.digest, "threshold": 0.96}
    assert f"`{config.digest}`, from a cosine of 0.96" in (tmp_path / "out/README.md").read_text()
    other = load_descriptor(write_model(tmp_path / "other.onnx", pool(cell=80)), 0.96)
    changed = Decontamination(references=[against], descriptor=other)
    with pytest.raises(BuildError, match=r"other settings \(decontamination\)"):
        build(data_root, tmp_path / "out", settings, decontamination=changed)


ZERO = node("Sub", "pixels pixels", "zeros")
RATIO = node("Div", "zeros zeros", "cells")
FLATTEN = node("Flatten", "cells", "descriptor", axis=1)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"nodes": []}, "is not an ONNX model with all its weights"),
        ({"nodes": pool(), "shape": ("batch", 4, 8, 8)}, "is no model of images"),
        (
            {"nodes": [node("Flatten", "pixels", "descriptor", axis=1)], "shape": ("batch", 3)},
            "is no model of images",
        ),
        ({"nodes": pool(), "shape": (4, 3, 80, 80)}, "has a fixed batch size of 4"),
        ({"nodes": [*pool()[:1], node("Identity", "cells", "descriptor")]}, "of shape"),
        ({"nodes": [ZERO, node("Flatten", "zeros", "descriptor", axis=1)]}, "zeros or NaN"),
        ({"nodes": [ZERO, RATIO, FLATTEN]}, "zeros or NaN"),
        (
            {"nodes": [node("SpaceToDepth", "pixels", "cells", blocksize=7), FLATTEN]},
            "fails on images of 320 x 320 pixels",
        ),
    ],
)
def test_a_file_that_is_no_descriptor_is_refused_in_one_sentence(
    model: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = write_model(tmp_path / "wrong.onnx", **model)
    with pytest.raises(BuildError, match=message) as raised:
        load_descriptor(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_command_line_refuses_other_files_before_it_builds(
    data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    out = tmp_path / "out"
    arguments = ["build", "--data-root", str(data_root), "--out", str(out)]
    arguments += ["--decontaminate", str(data_root / "caltech101"), "--descriptor"]
    for name, message in (("text.onnx", "is not an ONNX model"), ("absent", "is not a file")):
        assert main([*arguments, str(tmp_path / name)]) == 1
        assert message in capsys.readouterr().err
    assert not out.exists()
