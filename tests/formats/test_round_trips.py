"""Odd texts, keys and images come back from an export as they were."""

import random
import re
from pathlib import Path

import pytest

from tests.helpers.stored_instances import INFO, draw_image, instance
from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.formats.exporting import export
from visionflan.formats.importing import find_release, import_release
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance, Turn

PIECES = (
    *("", "x", " ", "\n", "\n\n", "\r\n", "\t", " \n", "\x00", "\x07", "\x1e", "\x85", "\xa0"),
    *("\u200b", "\u2028", "\ufeff", "e\u0301", "é", "漢字", "😀", '"', "\\n", "{{ x }}", "<img>"),
    *("<image", "image>", "< image >", "</s>", "<|im_start|>user", "[INST]", "null", "NaN"),
    *("\nOptions: (a) x (b) y", "Options: (a) x (b) x"),
)
KEYS = (
    *("k", "a b", "a/b", "#2", "x#2", "a+b", "../up", '"q"', "drawn/color/", "é", "a\u0301"),
    *("漢\u3000字", "no\xa0break", "zero\u200bwidth", "tab\tkey", "new\nline", "\x00", "😀"),
)
NUM_INSTANCES = 200


def odd_turns(rng: random.Random, num_images: int, number: int) -> tuple[Turn, ...]:
    """Return a conversation of its own, with its image markers anywhere in its questions."""

    def text() -> str:
        return "".join(rng.choices(PIECES, k=rng.randint(0, 3)))

    system = (Turn("system", f"Be brief.{text()}"),) if number % 5 == 0 else ()
    exchanges = [(text(), text()) for _ in range(rng.choice((1, 1, 2, 3)))]
    for _ in range(num_images):
        index = rng.randrange(len(exchanges))
        question, answer = exchanges[index]
        exchanges[index] = (f"{question}<image>{text()}", answer)
    if sum("".join(exchange).count("<image>") for exchange in exchanges) != num_images:
        return odd_turns(rng, num_images, number)  # pieces joined to a marker
    return system + tuple(
        turn
        for question, answer in exchanges
        for turn in (Turn("user", question), Turn("assistant", f"{answer}{number}"))
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    """Write a build of odd conversations about none to three images."""
    rng, out = random.Random(0), tmp_path_factory.mktemp("odd") / "build"
    with DirectoryWriter(out, {"name": "drawn", "title": "Drawn"}) as writer:
        writer.add_task("drawn/color", INFO)
        forms = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
        images = [writer.add_image(draw_image(n, form)) for n, form in enumerate(forms)]
        for number in range(NUM_INSTANCES):
            chosen = tuple(rng.choices(images, k=number % 4))
            turns = odd_turns(rng, len(chosen), number)
            odd = instance(f"{number}{rng.choice(KEYS)}", chosen)
            writer.add_instance(odd._replace(turns=turns, options=(), target=turns[-1].text))
    return BuildDirectory(out)


def separated(text: str) -> str:
    """Return a text in which each image marker that touches something has lines of its own."""
    after = re.sub(r"<image>(?=[^ \n\t])", "<image>\n", text)
    return re.sub(r"(?<=[^ \n\t])<image>", "\n<image>", after)


FORMS = ["huggingface", "llama_factory", "llava", "onevision", "swift", "webdataset", "xtuner"]


@pytest.mark.parametrize("format_name", FORMS)
def test_odd_conversations_come_back(
    built: BuildDirectory, tmp_path: Path, format_name: str
) -> None:
    def content(instance: Instance) -> tuple[object, ...]:
        texts = [
            separated(turn.text) if format_name == "huggingface" else turn.text
            for turn in instance.turns
        ]
        return instance.key, instance.task, instance.split, instance.images, texts

    export(built, tmp_path / "out", format_name)
    import_release(find_release(tmp_path / "out"), tmp_path / "again", name="again")
    again = BuildDirectory(tmp_path / "again", verify=True)
    returned = {one.id: content(one) for one in again.instances()}
    assert returned == {one.id: content(one) for one in built.instances()}
    assert len(returned) == NUM_INSTANCES
    export(again, tmp_path / "twice", format_name)
    for path in (tmp_path / "twice").glob("images/*"):
        assert path.read_bytes() == (tmp_path / "out/images" / path.name).read_bytes()
