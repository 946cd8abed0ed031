"""A build that asks other questions about the held-out images of another."""

from pathlib import Path

import pytest

from visionflan import catalog
from visionflan.builder.plan import BuildSettings
from visionflan.builder.reprompt import Question, reprompt_build
from visionflan.builder.run import build
from visionflan.errors import BuildError
from visionflan.storage.directory import BuildDirectory

CAPTION = Question("caption", "Say all that you see.", ("textcaps/caption_generation",))
COLOR = Question("color", "Which color?", ("tdiuc/vqa_color", "tdiuc/vqa_counting"))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    directory = tmp_path_factory.mktemp("reprompt")
    for name in ("tdiuc", "textcaps"):
        catalog.load(name).write_specimen(directory / "releases" / name, 24)
    build(
        directory / "releases", directory / "build", BuildSettings(hold_out_images=0.4), workers=1
    )
    return BuildDirectory(directory / "build")


def test_each_held_out_image_has_one_question_in_the_new_words(
    source: BuildDirectory, tmp_path: Path
) -> None:
    questions = reprompt_build(source, tmp_path / "questions", "reading", [CAPTION, COLOR])
    for question in (CAPTION, COLOR):
        held_out = list(source.instances("held_out", question.tasks))
        instances = list(questions.instances("held_out", [f"reading/{question.name}"]))
        images = {image for instance in held_out for image in instance.images}
        assert sorted(instance.images[0] for instance in instances) == sorted(images)
        for instance in instances:
            targets = [i.target for i in held_out if i.images == instance.images]
            assert instance.target in targets
            assert len(instance.target.split()) == max(len(t.split()) for t in targets)
            assert instance.prompt == f"<image>\n{question.prompt}"
            assert questions.image(instance.images[0]) == source.image(instance.images[0])
    assert len(questions.instances("train")) == 0


def test_a_finished_build_is_opened_again(source: BuildDirectory, tmp_path: Path) -> None:
    first = reprompt_build(source, tmp_path / "questions", "reading", [CAPTION])
    again = reprompt_build(source, tmp_path / "questions", "reading", [])
    assert first.digest == again.digest


def test_tasks_without_held_out_images_are_refused(tmp_path: Path) -> None:
    catalog.load("textcaps").write_specimen(tmp_path / "releases/textcaps", 6)
    build(tmp_path / "releases", tmp_path / "build", BuildSettings(hold_out_images=0), workers=1)
    with pytest.raises(BuildError, match=r"has no held-out instance with one image of textcaps/"):
        reprompt_build(
            BuildDirectory(tmp_path / "build"), tmp_path / "questions", "reading", [CAPTION]
        )
    assert not (tmp_path / "questions/manifest.json").exists()
