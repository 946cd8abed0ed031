"""Write a build that asks other questions about the held-out images of another build.

The answer to a question about an image is the longest annotation that some tasks have of it.
"""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import BuildError
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance, Turn
from visionflan.storage.schema import TaskInfo

METRIC = "rouge_l"


class Question(NamedTuple):
    """What is asked about images.

    Attributes:
        name: of the new task.
        prompt: the question, without the image marker.
        tasks: whose annotations are the answers.
    """

    name: str
    prompt: str
    tasks: tuple[str, ...]


def reprompt_build(
    source: BuildDirectory, out: Path, name: str, questions: Sequence[Question]
) -> BuildDirectory:
    """Write a build whose tasks are `name/<question>`, or open it if it is there.

    All its instances are held out; there is one for each question and image.
    """
    if (out / "manifest.json").is_file():
        return BuildDirectory(out)
    info = {
        "name": name,
        "title": f"Questions of the study {name}",
        "license": "that of each source",
        "citation": "the annotations of a build",
    }
    with DirectoryWriter(out, info) as writer:
        for question in questions:
            for instance in answered(source, name, question):
                writer.add_image(source.image(instance.images[0]))
                writer.add_instance(instance)
            writer.add_task(f"{name}/{question.name}", task_info(name, question))
    return BuildDirectory(out)


def answered(source: BuildDirectory, name: str, question: Question) -> Iterator[Instance]:
    """Yield an instance for each held-out image of the question's tasks."""
    longest = longest_annotations(source, question.tasks)
    if not longest:
        raise BuildError(
            f"{source.path} has no held-out instance with one image of "
            f"{', '.join(question.tasks)}: build again with `--hold-out-images 0.1`"
        )
    for image, answer in longest.items():
        yield Instance(
            id=f"{name}/{question.name}/{image}",
            dataset=name,
            task=f"{name}/{question.name}",
            split="held_out",
            key=image,
            images=(image,),
            turns=(
                Turn("user", f"{IMAGE_MARKER}\n{question.prompt}"),
                Turn("assistant", answer),
            ),
            instruction=question.prompt,
            text="",
            options=(),
            target=answer,
            references=(answer,),
            metric=METRIC,
            synthetic=False,
        )


def longest_annotations(source: BuildDirectory, tasks: Collection[str]) -> dict[str, str]:
    """Return the longest target of each held-out image, in the order of the images."""
    longest: dict[str, str] = {}
    for instance in source.instances("held_out", sorted(tasks)):
        if len(instance.images) == 1 and instance.target:
            (image,) = instance.images
            longest[image] = max(longest.get(image, ""), instance.target, key=by_length)
    return dict(sorted(longest.items()))


def by_length(text: str) -> tuple[int, str]:
    """Return the sort key of a text: its number of words, and the text, against ties."""
    return len(text.split()), text


def task_info(name: str, question: Question) -> TaskInfo:
    """Return the metadata of a question's task."""
    return TaskInfo(
        dataset=name,
        official_name=f"{name}+{question.name}",
        title=question.prompt,
        instruction=question.prompt,
        category="",
        group="generation",
        metric=METRIC,
    )
