from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.helpers.tiny_evaluation import (
    TASKS,
    ToyModel,
    ToyReply,
    draw_square,
    run_evaluation,
    tiny_build,
)
from visionflan.errors import EvaluationError
from visionflan.evaluate.conditions import CONDITIONS
from visionflan.evaluate.held_out import held_out_set
from visionflan.evaluate.inference import load_image
from visionflan.evaluate.requests import limit_items, make_requests, merge_clusters
from visionflan.storage.directory import BuildDirectory


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    return tiny_build(tmp_path_factory.mktemp("build") / "build")


def test_every_held_out_item_is_asked_once_under_each_condition(
    build: BuildDirectory, tmp_path: Path
) -> None:
    scores, records = run_evaluation(build, tmp_path / "base")
    expected = build.manifest["totals"]["held_out"]
    assert Counter(record.condition for record in records) == {
        "original": expected,
        "blank": expected,
        "swapped": expected,
    }
    assert len({record.key for record in records}) == len(records)
    assert {record.task for record in records} == set(TASKS)
    assert scores["failed"] == 0


class Watcher(ToyModel):
    """A model that keeps what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.images: list[Image.Image] = []

    def answer(self, prompt: str, image: Image.Image, max_tokens: int) -> ToyReply:
        self.images.append(image)
        return super().answer(prompt, image, max_tokens)


def test_gray_images_have_the_size_of_the_true_ones(build: BuildDirectory, tmp_path: Path) -> None:
    watcher = Watcher()
    run_evaluation(build, tmp_path / "base", watcher, conditions=("blank",), limit=3)
    assert {image.size for image in watcher.images} == {(48, 32)}
    assert {image.tobytes() for image in watcher.images} == {bytes([127]) * 48 * 32 * 3}


def test_a_swapped_image_is_another_one_of_the_same_task(
    build: BuildDirectory, tmp_path: Path
) -> None:
    _, records = run_evaluation(build, tmp_path / "base")
    of_task = {task: {r.images for r in records if r.task == task} for task in TASKS}
    for record in records:
        if record.condition == "swapped":
            assert record.images_shown in of_task[record.task]
            groups = {build.image_group(image) for image in record.images}
            assert groups.isdisjoint(build.image_group(image) for image in record.images_shown)
        if record.condition == "original":
            assert record.images_shown == record.images
        if record.condition == "blank":
            assert record.images_shown == ()


def test_an_item_that_no_other_image_can_replace_is_missing_data(tmp_path: Path) -> None:
    alone = tiny_build(tmp_path / "build", num_images=1)
    tasks = ("sides/side",)
    items = held_out_set([alone], tasks).items["sides/side"]
    only = [item for item in items if item.images == items[0].images]
    (swapped,) = make_requests(only, only, ["swapped"])
    assert swapped.images_shown == ()


def test_a_question_about_no_image_is_asked_once(build: BuildDirectory) -> None:
    item = held_out_set([build]).items["shapes/color"][0]
    bare = item._replace(images=())
    assert [request.condition for request in make_requests([bare], [bare], tuple(CONDITIONS))] == [
        "original"
    ]


def test_a_limit_takes_complete_images_and_the_same_ones_when_it_grows(
    build: BuildDirectory,
) -> None:
    items = held_out_set([build]).items
    for members in items.values():
        few, more = limit_items(members, 7), limit_items(members, 15)
        assert 7 <= len(few) < len(members)
        assert {item.sample_key for item in few} < {item.sample_key for item in more}
        taken = {item.image_cluster for item in few}
        assert [item for item in members if item.image_cluster in taken] == few


def test_images_that_are_shown_together_are_one_cluster(build: BuildDirectory) -> None:
    first, second, third, *_ = held_out_set([build]).items["shapes/color"]

    def showing(item: Any, *images: str) -> Any:
        return item._replace(images=images, image_cluster=images[0])

    items = [showing(first, "b", "c"), showing(second, "c", "a"), showing(third, "d")]
    assert [item.image_cluster for item in merge_clusters({"t": items})["t"]] == ["a", "a", "d"]


def test_a_build_that_holds_nothing_out_is_refused_in_words(build: BuildDirectory) -> None:
    with pytest.raises(EvaluationError, match="no held-out instances of shapes/none"):
        held_out_set([build], ["shapes/none"])


def test_the_same_task_in_two_builds_is_refused(build: BuildDirectory) -> None:
    with pytest.raises(EvaluationError, match="two of the builds"):
        held_out_set([build, build])


class Broken:
    """A source whose only picture is what a test says."""

    path, digest = Path("broken"), "b"

    def __init__(self, encoded: bytes) -> None:
        self.encoded = encoded

    def image(self, image_id: str, /) -> bytes:
        return self.encoded

    def describe_image_location(self, image_id: str, /) -> str:
        return f"the file of {image_id}"

    def image_group(self, image_id: str, /) -> str:
        return image_id


@pytest.mark.parametrize("end", [0, 30, -200])
def test_an_image_that_cannot_be_read_is_reported_by_its_place(end: int) -> None:
    with pytest.raises(EvaluationError, match=r"file of 7 is (not an|a broken) image") as caught:
        load_image(Broken(draw_square("red", "left", 1)[:end]), "7")
    assert "0x" not in str(caught.value)
