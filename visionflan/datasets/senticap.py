"""SentiCap: captions of COCO photographs that praise or run down what is seen.

Witnesses of the layout: the owners' reader, which comes with the archive and is kept by several
projects (class SenticapReader): `data/senticap_dataset.json` lists under `images` the `filename`
and `split` and, under `sentences`, `raw`, `tokens`, `word_sentiment` and `sentiment`, which is 1
for a positive sentence and 0 for a negative one; and training codes that find the images in val2014
of COCO, from which all come. The archive unpacks to `senticap_dataset/data`; the file is read
there, in `data` and at the top. All three splits have captions and are read.

A picture gives one row for each of the two sentiments that it has sentences of; the target is one
of these sentences, drawn by hash, and all are references.

Repairs: line ends and runs of blanks in a sentence, typed by crowd workers, become single blanks.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from visionflan import drawing, layouts, specimens
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import icons
from visionflan.errors import UnusableError
from visionflan.hashing import pick, stable_hash
from visionflan.layouts.fields import (
    FieldError,
    integer,
    items,
    optional_text,
    read_row_lists,
    text,
)
from visionflan.layouts.official_splits import split_of

SENTIMENTS = {1: "positive", 0: "negative"}
FILENAME = re.compile(r"COCO_(train2014|val2014)_(\d{12})\.jpg")


class Row(NamedTuple):
    key: str
    image: Path
    sentiment: str
    sentences: tuple[str, ...]
    split: str = ""


dataset = Dataset[Row](
    title="SentiCap",
    homepage="http://users.cecs.anu.edu.au/~u4534172/senticap.html",
    license="unknown",
    terms="The photographs are those of COCO and keep the terms of Flickr.",
    citation="Mathews, Xie, He (2016), SentiCap: Generating Image Descriptions with Sentiments, "
    "AAAI",
    obtain="""
        Download senticap_dataset.zip from the homepage and unpack it here. The images are val2014
        of COCO: put them here, or in a directory named coco beside this one.
    """,
    tree="""
        senticap_dataset/data/senticap_dataset.json
        val2014/COCO_val2014_000000000042.jpg
    """,
    split_field="split",
    no_group="each image belongs to itself alone",
    neighbors=("coco",),
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    folders = (root / "senticap_dataset" / "data", root / "data", root)
    path = layouts.require(*(folder / "senticap_dataset.json" for folder in folders))
    records = enumerate(layouts.json_list(path, "images"))
    yield from read_row_lists(path, records, partial(rows, root))


def rows(root: Path, record: dict[str, Any]) -> list[Row]:
    """Divide the sentences of a picture by their sentiment."""
    file_name = text(record, "filename")
    match = FILENAME.fullmatch(file_name)
    if match is None:
        raise FieldError(f"{file_name!r} is not an image of COCO 2014")
    image = layouts.coco_image(root, match[1], integer(match.groups(), 1))
    sentences = [
        (integer(entry, "sentiment"), text(entry, "raw")) for entry in items(record, "sentences")
    ]
    written = {
        name: tuple(words for sentiment, words in sentences if sentiment == mark)
        for mark, name in SENTIMENTS.items()
    }
    stem = file_name.removesuffix(".jpg")
    split = split_of(optional_text(record, "split"))
    return [
        Row(f"{stem}/{name}", image, name, texts, split) for name, texts in written.items() if texts
    ]


@dataset.task(
    """
    Describe the photograph in one sentence that conveys the sentiment given below. If it is
    positive, write about what you see with liking or praise; if it is negative, with dislike or
    regret. Do not invent anything that is not there.
    """,
    """
    How would you describe this photograph with the sentiment named below? Write one sentence:
    admiring or affectionate if the sentiment is positive, disapproving or sad if it is negative.
    Mention only what the photograph shows.
    """,
    """
    In a single sentence, say what is in the photograph, and choose your words so that they show the
    sentiment below. Positive means liking or praise, negative means dislike or regret. Stay with
    what is really there.
    """,
    """
    The same scene can be described warmly or coldly. The sentiment below decides which is wanted
    here: praise or liking if it is positive, regret or dislike if it is negative. Write one
    sentence about the scene, and add nothing that cannot be seen.
    """,
    """
    If the sentiment below is positive, write a sentence that makes the subject of this photograph
    sound likable or impressive. If it is negative, write one that makes it sound unpleasant or sad.
    In both cases, describe only what you can see.
    """,
    title="SentiCap image captioning conditioned on sentiment",
    official_name="SentiCap+image_sentiment_captioning",
    category="Fine-grained Captioning",
    metric="cider",
)
def image_sentiment_captioning(row: Row) -> Example:
    mended = tuple(dict.fromkeys(" ".join(sentence.split()) for sentence in row.sentences))
    sentences = [sentence for sentence in mended if sentence]
    if not sentences:
        raise UnusableError("no_caption", "all sentences are empty")
    return Example(
        image=row.image,
        text=f"Sentiment: {row.sentiment}",
        target=sentences[stable_hash(row.key) % len(sentences)],
        references=tuple(sentences),
        repaired=("trimmed_blanks",) if not set(mended) <= set(row.sentences) else (),
    )


THINGS = ("car", "bus", "house", "kite", "umbrella", "chair", "sofa", "boat")
COLORS = ("red", "blue", "green", "yellow", "purple")
PRAISE = ("beautiful", "lovely", "pretty", "nice")
BLAME = ("ugly", "dull", "lonely", "sad")
FORMS = ("A {mood} {color} {thing}.", "There is a {mood} {color} {thing} here.")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    images: list[dict[str, object]] = []
    for index in range(count):
        thing = THINGS[(index + stable_hash("senticap", index // len(THINGS))) % len(THINGS)]
        color = pick(COLORS, 1, "senticap", index, "colour")[0]
        picture = drawing.canvas("senticap", index)
        room = drawing.FRAME.part(0.04, 0.04, 0.96, 0.96)
        icons.icon(picture, thing, drawing.jitter_box(room, "senticap", index, by=0.3), color)
        name = f"COCO_val2014_{42 + 7 * index:012d}.jpg"
        specimens.write_image(root / "val2014" / name, picture)
        sentences = [
            sentence(FORMS[place % 2].format(mood=mood, color=color, thing=thing), mark)
            for mark, moods in ((1, PRAISE), (0, BLAME))
            for place, mood in enumerate(pick(moods, 3, "senticap", index, mark))
        ]
        split = ("train", "val", "test")[index % 3]
        images.append({"filename": name, "imgid": index, "split": split, "sentences": sentences})
    path = root / "senticap_dataset" / "data" / "senticap_dataset.json"
    specimens.write_json(path, {"images": images})


def sentence(words: str, mark: int) -> dict[str, object]:
    """Write a sentence as the release does, with the words that carry its sentiment marked."""
    tokens = words.lower().replace(".", "").split()
    moods = [int(token in {*PRAISE, *BLAME}) for token in tokens]
    return {"raw": words, "tokens": tokens, "word_sentiment": moods, "sentiment": mark}
