"""Conceptual Captions: pictures of the web with their alt text, cleaned and made general.

Layout: the release is two tables without a header, `Train_GCC-training.tsv` of 3,318,333 rows and
`Validation_GCC-1.1.0-Validation.tsv` of 15,840, each row a caption and the address of a picture
(the loading script of google-research-datasets/conceptual_captions at Hugging Face; many training
codes name the columns `caption` and `url`). img2dataset, with which most people fetch the pictures
(rom1504/img2dataset, dataset_examples/cc3m.md), wants a header of these two names in front: a
table with it is read too. The mirror pixparse/cc3m-wds at Hugging Face, `cc3m-train-0000.tar` and
on, holds the pictures that could still be had, each with its caption as `<key>.jpg` and
`<key>.txt`; it is read in place of the tables, its validation files included.

The owners replaced names by what they stand for ("actor arrives at the premiere"), and the
instruction says so. Known defects: many addresses lead nowhere any more, so that their rows have
no picture; captions are cut into tokens (" 's", " ."), which are joined again and named.
"""

import tarfile
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, canvas, jitter_box
from visionflan.drawing.icons import icon
from visionflan.errors import ReleaseError
from visionflan.hashing import pick
from visionflan.image_sources import ArchiveMember, ImageSource
from visionflan.image_urls import ImageUrl, ImageUrls
from visionflan.layouts import existing_paths, open_text
from visionflan.layouts.detokenize import join_tokens
from visionflan.layouts.img2dataset import DownloadedImages, write_downloads
from visionflan.plural import counted
from visionflan.specimens import write_lines

TABLES = ("Train_GCC-training.tsv", "Validation_GCC-1.1.0-Validation.tsv")
# As the tables are called where a browser does not put their folder before their names.
STORED = tuple(name.split("_", 1)[1] for name in TABLES)
HEADER = "caption\turl"


class Row(NamedTuple):
    key: str
    image: ImageSource
    caption: str

    @property
    def split(self) -> str:
        """Return the official split, which the name of the table or archive tells."""
        part = self.key.partition("/")[0]
        return "validation" if "validation" in part.lower() else "train"


dataset = Dataset[Row](
    title="Conceptual Captions",
    homepage="https://ai.google.com/research/ConceptualCaptions",
    license="attribution",
    terms="""
        The owners allow use for any purpose and would appreciate being named as the source
        (Google). They do not own the images, each of which has the license of the page that it
        comes from.
    """,
    citation="Sharma, Ding, Goodman, Soricut (2018), Conceptual Captions: A Cleaned, Hypernymed, "
    "Image Alt-text Dataset For Automatic Image Captioning, ACL",
    obtain="""
        Download the training split and the validation split from the homepage, and then the images
        with `visionflan fetch --dataset conceptual_captions`. Or put a first line with the words
        caption and url, separated by a tab, into each table, and download the images with
        img2dataset: --url_list Train_GCC-training.tsv --input_format tsv --url_col
        url --output_folder images/Train_GCC-training, and the same for the other table; both output
        formats, files and webdataset, are read. Or download the files of pixparse/cc3m-wds here.
    """,
    tree="""
        Train_GCC-training.tsv
        Validation_GCC-1.1.0-Validation.tsv
        images/
            Train_GCC-training/
                00000.parquet
                00000/000000000.jpg    or 00000.tar
            Validation_GCC-1.1.0-Validation/...
    """,
    split_field="split",
    no_group="the release does not tell which images belong together",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    if archives := sorted(root.glob("cc3m-*.tar")):
        for archive in archives:
            yield from mirrored(archive)
        return
    for path in existing_paths(*(root / name for name in (*TABLES, *STORED))):
        yield from listed(path, root / "images" / path.stem)


def listed(path: Path, folder: Path) -> Iterator[Row | BrokenRow]:
    """Read a table of captions and addresses, whose pictures were fetched into the folder."""
    fetched = DownloadedImages(folder)
    for place, line in enumerate(table_lines(path)):
        key = f"{path.stem}/{place}"
        match line.split("\t"):
            case [caption, address] if "\0" not in line:
                yield Row(key, fetched.image(place, address), caption)
            case fields:
                detail = f"row {place} of {path} has {counted(len(fields), 'field')}, not 2"
                if "\0" in line:
                    detail = f"row {place} of {path} contains zero bytes"
                yield BrokenRow(key, "malformed_record", detail)


def table_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a table after its header, if it has one."""
    with open_text(path) as lines:
        texts = (line.rstrip("\r\n") for line in lines)
        first = next(texts, HEADER)
        yield from texts if first == HEADER else chain([first], texts)


@dataset.downloads
def image_urls(root: Path) -> Iterator[ImageUrls]:
    for path in existing_paths(*(root / name for name in (*TABLES, *STORED))):
        yield ImageUrls(f"images/{path.stem}", partial(listed_urls, path))


def listed_urls(path: Path) -> Iterator[ImageUrl]:
    for place, line in enumerate(table_lines(path)):
        fields = line.split("\t")
        if len(fields) == 2 and "\0" not in line:
            yield ImageUrl(fields[1], place)


def mirrored(archive: Path) -> Iterator[Row]:
    """Read the captions of an archive that holds a text beside each picture."""
    try:
        with tarfile.open(archive) as members:
            for member in members:
                if member.name.endswith(".txt") and (stream := members.extractfile(member)):
                    key = member.name.removesuffix(".txt")
                    image = ArchiveMember(archive, f"{key}.jpg")
                    yield Row(f"{archive.stem}/{key}", image, stream.read().decode())
    except (tarfile.TarError, UnicodeDecodeError) as error:
        raise ReleaseError(f"{archive} is not an archive of captions: {error}") from error


@dataset.task(
    """
    Write a caption for this picture from the web: one short line, all in lower case. Do not name
    any particular person, brand or place; say what they are instead, such as actor, football
    player, car or city.
    """,
    title="ConceptualCaptions conceptual image captioning",
    official_name="ConceptualCaptions+image_captioning",
    category="Coarse-grained Captioning",
    metric="cider",
)
def image_captioning(row: Row) -> Example:
    caption = join_tokens(row.caption)
    repaired = ("tokenised_words",) if caption != row.caption else ()
    return Example(image=row.image, target=caption, repaired=repaired)


# Captions cut into tokens as those of the release are; the color is filled in.
THINGS = {
    "boat": "a {} boat on the water .",
    "car": "{} automobile model on a plain background",
    "cat": "portrait of a {} cat , facing the camera",
    "chair": "person 's {} chair , standing empty",
    "clock": "clock with a {} rim and two hands",
    "guitar": "a {} guitar ( upright )",
    "tree": "tree with {} leaves in summer",
    "umbrella": "{} umbrella that is n't closed .",
}
COLORS = ("red", "green", "blue", "purple", "brown")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for table, indices in zip(TABLES, (range(0, count, 2), range(1, count, 2)), strict=True):
        lines, pictures = [], []
        for index in indices:
            thing, caption = list(THINGS.items())[index % len(THINGS)]
            color = pick(COLORS, 1, "conceptual captions", index, "colour")[0]
            image = canvas("conceptual captions", index)
            box = jitter_box(FRAME.part(0.05, 0.05, 0.95, 0.95), "conceptual captions", index)
            icon(image, thing, box, color)
            address = f"http://example.com/{thing}-{index}.jpg"
            lines.append(f"{caption.format(color)}\t{address}")
            pictures.append((address, image))
        write_lines(root / table, [HEADER, *lines] if table == TABLES[0] else lines)
        folder = root / "images" / Path(table).stem
        write_downloads(folder, pictures, archive=table == TABLES[1])
