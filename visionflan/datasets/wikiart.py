"""WikiArt: works of some 1,100 artists in 27 styles and ten genres, as refined for ArtGAN.

Layout: the owners' repository (cs-chan/ArtGAN, `WikiArt Dataset/`) holds lists such as
`genre_train.csv` whose lines are `<style>/<artist>_<title>.jpg,<number>`, and the class names;
their `ArtGAN/data/ingest_wikiart.py` reads the lists from `wikiart_csv/` and the pictures from
`style/`, and codes of others read the pictures from `wikiart/`, where wikiart.zip unpacks. The
folder of a picture is its style in the lists of styles too, for all of 81,446, and the beginning of
its file name is the artist of the lists of artists, for all of 19,050: those lists cover only 23
artists, so style and artist are taken from the path, and the genre from the lists of genres, both
of which are read (64,994 pictures). A picture without a genre is of no use to the task.

Known defects, found in the owners' lists: one picture stands in two genres and is refused; letters
with accents are garbled in file names ("grã©goire"), which is mended in the artist's name and
named, and accents are mostly lost ("paul-cezanne"), which cannot be mended.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, WHITE, jitter_box, word
from visionflan.drawing.styles import styled_icon
from visionflan.hashing import pick
from visionflan.layouts import existing_paths, inside, numbered_lines, require
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_lines

# In the order of the owners' genre_class.txt.
GENRES = (
    *("abstract painting", "cityscape", "genre painting", "illustration", "landscape"),
    *("nude painting", "portrait", "religious painting", "sketch or study", "still life"),
)
STYLES = {
    "Art_Nouveau_Modern": "Art Nouveau",
    "Mannerism_Late_Renaissance": "Mannerism",
    "Naive_Art_Primitivism": "Naïve Art",
    "Post_Impressionism": "Post-Impressionism",
    "Ukiyo_e": "Ukiyo-e",
}
LOWER = {"da", "de", "del", "della", "den", "der", "di", "do", "du", "la", "van", "von", "y"}


class Row(NamedTuple):
    key: str
    image: Path
    genre: str
    split: str = ""


dataset = Dataset[Row](
    title="WikiArt",
    homepage="https://github.com/cs-chan/ArtGAN/blob/master/WikiArt%20Dataset/README.md",
    license="non-commercial",
    terms="""
        For non-commercial research only, and under the terms of use of WikiArt.org, from which the
        images come; many of the works are still in copyright.
    """,
    citation="Tan, Chan, Aguirre, Tanaka (2019), Improved ArtGAN for Conditional Synthesis of "
    "Natural Image and Artwork, IEEE Transactions on Image Processing",
    obtain="""
        Download wikiart.zip and the lists, wikiart_csv.zip, through the links on the homepage, and
        unpack both here.
    """,
    tree="""
        wikiart/
            Impressionism/claude-monet_garden-at-sainte-adresse.jpg
            ...
        wikiart_csv/
            genre_train.csv
            genre_val.csv
            ...
    """,
    split_field="split",
    no_group="nothing in the release connects its images",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    lists = require(root / "wikiart_csv", root)
    pictures = next(filter(Path.is_dir, (root / "wikiart", root / "style")), root)
    numbers: defaultdict[str, set[str]] = defaultdict(set)
    splits = {}
    for path in existing_paths(lists / "genre_train.csv", lists / "genre_val.csv"):
        for _, line in numbered_lines(path):
            name, _, number = line.rpartition(",")
            numbers[name].add(number)
            splits[name] = split_of(path.stem.removeprefix("genre_"))
    genres = {f"{number}": genre for number, genre in enumerate(GENRES)}
    for name, ids in numbers.items():
        if re.fullmatch(r"[^/]+/[^/_]+_[^/]+", name) and len(ids) == 1 and ids <= genres.keys():
            yield Row(name, inside(pictures, name), genres[min(ids)], splits[name])
        else:
            detail = f"the lists of genres give {name!r} the numbers {', '.join(sorted(ids))}"
            yield BrokenRow(name, "unclear_genre", detail)


def style_of(folder: str) -> str:
    return STYLES.get(folder, folder.replace("_", " "))


def artist_of(written: str) -> str:
    """Write an artist's name as in a book: "m.c.-escher" is M.C. Escher."""
    parts = [part for part in re.split(r"[-\s]+", written) if part]
    return " ".join(
        part if part in LOWER and place else re.sub(r"^i+$|^(?:mc|o')\w|^\(?\w|\.\w", upper, part)
        for place, part in enumerate(parts)
    )


def upper(match: re.Match[str]) -> str:
    return match.group().upper().replace("MC", "Mc")


def ungarbled(written: str) -> str:
    """Restore letters whose two bytes were taken for two letters and put in lower case."""
    try:
        return written.replace("ã", "Ã").replace("â", "Â").encode("latin-1").decode("utf-8")
    except UnicodeError:
        return written


@dataset.task(
    """
    Who made this work of art, what genre is it, and in which style is it? Answer with the artist's
    full name, the genre (such as cityscape, portrait, or genre painting for a scene of daily life)
    and the style with a capital letter, in this order and separated by semicolons, for example
    "Anna Berg; portrait; Realism".
    """,
    title="WikiArt artist genre style recognition",
    official_name="WIKIART+art_classification",
    category="Semantic Art Understanding",
    metric="set_f1",
)
def art_classification(row: Row) -> Example:
    folder, name = row.key.split("/")
    written = name.split("_")[0]
    artist = ungarbled(written)
    return Example(
        image=row.image,
        target="; ".join((artist_of(artist), row.genre, style_of(folder))),
        repaired=("garbled_letters",) if artist != written else (),
    )


ARTISTS = ("anna-berg", "jan-van-ek", "r.-c.-mori", "zoã«-lund")
SUBJECTS = {
    "cityscape": ("house", "bus"),
    "landscape": ("tree", "pyramid"),
    "portrait": ("person",),
    "still life": ("apple", "bottle", "banana"),
}
DRAWN = {"Impressionism": "art painting", "Pop_Art": "cartoon", "Realism": "photo"}
COLORS = ("red", "green", "blue", "purple", "brown")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lines: dict[str, list[str]] = {"train": [], "val": []}
    for index in range(count):
        artist = pick(ARTISTS, 1, "wikiart", index, "artist")[0]
        genre = list(SUBJECTS)[index % len(SUBJECTS)]
        style = pick(list(DRAWN), 1, "wikiart", index, "style")[0]
        thing = pick(SUBJECTS[genre], 1, "wikiart", index, "thing")[0]
        box = jitter_box(FRAME.part(0.1, 0.02, 0.9, 0.78), "wikiart", index, by=0.2)
        color = pick(COLORS, 1, "wikiart", index, "colour")[0]
        image = styled_icon(thing, DRAWN[style], box, color, "wikiart", index)
        signature = ungarbled(artist).split("-")[-1].upper()
        ImageDraw.Draw(image).rectangle(FRAME.part(0.4, 0.78, 1, 1), fill=WHITE)
        word(image, signature, FRAME.part(0.44, 0.8, 0.98, 0.98))
        name = f"{style}/{artist}_{thing}-{index}.jpg"
        write_image(root / "wikiart" / name, image)
        lines["val" if index % 3 == 2 else "train"].append(f"{name},{GENRES.index(genre)}")
    for split, listed in lines.items():
        write_lines(root / "wikiart_csv" / f"genre_{split}.csv", listed)
