"""An export in each form, for the programs that read it."""

from pathlib import Path
from typing import NamedTuple

from tests.helpers.stored_instances import INFO, draw_image, instance
from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.formats.exporting import export
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance, Turn

TURNS = (
    Turn("user", "<image>\nWhat color?"), Turn("assistant", "red"),
    Turn("user", "And why?"), Turn("assistant", "It is painted.\nTwice."),
)  # fmt: skip


def instances(images: list[str]) -> list[Instance]:
    """Return instances without images, with one image, and with several, of both splits."""
    text_only = (Turn("user", "What is one and one?"), Turn("assistant", "Two."))
    last = (Turn("user", "What color?\n<image>"), Turn("assistant", "blue"))
    within = (Turn("user", "Is <image> like <image>, or not?"), Turn("assistant", "No."))
    train = [
        instance("text", ())._replace(turns=text_only),
        instance("one", (images[0],)),
        instance("talk", (images[1],))._replace(turns=TURNS),
        instance("last", (images[1],))._replace(turns=last),
        instance("two", (images[0], images[2])),
        instance("within", (images[2], images[3]))._replace(turns=within),
    ]
    held_out = [instance("other", (images[4],)), instance("others", (images[4], images[5]))]
    return train + [one._replace(split="held_out") for one in held_out]


class Exports(NamedTuple):
    """A build, and the directories of its exports."""

    build: BuildDirectory
    llava: Path
    huggingface: Path


def write_exports(directory: Path) -> Exports:
    """Write a small build, and export it in each form."""
    with DirectoryWriter(directory / "build", {"name": "drawn", "title": "Drawn"}) as writer:
        images = [writer.add_image(draw_image(number)) for number in range(6)]
        writer.add_task("drawn/color", INFO)
        for one in instances(images):
            writer.add_instance(one)
    exports = Exports(
        BuildDirectory(directory / "build"), directory / "llava", directory / "huggingface"
    )
    export(exports.build, exports.llava, "llava")
    export(exports.build, exports.huggingface, "huggingface")
    return exports
