"""FUNSD: scanned business forms of the 1980s and 1990s with every piece of text transcribed.

Witnesses of the layout: the release itself (199 pages, 9,743 entities: 149 pages in
`training_data`, 50 in `testing_data`) and the loaders built on it, of which the most used is
`funsd.py` of nielsr/funsd on the Hugging Face hub: an annotation holds `form`, a list of entities
with `text`, `box`, `label`, `linking` and `words`. Both folders are annotated and both are read.

The target is the text of the page, one entity a line, in reading order: entities whose first words
begin at about the same height form a row (to within half the usual height of a word), rows go from
top to bottom, and entities in a row from left to right. (The public sample of the paper's data
lists the entities in the file's order, which is that of annotation, between quotation marks and
commas, which the texts themselves contain.)

Known defects: 214 entities have no text, mostly fields left empty, and are dropped; five glyphs of
a symbol font were stored as private code points, which nobody can type, and are dropped.
"""

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from PIL import ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, Box, canvas, jitter_box, word
from visionflan.hashing import stable_hash
from visionflan.layouts import existing_paths, load_json
from visionflan.layouts.fields import items, number, parse_record, text
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_json

FOLDERS = ("training_data", "testing_data")
PRIVATE_GLYPHS = dict.fromkeys(range(0xE000, 0xF900))


class Entity(NamedTuple):
    text: str
    start: Box


class Row(NamedTuple):
    key: str
    image: Path
    entities: tuple[Entity, ...]

    @property
    def split(self) -> str:
        """Return the official split."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="FUNSD",
    homepage="https://guillaumejaume.github.io/FUNSD/",
    license="non-commercial",
    terms="""
        For research and education only, by adults; the images come from RVL-CDIP, and users clear
        any further rights in them themselves.
    """,
    citation="G. Jaume, H. K. Ekenel and J.-P. Thiran (2019), FUNSD: A Dataset for Form "
    "Understanding in Noisy Scanned Documents, ICDAR-OST",
    obtain="Download dataset.zip from the homepage, accepting its terms, and unpack it.",
    tree="""
        funsd/dataset/
            training_data/
                annotations/0000971160.json ...
                images/0000971160.png ...
            testing_data/
                annotations/82092117.json ...
                images/82092117.png ...
    """,
    split_field="split",
    no_group="each form is one page",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    for folder in existing_paths(*(root / "dataset" / name for name in FOLDERS)):
        for path in sorted((folder / "annotations").glob("*.json")):
            key = f"{folder.name}/{path.stem}"
            yield parse_record(key, f"{path}", to_row, key, folder / "images", path)


def to_row(key: str, images: Path, path: Path) -> Row:
    entities = tuple(map(to_entity, items(load_json(path), "form")))
    return Row(key, images / f"{path.stem}.png", entities)


def to_entity(record: dict[str, Any]) -> Entity:
    """Parse an entity's text and the box of its first word, where one begins to read it."""
    words = items(record, "words")
    first = words[0] if words else record
    left, top, right, bottom = (number(first, "box", side) for side in range(4))
    return Entity(text(record, "text"), Box(left, top, right, bottom))


@dataset.task(
    """
    This is a scanned form. Transcribe everything on it, printed or handwritten, from top to bottom
    and, at the same height, from left to right. Start a new line for each separate piece of text,
    such as a heading, the label of a field or an entry, but keep the lines of one entry, such as an
    address, on one line. Copy words, numbers and punctuation exactly as they are.
    """,
    """
    What does this scanned form say? Copy all of it, print and handwriting, exactly as it is spelled
    and punctuated. Every separate piece of text, for example a heading, a field label or an entry,
    gets a line of its own, and an entry that runs over several lines, like an address, becomes one
    line. Work downward, and from the left where pieces are at the same height.
    """,
    """
    Type out this form, giving one line to each heading, field label, entry or other piece of text.
    If an entry takes up several lines on the page, as an address does, join them into one. Begin at
    the top, go from left to right where texts are side by side, and change nothing in the words,
    numbers and punctuation, whether printed or written by hand.
    """,
    """
    The paper form in this scan has to become plain text, and you are typing it in. Leave nothing
    out, not even handwriting, and keep the spelling, the numbers and the punctuation. Order the
    pieces of text from top to bottom, then from left to right, with a new line for each of them
    (heading, label of a field, entry). A longer entry that wraps, such as an address, stays on a
    single line.
    """,
    """
    On separate lines, write each piece of text that this scanned form contains, such as its
    headings, the labels of its fields, and what was entered by machine or by hand. Go from the top
    to the bottom; at the same height, go from left to right. Reproduce every word, number and
    punctuation mark as it is. If an address or another entry has several lines, combine them.
    """,
    title="FUNSD text detection in noisy scanned documents",
    official_name="FUNSD+text_detection",
    category="Document-Level OCR",
    metric="character_accuracy",
)
def text_detection(row: Row) -> Example:
    texts = [entity.text.translate(PRIVATE_GLYPHS).split() for entity in reading_order(row)]
    mended = {
        "empty_text": not all(entity.text.strip() for entity in row.entities),
        "private_glyph": any(
            len(e.text.translate(PRIVATE_GLYPHS)) < len(e.text) for e in row.entities
        ),
    }
    return Example(
        image=row.image,
        target="\n".join(" ".join(words) for words in texts if words),
        repaired=tuple(name for name, happened in mended.items() if happened),
    )


def reading_order(row: Row) -> list[Entity]:
    """Order the entities of a page row by row."""
    if not row.entities:
        return []
    tolerance = median(entity.start.bottom - entity.start.top for entity in row.entities) / 2
    rows: list[list[Entity]] = []
    for entity in sorted(row.entities, key=lambda entity: entity.start.top):
        if rows and entity.start.top - rows[-1][0].start.top <= tolerance:
            rows[-1].append(entity)
        else:
            rows.append([entity])
    return [entity for line in rows for entity in sorted(line, key=lambda e: e.start.left)]


LABELS = ("TO", "NAME", "DATE")
ENTRIES = ("AMY", "BOB", "JILL", "TED")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        folder = root / "dataset" / FOLDERS[index % 5 == 4]
        texts = (LABELS[index % 3], ENTRIES[stable_hash("entry", index) % 4])
        image = canvas("funsd", index)
        page = jitter_box(FRAME, "page", index, by=0.06)
        places = (page.part(0.08, 0.08, 0.92, 0.46), page.part(0.08, 0.54, 0.92, 0.92))
        ImageDraw.Draw(image).rectangle(places[1], outline=(90, 90, 90), width=2)
        for entry, place in zip(texts, places, strict=True):
            word(image, entry, place.part(0.05, 0.05, 0.95, 0.95))
        write_image(folder / "images" / f"{9000 + index}.png", image)
        form = [entity_record(number, texts[number], places[number]) for number in (1, 0)]
        write_json(folder / "annotations" / f"{9000 + index}.json", {"form": form})


def entity_record(number: int, text: str, place: Box) -> dict[str, object]:
    """Write an entity as the release does."""
    box = [round(edge) for edge in place]
    return {
        "id": number,
        "text": text,
        "box": box,
        "label": ("question", "answer")[number],
        "linking": [[0, 1]],
        "words": [{"text": text, "box": box}],
    }
