"""Write conversations by rule from the true annotations of a build, for the second stage.

They stand in for conversations written by GPT-4 where nothing can be downloaded: what is said of a
picture is what its annotations say, in whole and friendly sentences, under questions as people ask
them, without the instructions of the tasks. All are marked as synthetic.
"""

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.dataset import IMAGE_MARKER
from visionflan.hashing import shuffled, stable_hash
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance, Split, Turn
from visionflan.storage.schema import TaskInfo

# Of a hundred conversations of the training split, so many more are written of held-out pictures.
HELD_OUT_SHARE = 0.06
LONGEST = 300

DATASET_INFO = {
    "name": "conversations",
    "title": "Conversations written by rule",
    "license": "that of each source",
    "citation": "written by visionflan from the annotations of a build",
}


class Exchange(NamedTuple):
    """What a user might ask, and what the annotations let one answer."""

    question: str
    answer: str


def write_conversations(
    source: BuildDirectory, out: Path, count: int, seed: int = 0
) -> BuildDirectory:
    """Write a build directory of so many training conversations, and some of held-out pictures.

    Does nothing where it is there already.
    """
    if not (out / "manifest.json").is_file():
        shutil.rmtree(out, ignore_errors=True)
        with DirectoryWriter(out, DATASET_INFO) as writer:
            for split, wanted in splits(count):
                for instance in chosen(source, split, wanted, seed):
                    for image in instance.images:
                        writer.add_image(source.image(image))
                    writer.add_instance(instance)
            for kind, title in KINDS.items():
                writer.add_task(f"conversations/{kind}", info(kind, title))
    return BuildDirectory(out)


def splits(count: int) -> list[tuple[Split, int]]:
    """Say how many conversations each split is to have."""
    return [("train", count), ("held_out", max(len(KINDS), round(HELD_OUT_SHARE * count)))]


def info(kind: str, title: str) -> TaskInfo:
    """Tell what is known of a kind of conversation."""
    return TaskInfo(
        dataset="conversations",
        official_name=f"conversations+{kind}",
        title=title,
        instruction="",
        category="",
        group="conversation",
        metric="rouge_l",
    )


def chosen(source: BuildDirectory, split: Split, wanted: int, seed: int) -> Iterator[Instance]:
    """Choose conversations by hash, as many of each kind where there are enough."""
    pictures = about_pictures(source, split)
    for place, kind in enumerate(KINDS):
        share = wanted // len(KINDS) + (place < wanted % len(KINDS))
        names = sorted(pictures, key=lambda name: stable_hash(seed, kind, name))
        yield from generate_conversations(kind, names, pictures, share, seed)


def generate_conversations(
    kind: str, names: Sequence[str], pictures: dict[str, list[Instance]], share: int, seed: int
) -> Iterator[Instance]:
    """Write conversations of one kind about the first pictures that allow one."""
    made = 0
    for name in names:
        told = shuffled(pictures[name], seed, kind, name)
        turns = WRITERS[kind](told, stable_hash(seed, kind, name, "words"))
        if made < share and turns:
            made += 1
            yield instance(kind, name, turns, told[0].split)


def about_pictures(source: BuildDirectory, split: Split) -> dict[str, list[Instance]]:
    """Gather what is asked of each picture, where it can be spoken of."""
    found = defaultdict[str, list[Instance]](list)
    for each in source.instances(split):
        if len(each.images) == 1 and is_conversational(each):
            found[each.images[0]].append(each)
    return found


def is_conversational(told: Instance) -> bool:
    """Whether question and answer are short, and the answer says something by itself.

    What only the instruction of its task asks, such as yes or no, would be without a question.
    """
    bare = not told.text and told.target.lower() in {"yes", "no"}
    return bool(told.target) and not bare and len(told.text) + len(told.target) <= LONGEST


def instance(kind: str, image: str, turns: list[Turn], split: Split) -> Instance:
    """Make an instance of a conversation; the first turn shows the picture."""
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


def exchange(told: Instance, words: int) -> Exchange:
    """Put one annotated question into the words of people."""
    question = told.text.splitlines()[0] if told.text else ""
    target = " ".join(told.target.split())
    if told.options:
        listed = f"{', '.join(told.options[:-1])} or {told.options[-1]}"
        asked = f"{question} Would you say {listed}?" if question else f"Is this {listed}?"
        return Exchange(asked, CHOSEN[words % len(CHOSEN)].format(target))
    if question:
        return Exchange(question, ANSWERED[words % len(ANSWERED)].format(target.rstrip(".")))
    if target[0].isupper() and target.count(" ") > 3:
        return Exchange(WHAT[words % len(WHAT)], target)
    return Exchange(WHAT[words % len(WHAT)], SHOWN[words % len(SHOWN)].format(target))


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


def single(told: Sequence[Instance], words: int) -> list[Turn]:
    """Ask one thing."""
    asked = exchange(told[0], words)
    return [Turn("user", asked.question), Turn("assistant", asked.answer)]


def description(told: Sequence[Instance], words: int) -> list[Turn]:
    """Ask for all that is known, where no question is needed to understand it."""
    plain = [each for each in told if not each.text and not each.options]
    if not plain:
        return []
    said = exchange(plain[0], words)
    return [Turn("user", said.question), Turn("assistant", said.answer)]


def dialogue(told: Sequence[Instance], words: int) -> list[Turn]:
    """Ask two things, one after the other."""
    if len(told) < 2:
        return []
    one, other = exchange(told[0], words), exchange(told[1], words + 1)
    if one.question == other.question:
        return []
    return [
        Turn("user", one.question),
        Turn("assistant", one.answer),
        Turn("user", AND_ALSO.format(other.question)),
        Turn("assistant", other.answer),
    ]


KINDS = {
    "question": "One question about a picture",
    "description": "What a picture shows",
    "dialogue": "Two questions about a picture, one after the other",
}
WRITERS: dict[str, Callable[[Sequence[Instance], int], list[Turn]]] = {
    "question": single,
    "description": description,
    "dialogue": dialogue,
}
