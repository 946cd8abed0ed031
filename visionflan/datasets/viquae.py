"""ViQuAE: trivia questions about a named person, place or thing that only the picture tells.

Layout: the owners' repository (PaulLerner/ViQuAE, README.rst) says that the questions come as JSON
lines with the fields `image`, `input`, `id`, `original_question`, `output`, `url` and
`wikidata_id` in three splits of 1,190, 1,250 and 1,257 questions, and that the pictures are
unpacked into the folder `images` of a repository of their own; code of others reads
`viquae_dataset/{train,validation,test}.jsonl` and `viquae_images/images`. The files may also lie
in the dataset's folder itself. All three splits have answers.

`output` holds the answer of the trivia question (`original_answer`) and a list of other names for
the same thing (`answer`). The target is the former and the references are all of them: the one
published instance of the task took its target from the latter and so has "Nam Chosun" for South
Korea. Questions begin with a small letter ("this singer's song ...") and are given a capital.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import BLACK, COLORS, RGB, WHITE, Box, canvas, jitter_box
from visionflan.layouts import existing_paths, inside, json_lines, require
from visionflan.layouts.fields import identifier, optional_text, read_records, text, text_list
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_lines

SPLITS = ("train", "validation", "test")


class Row(NamedTuple):
    key: str
    image: Path
    question: str
    answer: str
    names: tuple[str, ...]
    entity: str = ""

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="ViQuAE",
    homepage="https://github.com/PaulLerner/ViQuAE",
    license="MIT",
    terms="The license is that of the owners' repository of code and data. The images are from "
    "Wikimedia Commons, each under the license named there; many show people.",
    citation="Lerner, Ferret, Guinaudeau, Le Borgne, Besançon, Moreno, Lovón Melgarejo (2022), "
    "ViQuAE, a Dataset for Knowledge-based Visual Question Answering about Named Entities, SIGIR",
    obtain="""
        Clone the repositories viquae_dataset and viquae_images of PaulLerner from the data sets of
        Hugging Face here, and unpack images.tar.gz in the latter.
    """,
    tree="""
        viquae/
          viquae_dataset/{train,validation,test}.jsonl
          viquae_images/images/512px-Jackie_Wilson.png
    """,
    split_field="split",
    group_field="entity",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    questions = root / "viquae_dataset" if (root / "viquae_dataset").is_dir() else root
    lists = existing_paths(*(questions / f"{split}.jsonl" for split in SPLITS))
    images = require(root / "viquae_images" / "images", root / "images")
    for path in lists:
        yield from read_records(path, json_lines(path), partial(to_row, path.stem, images))


def to_row(split: str, images: Path, record: dict[str, Any]) -> Row:
    """Parse one question with its first answer and the other names of it."""
    names = tuple(map(tidy, text_list(record, "output", "answer")))
    first = tidy(optional_text(record, "output", "original_answer")) or text(names, 0)
    image = inside(images, text(record, "image"))
    key = f"{split}/{identifier(record, 'id')}"
    entity = optional_text(record, "wikidata_id")
    return Row(key, image, tidy(text(record, "input")), first, names, entity)


def tidy(words: str) -> str:
    """Write single blanks between the words."""
    return " ".join(words.split())


@dataset.task(
    """
    The question below refers to somebody or something without a name, and the picture shows who or
    what is meant. Recognize it, think of what you have read about it, and answer as in a trivia
    quiz: with a name, a title, a date or a number alone.
    """,
    title="VIQUAE knowledge based VQA about entities",
    official_name="VIQUAE+question_answer",
    category="Outside Knowledge",
    sensitive=True,
)
def question_answer(row: Row) -> Example:
    question = f"{row.question[:1].upper()}{row.question[1:]}"
    return Example(
        image=row.image,
        text=question,
        target=row.answer,
        references=tuple(dict.fromkeys((row.answer, *row.names))),
        repaired=("capital",) if question != row.question else (),
    )


class Flag(NamedTuple):
    """A flag of upright or level stripes, or of a figure on a ground, and whose it is."""

    pattern: str
    colors: tuple[str, ...]
    country: tuple[str, ...]
    capital: tuple[str, ...]


FLAGS = (
    Flag("upright", ("blue", "white", "red"), ("France", "French Republic"), ("Paris",)),
    Flag("level", ("black", "red", "yellow"), ("Germany", "Deutschland"), ("Berlin",)),
    Flag("disc", ("white", "red"), ("Japan", "Nippon"), ("Tokyo", "Tōkyō")),
    Flag("upright", ("green", "white", "red"), ("Italy", "Italian Republic"), ("Rome", "Roma")),
    Flag("level", ("red", "white", "red"), ("Austria", "Österreich"), ("Vienna", "Wien")),
    Flag("cross", ("blue", "yellow"), ("Sweden", "Kingdom of Sweden"), ("Stockholm",)),
    Flag("upright", ("black", "yellow", "red"), ("Belgium", "Belgique"), ("Brussels", "Bruxelles")),
    Flag("level", ("blue", "yellow"), ("Ukraine", "Ukraina"), ("Kyiv", "Kiev")),
)
ASKED = {
    "country": "this flag is that of which country?",
    "capital": "this flag flies over the parliament in which capital?",
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    records: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    for index in range(count):
        flag = FLAGS[index % len(FLAGS)]
        fact = ("country", "capital")[index // len(FLAGS) % 2]
        names = {"country": flag.country, "capital": flag.capital}[fact]
        filename = f"512px-Flag_{index}.jpg"
        write_image(root / "viquae_images" / "images" / filename, flown(flag, index))
        records[SPLITS[index % 3]].append(
            {
                "id": f"{index:08x}",
                "kilt_id": f"qw_{index}",
                "image": filename,
                "input": ASKED[fact],
                "original_question": ASKED[fact].replace("this flag", f"flag {index}"),
                "output": {"original_answer": names[0], "answer": list(names)},
                "url": f"https://commons.wikimedia.org/wiki/File:Flag_{index}.jpg",
                "wikidata_id": f"Q{1 + index % (len(FLAGS) * len(SPLITS))}",
            }
        )
    for split, lines in records.items():
        path = root / "viquae_dataset" / f"{split}.jsonl"
        write_lines(path, (json.dumps(line) for line in lines))


def flown(flag: Flag, index: int) -> Image.Image:
    """Draw a flag on its pole."""
    image = canvas("viquae", index)
    pen = ImageDraw.Draw(image)
    box = jitter_box(Box(10, 4, 94, 72), "viquae", index, by=0.25)
    pole = Box(box.left - 5, box.top - 3, box.left, 96)
    pen.rectangle(pole, fill=BLACK)
    shades = [WHITE if name == "white" else COLORS[name] for name in flag.colors]
    if flag.pattern in {"upright", "level"}:
        stripes(pen, box, shades, upright=flag.pattern == "upright")
    else:
        figure(pen, box, flag.pattern, shades)
    return image


def stripes(pen: ImageDraw.ImageDraw, box: Box, shades: list[RGB], *, upright: bool) -> None:
    """Draw stripes of equal width side by side, or one above the other."""
    for place, shade in enumerate(shades):
        start, end = place / len(shades), (place + 1) / len(shades)
        part = box.part(start, 0, end, 1) if upright else box.part(0, start, 1, end)
        pen.rectangle(part, fill=shade)


def figure(pen: ImageDraw.ImageDraw, box: Box, pattern: str, shades: list[RGB]) -> None:
    """Draw a disc or a Nordic cross on a plain ground."""
    ground, shade = shades
    pen.rectangle(box, fill=ground, outline=BLACK)
    if pattern == "disc":
        pen.ellipse(box.part(0.28, 0.2, 0.72, 0.8), fill=shade)
    else:
        pen.rectangle(box.part(0.3, 0, 0.46, 1), fill=shade)
        pen.rectangle(box.part(0, 0.4, 1, 0.6), fill=shade)
