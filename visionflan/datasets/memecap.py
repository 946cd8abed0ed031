"""MemeCap: memes from Reddit, with what is seen in the picture and what the poster means by it.

Witnesses of the layout: the owners' repository (eujhwang/meme-cap: `data/memes-test.json` is a list
of records with `img_captions`, `meme_captions`, `title`, `img_fname`, `post_id` and `metaphors`,
and the README names `data/memes-trainval.json` and an archive of pictures) and training code that
reads both lists beside a folder `memes`, with 5,823 and 559 memes. Both lists have captions and are
read; validation is a tenth of the training list that the owners do not fix.

Known defects: that other code takes blanks off the names of pictures and reads NaN as no value; so
does this reader, and a meme without a title is asked about without one. A picture has several
captions: one is drawn by hash to be the target, and all are references. Runs of blanks become
single ones. Titles and captions are written by strangers, and some are coarse.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import BLACK, COLORS, Box, canvas, darken, jitter_box, word
from visionflan.errors import UnusableError
from visionflan.hashing import pick, stable_hash
from visionflan.layouts import existing_paths, inside, json_list
from visionflan.layouts.fields import identifier, read_records, text, text_list, value
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_json

PARTS = ("trainval", "test")


class Row(NamedTuple):
    key: str
    image: Path
    title: str
    seen: tuple[str, ...]
    meant: tuple[str, ...]

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="MemeCap",
    homepage="https://github.com/eujhwang/meme-cap",
    license="unknown",
    terms="""
        The owners' repository states no license. The memes belong to those who posted them on
        Reddit or made the images in them.
    """,
    citation="E. Hwang and V. Shwartz (2023), MemeCap: A Dataset for Captioning and Interpreting "
    "Memes, EMNLP",
    obtain="""
        Copy the directory data of the repository here, and unpack the archive of images that its
        README links to into a directory named memes. The lists may also be here themselves.
    """,
    tree="""
        memecap/
            data/memes-trainval.json
            data/memes-test.json
            memes/memes_d079np.png ...
    """,
    split_field="split",
    no_group="the lists name no meme template",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    folder = root / "data" if (root / "data").is_dir() else root
    for path in existing_paths(*(folder / f"memes-{part}.json" for part in PARTS)):
        part, records = path.stem.removeprefix("memes-"), enumerate(json_list(path))
        yield from read_records(path, records, partial(to_row, part, root / "memes"))


def to_row(part: str, pictures: Path, record: dict[str, Any]) -> Row:
    """Parse one meme; a title that is not text counts as none."""
    return Row(
        key=f"{part}/{identifier(record, 'post_id')}",
        image=inside(pictures, text(record, "img_fname")),
        title=text(record, "title") if isinstance(value(record, "title"), str) else "",
        seen=text_list(record, "img_captions"),
        meant=text_list(record, "meme_captions"),
    )


def one_of(row: Row, captions: tuple[str, ...], purpose: str) -> Example:
    """Draw one of the captions, and keep all as references; the title is given."""
    mended = tuple(dict.fromkeys(text for each in captions if (text := " ".join(each.split()))))
    if not mended:
        raise UnusableError("no_caption", f"no annotator wrote {purpose} of this meme")
    title = " ".join(row.title.split())
    return Example(
        image=row.image,
        text=f"Title: {title}" if title else "",
        target=mended[stable_hash(row.key, purpose) % len(mended)],
        references=mended,
        repaired=("trimmed_blanks",) if not {title, *mended} <= {row.title, *captions} else (),
    )


@dataset.task(
    """
    What does the person who posted this meme want to say? Put the picture, its words and the title
    below (if there is one) together, and answer in one plain sentence that begins with "Meme
    poster".
    """,
    title="MemeCap meme understanding",
    official_name="MemeCap+meme_captioning",
    category="Rational and Script Generation",
    metric="cider",
)
def meme_captioning(row: Row) -> Example:
    return one_of(row, row.meant, "the meaning")


@dataset.task(
    """
    Forget the joke, the title and the lettering of this meme for a moment and look only at its
    picture. Write a short literal caption: which people, animals or objects are there, and what are
    they doing?
    """,
    title="MemeCap image captioning",
    official_name="MemeCap+image_captioning",
    category="Coarse-grained Captioning",
    metric="cider",
)
def image_captioning(row: Row) -> Example:
    return one_of(row, row.seen, "a description")


OCCASIONS = {"EXAM": "the exam", "RAIN": "the rain", "BILL": "the bill", "CAKE": "the cake"}
FACES = ("yellow", "orange", "green", "cyan")
TITLES = ("Me today", "When it happens again", "Every single time", "  I cannot be the only one")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    records: dict[str, list[dict[str, Any]]] = {part: [] for part in PARTS}
    for index in range(count):
        lettering = list(OCCASIONS)[index // 2 % 4]
        happy, color = index % 2 == 0, pick(FACES, 1, "memecap", index, "face")[0]
        name = f"memes_x{index:05d}.png"
        write_image(root / "memes" / name, meme(index, lettering, happy, color))
        mood = ("happy", "glad") if happy else ("unhappy", "sad")
        look = ("smiles", "with a smile") if happy else ("frowns", "with a frown")
        article = "An" if color == "orange" else "A"
        records[PARTS[index % 5 == 4]].append(
            {
                "category": "memes",
                "title": TITLES[stable_hash(index, "title") % len(TITLES)],
                "img_captions": [
                    f"{article} {color} face that {look[0]}.",
                    f"{article} {color} face {look[1]}. ",
                ],
                "meme_captions": [
                    f"Meme poster is {feeling} about {OCCASIONS[lettering]}." for feeling in mood
                ],
                "img_fname": name,
                "metaphors": [{"metaphor": "The face", "meaning": "meme poster"}],
                "post_id": f"x{index:05d}",
            }
        )
    for part, memes in records.items():
        write_json(root / "data" / f"memes-{part}.json", memes)


def meme(index: int, lettering: str, happy: bool, color: str) -> Image.Image:
    """Draw a face that smiles or frowns, below large letters."""
    image = canvas("memecap", index)
    word(image, lettering, Box(4, 2, 92, 32), BLACK)
    pen = ImageDraw.Draw(image)
    face = jitter_box(Box(18, 32, 80, 94), "memecap", index, by=0.15)
    pen.ellipse(face, fill=COLORS[color], outline=darken(COLORS[color]), width=2)
    for left in (0.22, 0.62):
        pen.ellipse(face.part(left, 0.24, left + 0.16, 0.42), fill=BLACK)
    mouth, turn = ((0.35, 0.86), 0) if happy else ((0.6, 1.1), 180)
    pen.arc(face.part(0.2, mouth[0], 0.8, mouth[1]), 20 + turn, 160 + turn, fill=BLACK, width=5)
    return image
