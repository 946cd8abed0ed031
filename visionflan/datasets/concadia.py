"""Concadia: pictures of Wikipedia with their alt text, their caption and the paragraph beside them.

Layout: the owners' code (elisakreiss/concadia, Concadia_dataset/create_split_json.py) writes
`wiki_split.json` with records under `images`, each of them with `filename`, `split`, and
`description`, `caption` and `context` that hold `raw` words; facebookresearch/EGG
(egg/zoo/emergent_captioner) reads that file with the pictures in `images/`, and the archive of the
pictures unpacks into `resized/`. The owners' sample of 300 records, `exp_sample.json`, is a script
that begins with `var main_trials = `. All of these are read, in all three splits, which the owners
drew by article (`article_id`), since the images of one share their paragraphs.

Known defects: the owners dropped every letter outside ASCII ("Jger", "Sry"), which cannot be
fixed. Section headings, marks of footnotes and blanks have been left in: these are taken out, and
named as repaired. A paragraph of references or formulas, or a table whose cells have run together,
is no background; an alt text that only says "photograph", or is the name of a file, describes
nothing; two years whose dash was dropped make one number ("17781782"): such rows are refused. A
sentence with the line that names other articles ("Main article: ...") is left out.

`image_caption_context_2` joins caption and paragraph, as the paper tells (section 2.1). How the
site's `image_caption_context_1` differs from it is not public; here it asks for the caption and one
sentence of background, that which has most words in common with the caption.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, canvas, jitter_box
from visionflan.drawing.icons import icon
from visionflan.errors import ReleaseError, UnusableError
from visionflan.hashing import pick
from visionflan.layouts import inside, parse_json, require
from visionflan.layouts.fields import items, optional_text, read_records, text
from visionflan.layouts.negative_captions import content_words
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_json


class Row(NamedTuple):
    key: str
    image: Path
    description: str
    caption: str
    context: str
    split: str = ""
    article: str = ""


dataset = Dataset[Row](
    title="Concadia",
    homepage="https://github.com/elisakreiss/concadia",
    license="unknown",
    terms="""
        The owners' code is under the MIT license. The words come from Wikipedia (CC BY-SA), and
        each image has its own license at Wikimedia Commons, where `orig_filename` leads.
    """,
    citation="Kreiss, Fang, Goodman, Potts (2022), Concadia: Towards Image-Based Text Generation "
    "with a Purpose, EMNLP",
    obtain="""
        Download wiki_split.json and resized.zip through the two links in the README of the
        homepage, and unpack the images.
    """,
    tree="""
        wiki_split.json
        resized/
            41017.jpg
            ...
    """,
    split_field="split",
    group_field="article",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    folder = require(root / "resized", root / "images")
    path = require(root / "wiki_split.json", root / "exp_sample.json")
    yield from read_records(path, enumerate(records(path)), partial(read_record, folder))


def records(path: Path) -> list[Any]:
    """Read the records of the release, or of the sample that is written as a script."""
    script = re.sub(rb"\A(?:\xef\xbb\xbf)?\s*var \w+ = ", b"", path.read_bytes())
    try:
        return items(parse_json(script.rstrip().rstrip(b";")), "images")
    except (ValueError, RecursionError) as error:
        raise ReleaseError(f"{path} is not JSON with records under images: {error}") from error


def read_record(folder: Path, record: Any) -> Row:
    name = text(record, "filename")
    return Row(
        key=name,
        image=inside(folder, name),
        description=text(record, "description", "raw"),
        caption=text(record, "caption", "raw"),
        context=text(record, "context", "raw"),
        split=split_of(optional_text(record, "split")),
        article=optional_text(record, "article_id"),
    )


FOOTNOTE = re.compile(r"(?<=\S)\[(?:[a-z]|(?:[Nn]ote|nb?) ?\d+|update|[a-z ]+ (?:needed|failed))\]")
REFERENCES = re.compile(r"References\[edit\]|See also\[edit\]|\^ |displaystyle|is a stub")
# The words at the edges of table cells and list items run together: "2014RankCountry".
FUSED = re.compile(r"[a-z)0-9][A-Z][a-z]")
# The line above a section that names other articles; nothing marks where it ends.
HATNOTE = re.compile(r"(?:Main articles?|See also|Further information|Not to be confused with):? ")
# The owners dropped the dash between two years: "the 201516 series", "(960976)", "17781782".
FUSED_YEARS = re.compile(r"(?<![\w,])(?<!\d\.)\d{6,8}(?![\d,])")
NO_DESCRIPTION = re.compile(
    r"(?i)(?:(?:colou?r |old |black and white )?(?:photo|photograph|picture|image|alt|drawing)"
    r"|see adjacent text|refer to adjacent text|.*\.(?:jpe?g|png|gif|svg|tiff?))[.]?"
)


def mended(words: str) -> tuple[str, tuple[str, ...]]:
    """Remove what is not part of a sentence, and name it."""
    prose = words.rsplit("[edit]", 1)[-1]
    unmarked = FOOTNOTE.sub("", prose)
    trimmed = " ".join(unmarked.split())
    repairs = {
        "section_heading": prose != words,
        "footnote_mark": unmarked != prose,
        "trimmed_blanks": trimmed != unmarked,
    }
    return trimmed, tuple(name for name, happened in repairs.items() if happened)


ABBREVIATIONS = {"St", "Mt", "Mr", "Mrs", "Dr", "Jr", "Sr", "No", "Lt", "Gen", "Col", "Rev", "ca"}


def sentences(words: str) -> list[str]:
    """Divide prose; a stop after an initial or an abbreviation ends no sentence."""
    parts, start = [], 0
    for end in re.finditer(r"[.!?][\"')]*(?= [\"'(A-Z0-9])", words):
        last = words[start : end.start()].rsplit(" ", maxsplit=1)[-1].strip("(\"'")
        if len(last) > 1 and "." not in last and last not in ABBREVIATIONS:
            parts.append(words[start : end.end()].strip())
            start = end.end()
    return [*parts, words[start:].strip()]


def related_sentence(caption: str, prose: list[str]) -> str:
    """Return the sentence that has most words in common with the caption, the first of a tie."""
    of_caption = content_words(caption)
    shared = {sentence: len(content_words(sentence) & of_caption) for sentence in prose}
    best = max(shared, key=lambda sentence: shared[sentence])
    if not shared[best]:
        raise UnusableError("no_background", "no sentence of the paragraph is on the caption")
    return best


def refuse_fused_years(words: str) -> None:
    """Refuse a text in which the dropped dash between two years has left one number."""
    if match := FUSED_YEARS.search(words):
        raise UnusableError("fused_years", f"two numbers have run together: {match[0]}")


def captioned(row: Row, *, brief: bool) -> Example:
    """Join the caption and the paragraph, or only the sentence of it that is on the caption."""
    if REFERENCES.search(row.context) or len(FUSED.findall(row.context)) > 4:
        raise UnusableError("no_background", "the paragraph has references, formulas or a table")
    (caption, of_caption), (context, of_context) = mended(row.caption), mended(row.context)
    of_article = sentences(context)
    prose = [sentence for sentence in of_article if not HATNOTE.search(sentence)]
    if not (caption and context and prose):
        raise UnusableError("no_background", "the caption or the paragraph has no words")
    background = related_sentence(caption, prose) if brief else " ".join(prose)
    stop = "" if re.search(r"[.!?][\"')]*$", caption) else "."
    target = f"{caption}{stop} {background}"
    refuse_fused_years(target)
    hatnote = ("hatnote",) if len(prose) < len(of_article) else ()
    repaired = tuple(dict.fromkeys((*of_caption, *of_context, *hatnote)))
    return Example(image=row.image, target=target, repaired=repaired)


@dataset.task(
    """
    Describe this picture from an encyclopedia for a reader who cannot see it, in a phrase or a
    short sentence.
    """,
    """
    What would you tell a blind reader of an encyclopedia about this picture? Say it in a short
    sentence or just a phrase.
    """,
    """
    Write a phrase or a short sentence that can stand in for this encyclopedia picture when someone
    is unable to see it.
    """,
    """
    Encyclopedias on the web add a brief text to each picture, which a program reads aloud to people
    with poor sight. Write that text for this picture: a phrase, or one short sentence, that says
    what the picture shows.
    """,
    """
    Suppose that this picture failed to load in an online encyclopedia. In a phrase or one short
    sentence, say what the reader is missing.
    """,
    title="CONCADIA short image captioning",
    official_name="CONCADIA+image_description",
    category="Coarse-grained Captioning",
    metric="cider",
)
def image_description(row: Row) -> Example:
    description, repaired = mended(row.description)
    if NO_DESCRIPTION.fullmatch(description):
        raise UnusableError("no_description", f"{description!r} does not describe the image")
    refuse_fused_years(description)
    return Example(image=row.image, target=description, repaired=repaired)


@dataset.task(
    """
    Write a caption for this illustration from an encyclopedia article, ending with a period.
    Continue on the same line with one sentence of the article that gives background on what the
    caption is about.
    """,
    title="CONCADIA caption with a sentence of background",
    official_name="CONCADIA+image_caption_context_1",
    category="Knowledge Extraction",
    metric="rouge_l",
)
def image_caption_context_1(row: Row) -> Example:
    return captioned(row, brief=True)


@dataset.task(
    """
    Write the caption that this image has in an encyclopedia, followed on the same line by the whole
    paragraph of the article that stands next to it.
    """,
    title="CONCADIA caption with background knowledge",
    official_name="CONCADIA+image_caption_context_2",
    category="Knowledge Extraction",
    metric="rouge_l",
    published_form="caption, blank and paragraph in one line",
)
def image_caption_context_2(row: Row) -> Example:
    return captioned(row, brief=False)


# Of each thing, a caption and what an encyclopaedia might say.
ARTICLES = {
    "boat": ("A boat under sail", "Wind drives a sailing boat. Sailors cross the sea in it."),
    "bus": ("A city bus", "A bus carries many people. It stops at fixed places."),
    "clock": ("A clock with two hands", "A clock shows the time. The short hand tells the hour."),
    "fish": ("A fish from the side", "Fish live in water. They breathe with gills."),
    "guitar": ("A guitar", "A guitar is played with the fingers. Most have six strings."),
    "house": ("A family house", "A house is a home for people. A roof keeps the rain out."),
    "tree": ("A tree in leaf", "A tree has a trunk of wood. Its leaves make food from light."),
    "umbrella": ("An open umbrella", "An umbrella keeps off rain. It can be folded."),
}
COLORS = ("red", "green", "blue", "orange", "purple", "brown")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    images: list[dict[str, object]] = []
    for index in range(count):
        thing, (caption, context) = list(ARTICLES.items())[index % len(ARTICLES)]
        color = pick(COLORS, 1, "concadia", index, "colour")[0]
        article = "An" if color == "orange" else "A"
        image = canvas("concadia", index)
        box = jitter_box(FRAME.part(0.04, 0.04, 0.96, 0.96), "concadia", index, by=0.25)
        icon(image, thing, box, color)
        name = f"{index + 1}.jpg"
        write_image(root / "resized" / name, image)
        texts = {
            "description": f"{article} {color} {thing}",
            "caption": caption,
            "context": f" {context}",
        }
        images.append(
            {
                "article_id": thing.capitalize(),
                "filename": name,
                "orig_filename": "",
                **{part: {"raw": raw, "tokens": raw.split()} for part, raw in texts.items()},
                "split": "test" if index % 5 == 4 else "train",
            }
        )
    write_json(root / "wiki_split.json", {"images": images})
