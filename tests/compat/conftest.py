"""An export in each form, for the programs that read it."""

from pathlib import Path

import pytest

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


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    """Return a small build."""
    out = tmp_path_factory.mktemp("compat") / "build"
    with DirectoryWriter(out, {"name": "drawn", "title": "Drawn"}) as writer:
        images = [writer.add_image(draw_image(number)) for number in range(6)]
        writer.add_task("drawn/color", INFO)
        for one in instances(images):
            writer.add_instance(one)
    return BuildDirectory(out)


@pytest.fixture(scope="session")
def llava_export(built: BuildDirectory) -> Path:
    """Return an export in the form of LLaVA."""
    export(built, built.path.with_name("llava"), "llava")
    return built.path.with_name("llava")


@pytest.fixture(scope="session")
def huggingface_export(built: BuildDirectory) -> Path:
    """Return an export in the form of Hugging Face."""
    export(built, built.path.with_name("huggingface"), "huggingface")
    return built.path.with_name("huggingface")
