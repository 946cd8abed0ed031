"""Questions about images that a checkpoint was trained on, or that look like those, are named."""

import io
import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from tests.helpers.tiny_evaluation import draw_square, tiny_build
from visionflan.errors import EvaluationError
from visionflan.evaluate.held_out import held_out_set
from visionflan.evaluate.plan import EvalSelection, plan_evaluations
from visionflan.evaluate.records.header import Header, TrainingOverlap, read_header, write_header
from visionflan.evaluate.records.paths import CheckpointPaths
from visionflan.evaluate.records.resume import open_output
from visionflan.evaluate.requests import EvalSet, Item
from visionflan.evaluate.seen_images import SeenImages, all_items, leave_out_seen
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.perceptual_hash import image_signature
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


def trained_on(build: BuildDirectory, count: int) -> TrainedImages:
    """Return the first held-out images as if they had been trained on."""
    items = all_items(held_out_set([build]))
    images = sorted({image for item in items for image in item.images})
    return images_of_build(build, images[:count])


def question(encoded: bytes) -> Item:
    """Return a question about an image."""
    return Item(StoredImage(encoded), "t", "0", "key", "", ("f" * 64,), "", (), "", (), "")


def encode(image: Image.Image, form: str) -> bytes:
    """Encode an image."""
    buffer = io.BytesIO()
    image.save(buffer, form, quality=92)
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
