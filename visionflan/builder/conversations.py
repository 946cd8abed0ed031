"""Synthesize conversations by rule from the annotations of a build, for the second stage.

They replace conversations written by GPT-4 where nothing can be downloaded: the answers are the
annotations of an image in complete, friendly sentences, and the questions are phrased as users
ask them, without the instructions of the tasks. All are marked as synthetic.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import BuildError
from visionflan.hashing import shuffled, stable_hash
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance, Split, Turn
from visionflan.storage.schema import TaskInfo

# Conversations about held-out images, as a share of those of the training split.
HELD_OUT_SHARE = 0.06
MAX_CHARACTERS = 300
ORIGIN = "written_from"  # in `about` of the manifest

DATASET_INFO = {
    "name": "conversations",
    "title": "Conversations written by rule",
    "license": "that of each source",
    "citation": "written by visionflan from the annotations of a build",
}


class Exchange(NamedTuple):
    """A question of a user and the answer that the annotations support."""

    question: str
    answer: str


def write_conversations(
    source: BuildDirectory, out: Path, count: int, seed: int = 0
) -> BuildDirectory:
    """Write a build directory of `count` training conversations, and some about held-out images.

    An existing build directory is reused; raises BuildError if it has others than these.
    """
    origin = {"build": source.digest, "count": count, "seed": seed}
    if not (out / "manifest.json").is_file():
        with DirectoryWriter(out, {**DATASET_INFO, ORIGIN: origin}) as writer:
            for split, num_conversations in split_sizes(count):
                for instance in sample_conversations(source, split, num_conversations, seed):
                    for image in instance.images:
                        writer.add_image(source.image(image))
                    writer.add_instance(instance)
            for kind, title in KINDS.items():
                writer.add_task(f"conversations/{kind}", task_info(kind, title))
    written = BuildDirectory(out)
    if (previous := conversations_origin(written)) != origin:
        differing = ", ".join(
            f"{name} {previous.get(name)} instead of {value}"
            for name, value in origin.items()
            if previous.get(name) != value
        )
        raise BuildError(
            f"{out} has conversations that were written with other settings ({differing}): choose "
            "a new directory, or delete this one"
        )
    return written


def conversations_origin(build: BuildDirectory) -> dict[str, Any]:
    """Return build, count and seed that conversations were written from; empty for other builds."""
    origin: dict[str, Any] = build.manifest["about"].get(ORIGIN, {})
    return origin


def split_sizes(count: int) -> list[tuple[Split, int]]:
    """Return the number of conversations of each split."""
    return [("train", count), ("held_out", max(len(KINDS), round(HELD_OUT_SHARE * count)))]


def task_info(kind: str, title: str) -> TaskInfo:
    """Return the task metadata of a kind of conversation."""
    return TaskInfo(
        dataset="conversations",
        official_name=f"conversations+{kind}",
        title=title,
        instruction="",
        category="",
        group="conversation",
        metric="rouge_l",
    )


def sample_conversations(
    source: BuildDirectory, split: Split, count: int, seed: int
) -> Iterator[Instance]:
    """Yield conversations chosen by hash, equally many of each kind if there are enough."""
    by_image = instances_by_image(source, split)
    for index, kind in enumerate(KINDS):
        kind_count = count // len(KINDS) + (index < count % len(KINDS))
        images = sorted(by_image, key=lambda image: stable_hash(seed, kind, image))
        yield from generate_conversations(kind, images, by_image, kind_count, seed)


def generate_conversations(
    kind: str, images: Sequence[str], by_image: dict[str, list[Instance]], count: int, seed: int
) -> Iterator[Instance]:
    """Yield up to `count` conversations of one kind, one per image."""
    num_generated = 0
    for image in images:
        instances = shuffled(by_image[image], seed, kind, image)
        turns = WRITERS[kind](instances, stable_hash(seed, kind, image, "words"))
        if num_generated < count and turns:
            num_generated += 1
            yield make_instance(kind, image, turns, instances[0].split)


def instances_by_image(source: BuildDirectory, split: Split) -> dict[str, list[Instance]]:
    """Return the conversational instances about each image."""
    by_image = defaultdict[str, list[Instance]](list)
    for instance in source.instances(split):
        if len(instance.images) == 1 and is_conversational(instance):
            by_image[instance.images[0]].append(instance)
    return by_image


def is_conversational(instance: Instance) -> bool:
    """Return whether question and answer are short and make sense without the task's instruction.

    A bare yes or no whose question is only in the instruction does not.
    """
    is_bare = not instance.text and instance.target.lower() in {"yes", "no"}
    return (
        bool(instance.target)
        and not is_bare
        and len(instance.text) + len(instance.target) <= MAX_CHARACTERS
    )


def make_instance(kind: str, image: str, turns: list[Turn], split: Split) -> Instance:
    """Make an instance of a conversation; the first turn has the image."""
    first = turns[0]._replace(text=f"{IMAGE_MARKER}\n{turns[0].text}")
    answer = turns[1].text
    return Instance(
        id=f"conversations/{kind}/{image}",
        dataset="conversations",
        task=f"conversations/{kind}",
        split=split,
        key=image,
        images=(image,),
        turns=(first, *turns[1:]),
        instruction="",
        text=turns[0].text,
        options=(),
        target=answer,
        references=(answer,),
        metric="rouge_l",
        synthetic=True,
    )


def make_exchange(instance: Instance, variant: int) -> Exchange:
    """Rephrase an annotated question and its answer as a user and an assistant would."""
    question = instance.text.splitlines()[0] if instance.text else ""
    target = " ".join(instance.target.split())
    if instance.options:
        options_text = f"{', '.join(instance.options[:-1])} or {instance.options[-1]}"
        question_text = (
            f"{question} Would you say {options_text}?" if question else f"Is this {options_text}?"
        )
        return Exchange(question_text, CHOSEN[variant % len(CHOSEN)].format(target))
    if question:
        return Exchange(question, ANSWERED[variant % len(ANSWERED)].format(target.rstrip(".")))
    if target[0].isupper() and target.count(" ") > 3:
        return Exchange(WHAT[variant % len(WHAT)], target)
    return Exchange(WHAT[variant % len(WHAT)], SHOWN[variant % len(SHOWN)].format(target))


WHAT = (
    "What can you tell me about this picture?",
    "Please describe the picture to me.",
    "What do you see here?",
)
SHOWN = (
    "The first thing to be said of this picture is: {}. I hope that this helps!",
    "Looking at the picture, I would describe it as: {}. Just ask if you want to know more.",
    "Of course! In a word, what I see here is: {}.",
)
ANSWERED = (
    "Looking closely at the picture, I would say that the answer is {}.",
    "That is a good question! From what I can see, the answer is {}.",
    "The picture shows it quite clearly: the answer is {}. Is there anything else?",
)
CHOSEN = (
    "Of these, {} fits the picture best.",
    "Having looked at the picture with care, I would choose {}.",
    "I would say {}, going by what the picture shows.",
)
AND_ALSO = "Thank you! One more thing: {}"


def single_question(instances: Sequence[Instance], variant: int) -> list[Turn]:
    """Return the turns of one question."""
    exchange = make_exchange(instances[0], variant)
    return [Turn("user", exchange.question), Turn("assistant", exchange.answer)]


def describe_image(instances: Sequence[Instance], variant: int) -> list[Turn]:
    """Return the turns of a request to describe the image, if an answer needs no question."""
    captions = [instance for instance in instances if not instance.text and not instance.options]
    if not captions:
        return []
    exchange = make_exchange(captions[0], variant)
    return [Turn("user", exchange.question), Turn("assistant", exchange.answer)]


def dialogue(instances: Sequence[Instance], variant: int) -> list[Turn]:
    """Return the turns of two questions, one after the other."""
    if len(instances) < 2:
        return []
    first = make_exchange(instances[0], variant)
    second = make_exchange(instances[1], variant + 1)
    if first.question == second.question:
        return []
    return [
        Turn("user", first.question),
        Turn("assistant", first.answer),
        Turn("user", AND_ALSO.format(second.question)),
        Turn("assistant", second.answer),
    ]


KINDS = {
    "question": "One question about an image",
    "description": "What an image shows",
    "dialogue": "Two questions about an image, one after the other",
}
WRITERS: dict[str, Callable[[Sequence[Instance], int], list[Turn]]] = {
    "question": single_question,
    "description": describe_image,
    "dialogue": dialogue,
}
