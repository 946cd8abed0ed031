"""Questions about images that a checkpoint was trained on, or that look like those, are named."""

import io
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.helpers.tiny_evaluation import ToyModel, draw_square, tiny_build
from visionflan.errors import EvaluationError
from visionflan.evaluate.held_out import held_out_set
from visionflan.evaluate.plan import EvalSelection, plan_evaluations
from visionflan.evaluate.records.files import RECORDS
from visionflan.evaluate.records.header import Header, TrainingOverlap, read_header, write_header
from visionflan.evaluate.records.paths import CheckpointPaths
from visionflan.evaluate.records.record import read_records
from visionflan.evaluate.records.resume import open_output
from visionflan.evaluate.requests import EvalSet, Item, limit_items
from visionflan.evaluate.run import evaluate
from visionflan.evaluate.seen_images import MAX_COMPARED, SeenImages, leave_out_seen
from visionflan.evaluate.settings import EvaluationSettings
from visionflan.evaluate.subject import EvalSubject
from visionflan.image_files import decode_image
from visionflan.image_pixels import to_rgb
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.perceptual_hash import LOW, image_signature
from visionflan.storage.trained_images import (
    NO_IMAGES,
    UNKNOWN_IMAGES,
    TrainedImages,
    images_of_build,
    write_trained_images,
)


class StoredImage(NamedTuple):
    """A source with one image."""

    encoded: bytes
    path: Path = Path("unused")
    digest: str = "other"

    def image(self, image_id: str, /) -> bytes:
        return self.encoded

    def describe_image_location(self, image_id: str, /) -> str:
        return image_id

    def image_group(self, image_id: str, /) -> str:
        return image_id


@pytest.fixture
def build(tmp_path: Path) -> BuildDirectory:
    return tiny_build(tmp_path / "build")


def all_items(eval_set: EvalSet) -> list[Item]:
    """Return the items of all tasks."""
    return [item for members in eval_set.items.values() for item in members]


def trained_on(build: BuildDirectory, count: int) -> TrainedImages:
    """Return the first held-out images as if they had been trained on."""
    items = all_items(held_out_set([build]))
    images = sorted({image for item in items for image in item.images})
    return images_of_build(build, images[:count])


def question(encoded: bytes) -> Item:
    """Return a question about an image."""
    return Item(StoredImage(encoded), "t", "0", "key", "", ("f" * 64,), "", (), "", (), "")


def encode(image: Image.Image, form: str, quality: int = 92) -> bytes:
    """Encode an image."""
    buffer = io.BytesIO()
    image.save(buffer, form, quality=quality)
    return buffer.getvalue()


def test_trained_images_are_left_out_and_counted(build: BuildDirectory) -> None:
    every = held_out_set([build])
    trained = trained_on(build, 5)
    rest = leave_out_seen(every, trained, include=False)
    left_out = len(all_items(every)) - len(all_items(rest))
    assert left_out == sum(rest.overlap.questions.values()) > 5
    groups = {build.image_group(image) for image in trained.phashes}
    assert rest.overlap.images >= 5
    for item in all_items(rest):
        assert not groups & {build.image_group(image) for image in item.images}
    for task, members in rest.items.items():
        assert rest.tasks[task].held_out == len(members)
    assert rest.overlap.describe() == (
        f"{left_out} questions are about images that this checkpoint was trained on, or that look "
        "like those, and left out."
    )


def test_trained_images_stay_where_they_are_to_be_included(build: BuildDirectory) -> None:
    every = held_out_set([build])
    included = leave_out_seen(every, trained_on(build, 5), include=True)
    assert included.items == every.items
    assert included.overlap.describe().endswith("and included.")


def test_of_included_questions_those_within_the_limit_are_counted(build: BuildDirectory) -> None:
    every = held_out_set([build])
    trained = trained_on(build, 10_000)
    limited = leave_out_seen(every, trained, include=True, limit=3)
    counts = {task: len(limit_items(members, 3)) for task, members in every.items.items()}
    assert limited.overlap.questions == counts
    assert limited.items == every.items


def test_answers_to_questions_that_are_left_out_since_do_not_count(
    build: BuildDirectory, tmp_path: Path
) -> None:
    every = held_out_set([build])
    subject = EvalSubject(model=ToyModel(), path=tmp_path, run="run", stage="base")
    settings = EvaluationSettings(conditions=("original",))
    for images in (NO_IMAGES, trained_on(build, 5)):
        eval_set = leave_out_seen(every, images, include=False)
        scores = evaluate(subject, eval_set, tmp_path / "base", settings)
        records = read_records(tmp_path / "base" / RECORDS)
        assert {record.key[:2] for record in records} == {
            (item.task, item.sample_key) for item in all_items(eval_set)
        }
        assert scores["overlap"] == asdict(eval_set.overlap)
    evaluate(subject, leave_out_seen(every, NO_IMAGES, include=False), tmp_path / "base", settings)
    assert read_header(tmp_path / "base").overlap.questions == {}


def test_a_build_without_any_other_question_is_refused(build: BuildDirectory) -> None:
    with pytest.raises(EvaluationError, match="`--include-trained-images`"):
        leave_out_seen(held_out_set([build]), trained_on(build, 10_000), include=False)


def test_the_images_that_a_build_trains_on_are_not_those_that_it_holds_out(
    build: BuildDirectory,
) -> None:
    images = build.instances("train").column("images")
    trained = images_of_build(build, {image for ids in images for image in ids})
    every = held_out_set([build])
    assert leave_out_seen(every, trained, include=False) == replace(
        every, overlap=TrainingOverlap(known=True)
    )


def test_what_is_not_recorded_is_said_to_be_unknown(build: BuildDirectory) -> None:
    every = held_out_set([build])
    unknown = leave_out_seen(every, UNKNOWN_IMAGES, include=False)
    assert unknown.items == every.items
    assert "is not known" in unknown.overlap.describe()
    partly = leave_out_seen(every, trained_on(build, 1)._replace(is_complete=False), include=False)
    assert "left out. Whether the other images were trained on is not" in partly.overlap.describe()
    assert "on none of" in leave_out_seen(every, NO_IMAGES, include=False).overlap.describe()


def test_an_image_in_another_encoding_and_size_is_the_same() -> None:
    colors = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    image = Image.fromarray(colors).resize((256, 256), Image.Resampling.BICUBIC)
    trained = TrainedImages({"a" * 64: image_signature(image).phash}, {"digest": "moved away"})
    smaller = encode(image.resize((180, 180), Image.Resampling.LANCZOS), "JPEG")
    assert SeenImages(trained).among([question(smaller)]) == {"f" * 64}
    assert not SeenImages(trained).among([question(encode(image.rotate(90), "JPEG"))])


def flat_thumbnail(shade: int) -> NDArray[np.int16]:
    """Return the thumbnail of an image of one color."""
    return np.full(3 * LOW * LOW, shade, dtype=np.int16)


def test_one_of_many_trained_images_with_one_hash_is_found_by_its_color() -> None:
    flat = question(encode(Image.new("RGB", (40, 40), (200, 200, 200)), "PNG"))
    phash = image_signature(Image.new("RGB", (40, 40), (200, 200, 200))).phash
    ids = [f"{number:064x}" for number in range(MAX_COMPARED)]
    seen = SeenImages(TrainedImages(dict.fromkeys(ids, phash), {}))
    seen.thumbnails = dict.fromkeys(ids, flat_thumbnail(20))
    assert not seen.among([flat])
    for image in (ids[0], ids[500], ids[-1]):
        seen.thumbnails[image] = flat_thumbnail(200)
        assert seen.among([flat])
        seen.thumbnails[image] = flat_thumbnail(20)
    # More cannot be compared: better left out than trained.
    more = [*ids, "e" * 64]
    assert SeenImages(TrainedImages(dict.fromkeys(more, phash), {})).among([flat])


@pytest.mark.parametrize(
    ("flips", "stored", "alike"),
    [(4, False, True), (5, False, False), (8, True, True), (9, True, False)],
)
def test_colors_allow_twice_the_distance_of_the_hashes(
    flips: int, stored: bool, alike: bool
) -> None:
    picture = Image.effect_mandelbrot((64, 64), (-2, -1, 1, 1), 50).convert("RGB")
    signature = image_signature(picture)
    colors = np.frombuffer(signature.colors, np.uint8).astype(np.int16)
    trained = "a" * 64
    seen = SeenImages(TrainedImages({trained: signature.phash ^ ((1 << flips) - 1)}, {}))
    seen.thumbnails[trained] = colors if stored else None
    assert bool(seen.among([question(encode(picture, "PNG"))])) == alike


@pytest.mark.shared
def test_copies_of_real_images_are_found(shared: Path) -> None:
    files = sorted((shared / "real/vqa_rad/images").iterdir())[::16]
    files += sorted((shared / "real/coco/val2017").iterdir())[::4]
    changes: dict[str, Callable[[Image.Image], bytes]] = {
        "encoded at quality 30": lambda image: encode(image, "JPEG", 30),
        "half the size": lambda image: encode(
            image.resize((image.width // 2, image.height // 2)), "JPEG"
        ),
        "a square of 224": lambda image: encode(image.resize((224, 224)), "JPEG"),
    }
    recognized = Counter[str]()
    for file in files:
        image = to_rgb(decode_image(file.read_bytes()))
        seen = SeenImages(TrainedImages({"a" * 64: image_signature(image).phash}, {}))
        signature = image_signature(image)
        seen.thumbnails["a" * 64] = np.frombuffer(signature.colors, np.uint8).astype(np.int16)
        recognized.update(
            name for name, change in changes.items() if seen.among([question(change(image))])
        )
    assert len(files) >= 39
    for name in changes:
        assert recognized[name] >= 0.95 * len(files), name


def test_an_image_in_another_color_is_another_one(build: BuildDirectory) -> None:
    trained = images_of_build(build, [instance_image(build, "red-left-3")])
    other = question(encode(Image.open(io.BytesIO(draw_square("blue", "left", 3))), "PNG"))
    assert not SeenImages(trained).among([other])
    # Without the build only the hashes are left, which see no color: better left out than trained.
    shutil.rmtree(build.path)
    assert SeenImages(trained).among([other])


def instance_image(build: BuildDirectory, key: str) -> str:
    """Return the image of the instances with a key."""
    return next(i.images[0] for i in build.instances() if i.key == key)


def planned(build: BuildDirectory, checkpoint: Path, *, include: bool = False) -> EvalSet:
    """Plan the evaluation of a checkpoint on a build."""
    paths = CheckpointPaths(checkpoint, checkpoint, "base", checkpoint, checkpoint, checkpoint)
    selection = EvalSelection(builds=(build.path,), include_trained_images=include)
    (evaluation,) = plan_evaluations(selection, paths, [])
    return evaluation.eval_set


def test_the_record_of_a_checkpoint_decides_what_is_evaluated(
    build: BuildDirectory, tmp_path: Path
) -> None:
    every = all_items(held_out_set([build]))
    assert len(all_items(planned(build, tmp_path))) == len(every)
    write_trained_images(tmp_path, trained_on(build, 5))
    assert len(all_items(planned(build, tmp_path))) < len(every)
    assert len(all_items(planned(build, tmp_path, include=True))) == len(every)


def test_answers_about_trained_images_are_not_mixed_with_others(tmp_path: Path) -> None:
    header = Header(
        run="run",
        stage="base",
        checkpoint="c" * 20,
        checkpoint_path="checkpoint",
        sources=(),
        source_paths=(),
        generation_config="{}",
        conditions=("original",),
        limit=None,
        tasks={},
        overlap=TrainingOverlap(known=True, questions={"t": 2}, images=1),
    )
    write_header(tmp_path, header)
    assert read_header(tmp_path) == header
    included = replace(header, overlap=replace(header.overlap, included=True))
    reasons: list[str] = []
    assert open_output(tmp_path, included, reasons.append).header == included
    assert reasons.pop().startswith("questions about images that were trained on")
    write_header(tmp_path, header)
    unknown = replace(header, overlap=TrainingOverlap())
    assert open_output(tmp_path, unknown, reasons.append).header == unknown
    assert reasons[0].startswith("the record of the images")
