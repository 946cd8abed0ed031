"""Which images may leave this machine."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.tiny_evaluation import tiny_build
from visionflan.errors import EvaluationError
from visionflan.evaluate.demo import specimen_release
from visionflan.evaluate.held_out import held_out_set
from visionflan.evaluate.image_policy import check_images, license_lines, mark_sensitive
from visionflan.evaluate.requests import EvalSet
from visionflan.llm.server_url import is_loopback

FOREIGN = "https://api.example.org/v1"


@pytest.fixture(scope="module")
def eval_set(tmp_path_factory: pytest.TempPathFactory) -> EvalSet:
    return held_out_set([tiny_build(tmp_path_factory.mktemp("build") / "build")])


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:8000/v1", True),
        ("http://127.0.0.1/v1", True),
        ("http://127.9.8.7:1/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://LOCALHOST/v1", True),
        ("http://0.0.0.0:8000/v1", False),
        ("http://127.0.0.1.example.org/v1", False),
        ("http://localhost.example.org/v1", False),
        ("http://[::ffff:10.0.0.1]/v1", False),
        ("http://10.0.0.1/v1", False),
        ("https://api.openai.com/v1", False),
    ],
)
def test_only_the_addresses_of_this_machine_are_loopback(url: str, local: bool) -> None:
    assert is_loopback(url) is local


def test_sensitive_tasks_are_refused_even_on_request(eval_set: EvalSet) -> None:
    lines: list[str] = []
    check_images(FOREIGN, [eval_set], lines.append, send_images=True)
    assert len(lines) == 4
    marked = {**eval_set.tasks}
    marked["shapes/color"] = replace(marked["shapes/color"], sensitive=True)
    with pytest.raises(EvaluationError, match="shapes/color ask who or what a person is"):
        check_images(FOREIGN, [replace(eval_set, tasks=marked)], lines.append, send_images=True)
    assert len(lines) == 4, "licenses of images that are not sent were listed"
    check_images("http://localhost/v1", [replace(eval_set, tasks=marked)], print, send_images=False)


def test_the_catalog_marks_tasks_that_a_build_did_not(eval_set: EvalSet) -> None:
    header = replace(eval_set.tasks["shapes/color"], dataset="fairface")
    assert mark_sensitive("fairface/image_classification_race", header).sensitive
    assert not mark_sensitive("coco/image_captioning", header).sensitive


def test_questions_without_images_go_anywhere(eval_set: EvalSet) -> None:
    texts = {task: [i._replace(images=()) for i in items] for task, items in eval_set.items.items()}
    check_images(FOREIGN, [replace(eval_set, items=texts)], print, send_images=False)


def test_licenses_are_those_of_datasets_and_benchmarks(tmp_path: Path, eval_set: EvalSet) -> None:
    release = specimen_release("pope", tmp_path / "pope")
    (line,) = license_lines(release.eval_set().tasks)
    assert line == "POPE: MIT"
    lfw = replace(eval_set.tasks["shapes/color"], dataset="lfw")
    (line,) = license_lines({"lfw/x": lfw})
    assert "unknown" in line or "research" in line
