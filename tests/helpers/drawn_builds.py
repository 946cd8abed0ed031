"""Instances whose conversations hypothesis draws: texts, turns and image markers of all kinds."""

from pathlib import Path

from hypothesis import strategies as st

from tests.helpers.stored_instances import INFO, draw_image, instance
from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance, Turn

MARKER = "<image>"
IMAGES = [draw_image(number, form) for number, form in enumerate(("JPEG", "PNG", "WEBP", "GIF"))]
PIECES = st.sampled_from(
    [
        "x",
        "What?",
        " ",
        "\n",
        "\n\n",
        "\r\n",
        "\t",
        "é",
        "漢字",
        "😀",
        '"',
        "\\n",
        "{{ x }}",
        "A. b",
        "\u2028",
        "\ufeff",
        "\x85",
        "</s>",
        "null",
        "NaN",
        "\nOptions: (a) x (b) y",
        "1. 2",
    ]
)
TEXTS = st.lists(PIECES, max_size=3).map("".join)
NOT_BLANK = st.lists(PIECES, max_size=3).map(lambda pieces: "".join(["a", *pieces]))
POSITIONS = st.sampled_from(["first", "last", "within"])

Conversation = tuple[int, tuple[Turn, ...]]


@st.composite
def conversations(draw: st.DrawFn, max_pairs: int = 3) -> Conversation:
    """Return a number of images and turns with as many markers."""
    num_images = draw(st.integers(0, 3))
    pairs = draw(st.integers(1, max_pairs))
    questions = [draw(TEXTS) for _ in range(pairs)]
    position = draw(POSITIONS)
    for _ in range(num_images):
        if position == "first":
            questions[0] = f"{MARKER}\n{questions[0]}"
        elif position == "last":
            questions[0] = f"{questions[0]}\n{MARKER}"
        else:
            index = draw(st.integers(0, pairs - 1))
            questions[index] = f"{questions[index]}{MARKER}{draw(TEXTS)}"
    turns = [
        turn
        for question in questions
        for turn in (Turn("user", question), Turn("assistant", draw(NOT_BLANK)))
    ]
    system = [Turn("system", draw(NOT_BLANK))] if draw(st.booleans()) else []
    return num_images, (*system, *turns)


def instance_lists(max_pairs: int = 3) -> st.SearchStrategy[list[Conversation]]:
    """Return lists of conversations, of which no two are equal."""
    return st.lists(conversations(max_pairs), min_size=1, max_size=5, unique=True)


def write_images(out: Path) -> BuildDirectory:
    """Write a build that has all images, for instances that are drawn later."""
    with DirectoryWriter(out, {"name": "drawn", "title": "Drawn"}) as writer:
        writer.add_task("drawn/color", INFO)
        images = tuple(writer.add_image(image) for image in IMAGES)
        writer.add_instance(instance("all", images))
    return BuildDirectory(out)


def make_instances(build: BuildDirectory, drawn: list[Conversation]) -> list[Instance]:
    """Return instances of conversations about the images of a build; every third is held out."""
    images = next(iter(build.instances())).images
    instances = []
    for number, (num_images, turns) in enumerate(drawn):
        chosen = tuple(images[(number + n) % len(images)] for n in range(num_images))
        one = instance(f"k{number}", chosen)._replace(turns=turns, target=turns[-1].text)
        one = one._replace(instruction="", text="", options=())
        instances.append(one._replace(split="held_out" if number % 3 == 2 else "train"))
    return instances
