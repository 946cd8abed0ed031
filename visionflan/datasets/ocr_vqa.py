"""OCR-VQA: questions on the covers of 207,572 books, most of them answered by reading the cover.

Witnesses of the layout: open-mmlab/mmpretrain (`mmpretrain/datasets/ocr_vqa.py`, which shows a
record: `imageURL`, `questions`, `answers`, `title`, `authorName`, `genre` and `split`, 1 to 3 for
train, val and test) and training code that takes `dataset.json` beside a folder `images`. The
owners publish addresses and a script that fetches each cover as `images/<key><ending of its
address>`; LLaVA's instructions say to save all as `.jpg`, so that a cover whose address ends
otherwise is also looked for under that name. All three splits have answers and are read, one book
at a time.

The task is not on the paper's public site, so that its name is ours. Questions and answers are made
by template out of a shop's data on the books (author, title, year, genre); that a cover shows what
is asked was not checked by anyone. Runs of blanks are trimmed.

The instruction lists the 32 genres in the spelling of the release: the class list of
uchidalab/book-dataset (`Task2/README.md`), which describes covers of the same store, and questions
of the release that others quote ("Is this book related to Gay & Lesbian?") agree on all of them.
Questions also name genres in other words ("Is this a sci-fi book?"), which answers do not. Each
phrasing has its own order of the genres, so that no genre owes anything to its position.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import COLORS, FRAME, WHITE, canvas, darken, jitter_box, word
from visionflan.drawing.icons import icon
from visionflan.hashing import pick, stable_hash
from visionflan.image_urls import ImageUrl, ImageUrls
from visionflan.layouts import inside, require
from visionflan.layouts.fields import (
    answer,
    integer,
    items,
    mapping,
    parse_record,
    read_row_lists,
    text,
)
from visionflan.layouts.json_stream import json_members
from visionflan.specimens import write_image, write_json

SPLITS = {"1": "train", "2": "validation", "3": "test"}


class Row(NamedTuple):
    key: str
    image: Path
    question: str
    answer: str
    split: str = ""


dataset = Dataset[Row](
    title="OCR-VQA",
    homepage="https://ocr-vqa.github.io/",
    license="unknown",
    terms="""
        The covers belong to their publishers and are downloaded from a store's website. A loader by
        others names Apache-2.0 for the annotations; the owners' page does not seem to say so.
    """,
    citation="A. Mishra, S. Shekhar, A. K. Singh and A. Chakraborty (2019), OCR-VQA: Visual "
    "Question Answering by Reading Text in Images, ICDAR",
    obtain="""
        Download dataset.json from the homepage, and then the covers into a directory images with
        `visionflan fetch --dataset ocr_vqa` or with the owners' script loadDataset.py.
    """,
    tree="""
        ocr_vqa/
            dataset.json
            images/761183272.jpg ...
    """,
    split_field="split",
    no_group="each book is one image",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    annotations = require(root / "dataset.json")
    books = ((key, (key, book)) for key, book in json_members(annotations))
    yield from read_row_lists(annotations, books, partial(read_book, root / "images"))


def read_book(images: Path, member: tuple[str, dict[str, Any]]) -> list[Row | BrokenRow]:
    """Return all questions about one book."""
    key, book = text(member, 0), mapping(member, 1)
    image = cover(images, key, text(book, "imageURL"))
    part = f"{integer(book, 'split')}" if "split" in book else ""
    parse = partial(to_row, SPLITS.get(part, part))
    pairs = zip(items(book, "questions"), items(book, "answers"), strict=True)
    return [
        parse_record(f"{key}/{number}", f"question {number} of {key}", parse, key, image, pair)
        for number, pair in enumerate((number, *pair) for number, pair in enumerate(pairs))
    ]


def to_row(split: str, book: str, image: Path, question: tuple[int, Any, Any]) -> Row:
    return Row(f"{book}/{question[0]}", image, text(question, 1), answer(question, 2), split)


def cover(images: Path, key: str, address: str) -> Path:
    """Place a book's cover, whose ending is that of its address or `.jpg`."""
    image = inside(images, f"{key}{PurePosixPath(address).suffix or '.jpg'}")
    return image if image.suffix == ".jpg" or image.exists() else image.with_suffix(".jpg")


@dataset.downloads
def image_urls(root: Path) -> Iterator[ImageUrls]:
    yield ImageUrls("images", partial(listed_urls, require(root / "dataset.json")))


def listed_urls(annotations: Path) -> Iterator[ImageUrl]:
    for place, (key, book) in enumerate(json_members(annotations)):
        if isinstance(book, dict) and isinstance(address := book.get("imageURL"), str):
            yield ImageUrl(address, place, str(cover(Path(), key, address)))


@dataset.task(
    """
    This is the cover of a book or calendar. Answer the question below with the title, a name, a
    year, an edition or a genre, or simply with Yes or No. A genre is one of the categories of a
    bookstore: Arts & Photography; Biographies & Memoirs; Business & Money; Calendars; Children's
    Books; Christian Books & Bibles; Comics & Graphic Novels; Computers & Technology; Cookbooks,
    Food & Wine; Crafts, Hobbies & Home; Education & Teaching; Engineering & Transportation; Gay &
    Lesbian; Health, Fitness & Dieting; History; Humor & Entertainment; Law; Literature & Fiction;
    Medical Books; Mystery, Thriller & Suspense; Parenting & Relationships; Politics & Social
    Sciences; Reference; Religion & Spirituality; Romance; Science & Math; Science Fiction &
    Fantasy; Self-Help; Sports & Outdoors; Teen & Young Adult; Test Preparation; Travel.
    """,
    """
    What does this book or calendar cover say in answer to the question below? Give a title, a name,
    a year, an edition, a genre, or just Yes or No. Choose the genre from this list: Travel; Test
    Preparation; Teen & Young Adult; Sports & Outdoors; Self-Help; Science Fiction & Fantasy;
    Science & Math; Romance; Religion & Spirituality; Reference; Politics & Social Sciences;
    Parenting & Relationships; Mystery, Thriller & Suspense; Medical Books; Literature & Fiction;
    Law; Humor & Entertainment; History; Health, Fitness & Dieting; Gay & Lesbian; Engineering &
    Transportation; Education & Teaching; Crafts, Hobbies & Home; Cookbooks, Food & Wine; Computers
    & Technology; Comics & Graphic Novels; Christian Books & Bibles; Children's Books; Calendars;
    Business & Money; Biographies & Memoirs; Arts & Photography.
    """,
    """
    Answer with Yes or No, a name, a title, a year, an edition, or one of these genres: Literature &
    Fiction; Mystery, Thriller & Suspense; Romance; Science Fiction & Fantasy; Comics & Graphic
    Novels; Children's Books; Teen & Young Adult; Gay & Lesbian; Biographies & Memoirs; History;
    Politics & Social Sciences; Law; Business & Money; Education & Teaching; Test Preparation;
    Reference; Science & Math; Medical Books; Engineering & Transportation; Computers & Technology;
    Religion & Spirituality; Christian Books & Bibles; Self-Help; Parenting & Relationships; Health,
    Fitness & Dieting; Sports & Outdoors; Travel; Cookbooks, Food & Wine; Crafts, Hobbies & Home;
    Arts & Photography; Humor & Entertainment; Calendars. The question below is about the book or
    calendar whose cover is shown.
    """,
    """
    A customer holds up this book or calendar in a store and asks the question below. Read the cover
    and reply with no more than what was asked for: the title, a person's name, a year, the edition,
    the genre, or Yes or No. The store's genres are Calendars; Travel; Cookbooks, Food & Wine;
    Health, Fitness & Dieting; Sports & Outdoors; Crafts, Hobbies & Home; Humor & Entertainment;
    Arts & Photography; Parenting & Relationships; Self-Help; Children's Books; Comics & Graphic
    Novels; Teen & Young Adult; Science Fiction & Fantasy; Literature & Fiction; Romance; Mystery,
    Thriller & Suspense; Biographies & Memoirs; Gay & Lesbian; Religion & Spirituality; History;
    Christian Books & Bibles; Law; Politics & Social Sciences; Education & Teaching; Reference; Test
    Preparation; Business & Money; Computers & Technology; Science & Math; Engineering &
    Transportation; Medical Books.
    """,
    """
    If Yes or No answers the question below, write that. If not, write the name, the title, the
    year, the edition or the genre that it asks for, judging by the cover of this book or calendar.
    The only genres are Medical Books; Law; Engineering & Transportation; Science & Math; Computers
    & Technology; Business & Money; Reference; Education & Teaching; Test Preparation; Politics &
    Social Sciences; Christian Books & Bibles; History; Religion & Spirituality; Biographies &
    Memoirs; Literature & Fiction; Gay & Lesbian; Romance; Teen & Young Adult; Mystery, Thriller &
    Suspense; Children's Books; Science Fiction & Fantasy; Humor & Entertainment; Comics & Graphic
    Novels; Self-Help; Arts & Photography; Health, Fitness & Dieting; Crafts, Hobbies & Home;
    Parenting & Relationships; Travel; Sports & Outdoors; Calendars; Cookbooks, Food & Wine.
    """,
    title="OCR-VQA VQA by reading text in image",
    category="OCR",
)
def visual_question_answering(row: Row) -> Example:
    question, answer = " ".join(row.question.split()), " ".join(row.answer.split())
    trimmed = (question, answer) != (row.question, row.answer)
    return Example(
        image=row.image,
        text=question,
        target=answer,
        repaired=("trimmed_blanks",) if trimmed else (),
    )


TITLES = ("SUN", "SEA", "ROAD", "HOME", "WILD", "SNOW", "MOON", "FIRE")
AUTHORS = ("LEE", "DIAZ", "KIM", "COLE", "ROY", "HUNT")
GENRES = {
    "Cookbooks, Food & Wine": "pizza",
    "Travel": "airplane",
    "Sports & Outdoors": "tennis racket",
    "Crafts, Hobbies & Home": "sunflower",
}
COVERS = ("red", "blue", "green", "purple", "brown")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    books: dict[str, dict[str, Any]] = {}
    for index in range(count):
        key, title = str(1000000 + index), TITLES[stable_hash("title", index) % len(TITLES)]
        image = canvas("cover", index)
        color = COLORS[COVERS[stable_hash("colour", index) % len(COVERS)]]
        ImageDraw.Draw(image).rectangle(
            jitter_box(FRAME, "book", index), fill=color, outline=darken(color), width=2
        )
        word(image, title, jitter_box(FRAME.part(0.08, 0.04, 0.92, 0.36), "word", index), WHITE)
        genre, exchanges = (calendar if index % 4 == 3 else novel)(image, index)
        exchanges = [("What is the title of this book?", title), *exchanges]
        other = pick(["Calendars", *GENRES], 1, index, "other", avoid=[genre])[0]
        named, truth = ((genre, "Yes"), (other, "No"))[index // 4 % 2]
        exchanges.append((f"Is this book related to {named}?", truth))
        write_image(root / "images" / f"{key}.jpg", image)
        books[key] = {
            "imageURL": f"http://images.example/I/{key}.jpg",
            "questions": [question for question, _ in exchanges],
            "answers": [answer for _, answer in exchanges],
            "title": title,
            "authorName": "",
            "genre": genre,
            "split": 1 + index % 3,
        }
    write_json(root / "dataset.json", books)


def novel(image: Image.Image, index: int) -> tuple[str, list[tuple[str, str]]]:
    """Draw a picture for the genre and the author's name on a cover."""
    genre = list(GENRES)[stable_hash("genre", index) % len(GENRES)]
    author = AUTHORS[stable_hash("author", index) % len(AUTHORS)]
    panel = FRAME.part(0.28, 0.35, 0.72, 0.7)
    ImageDraw.Draw(image).rectangle(panel, fill=WHITE)
    icon(image, GENRES[genre], panel.part(0.1, 0.02, 0.9, 0.98), "orange")
    word(image, author, FRAME.part(0.14, 0.7, 0.86, 0.95), COLORS["yellow"])
    return genre, [
        ("Who wrote this book?", author),
        ("What is the genre of this book?", genre),
    ]


def calendar(image: Image.Image, index: int) -> tuple[str, list[tuple[str, str]]]:
    """Draw a year on a cover."""
    year = str(2010 + stable_hash("year", index) % 8)
    word(image, year, FRAME.part(0.08, 0.45, 0.92, 0.9), COLORS["yellow"])
    return "Calendars", [("What is the year printed on this calendar?", year)]
