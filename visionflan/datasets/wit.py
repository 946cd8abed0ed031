"""WIT: pictures of Wikipedia in 108 languages with their captions and the text around them.

Layout: the owners' DATA.md (google-research-datasets/wit) gives ten compressed tables,
`wit_v1.train.all-00000-of-00010.tsv.gz` and on, of the 17 columns read here by name, and a sample
of one per cent; tensorflow_datasets (vision_language/wit/wit.py) adds five tables each for `val`
and `test` and reads all of them as tab-separated values with minimal quotes. All have the texts and
all are read, compressed or not, one line at a time.

The release has addresses and no pictures, and no downloader belongs to it. Where they are looked
for is what img2dataset makes of each table (see `layouts_img2dataset.py`).

The paper's one published instance takes the article's first section as background ("Alexandrovskaya
Square is a city square of Taganrog."). That section tells of a picture only where the picture shows
the article's subject, so the task takes the main image of each article. Rows of other languages
than English are passed over. Line ends and several blanks are fixed and noted.
"""

import csv
import gzip
from collections.abc import Iterator
from functools import partial
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, canvas, jitter_box
from visionflan.drawing.icons import icon
from visionflan.errors import ReleaseError, UnusableError
from visionflan.hashing import pick
from visionflan.image_sources import ImageSource
from visionflan.image_urls import ImageUrl, ImageUrls
from visionflan.layouts.fields import text
from visionflan.layouts.img2dataset import DownloadedImages, write_downloads
from visionflan.layouts.official_splits import split_of
from visionflan.layouts.tables import csv_rows

COLUMNS = (
    *("language", "page_url", "image_url", "page_title", "section_title"),
    *("hierarchical_section_title", "caption_reference_description"),
    *("caption_attribution_description", "caption_alt_text_description", "mime_type"),
    *("original_height", "original_width", "is_main_image", "attribution_passes_lang_id"),
    *("page_changed_recently", "context_page_description", "context_section_description"),
)
# A lost quote makes one cell of the rest of a table: no row of an encyclopedia is this long.
LONGEST_ROW = 1 << 22


class Row(NamedTuple):
    key: str
    image: ImageSource
    is_main: bool
    page_description: str
    page: str = ""

    @property
    def split(self) -> str:
        """Return the official split, which the name of the table tells."""
        return split_of(self.key.split(".")[1])


dataset = Dataset[Row](
    title="WIT",
    homepage="https://github.com/google-research-datasets/wit",
    license="CC-BY-SA-3.0",
    terms="""
        The license is that of the texts. Each image has its own license at Wikimedia Commons or
        at the Wikipedia that it is from.
    """,
    citation="Srinivasan, Raman, Chen, Bendersky, Najork (2021), WIT: Wikipedia-based Image Text "
    "Dataset for Multimodal Multilingual Machine Learning, SIGIR",
    obtain="""
        Download one or more of the tables by the links in DATA.md of the homepage. Only the rows in
        English are used, about one in seven: to download fewer images, remove the other rows from
        the tables first. Then download the images with `visionflan fetch --dataset wit`, which
        leaves those rows out itself, or those of each table with img2dataset: --url_list
        wit_v1.train.all-00000-of-00010.tsv.gz --input_format tsv.gz --url_col image_url
        --output_folder images/wit_v1.train.all-00000-of-00010; both output formats, files and
        webdataset, are read. Wikimedia asks for a user agent that says who you are.
    """,
    tree="""
        wit_v1.train.all-00000-of-00010.tsv.gz
        wit_v1.val.all-00000-of-00005.tsv.gz
        images/
            wit_v1.train.all-00000-of-00010/
                00000.parquet
                00000/000000000.jpg    or 00000.tar
    """,
    split_field="split",
    group_field="page",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    tables = sorted((*root.glob("wit_v1.*.tsv"), *root.glob("wit_v1.*.tsv.gz")))
    if not tables:
        raise ReleaseError(f"{root} has no table wit_v1.*.tsv.gz: download one from the owners")
    for path in tables:
        name = path.name.split(".tsv")[0]
        fetched = DownloadedImages(root / "images" / name)
        for place, line in enumerate(csv_rows(path, *COLUMNS, delimiter="\t", longest=LONGEST_ROW)):
            if isinstance(line, BrokenRow):
                yield line
            elif not line["language"]:
                detail = f"row {place} of {path} has no language"
                yield BrokenRow(f"{name}/{place}", "malformed_record", detail)
            elif line["language"] == "en":
                yield Row(
                    f"{name}/{place}",
                    fetched.image(place, text(line, "image_url")),
                    line["is_main_image"].lower() == "true",
                    text(line, "context_page_description"),
                    text(line, "page_url"),
                )


@dataset.downloads
def image_urls(root: Path) -> Iterator[ImageUrls]:
    for path in sorted((*root.glob("wit_v1.*.tsv"), *root.glob("wit_v1.*.tsv.gz"))):
        yield ImageUrls(f"images/{path.name.split('.tsv')[0]}", partial(listed_urls, path))


def listed_urls(path: Path) -> Iterator[ImageUrl]:
    for place, line in enumerate(csv_rows(path, *COLUMNS, delimiter="\t", longest=LONGEST_ROW)):
        if not isinstance(line, BrokenRow) and line["language"] == "en":
            yield ImageUrl(line["image_url"], place)


@dataset.task(
    """
    This is the main image of an article in an encyclopedia. Identify its subject, and write the
    opening of the article: what or who it is, and the facts that a reader should know first.
    """,
    title="WIT background knowledge extraction",
    official_name="WIT+detailed_description",
    category="Knowledge Extraction",
    metric="rouge_l",
)
def detailed_description(row: Row) -> Example | None:
    if not row.is_main:
        return None
    description = " ".join(row.page_description.split())
    if not description:
        raise UnusableError("no_background", "the row has no text of its article")
    repaired = ("trimmed_blanks",) if description != row.page_description else ()
    return Example(image=row.image, target=description, repaired=repaired)


ARTICLES = {
    "airplane": "An airplane is a flying vehicle with wings. It is held up by the air.",
    "bicycle": "A bicycle is a vehicle with two wheels. Its rider turns the pedals.",
    "butterfly": "A butterfly is an insect with four wings. It grows out of a caterpillar.",
    "crab": "The crab is an animal with ten legs. It walks sideways.",
    "elephant": "The elephant is the largest animal on land. It drinks with its trunk.",
    "pizza": "Pizza is a dish of Italian origin. It is baked in a hot oven.",
    "pyramid": "A pyramid is a building with sloping sides. The oldest stand in Egypt.",
    "umbrella": "An umbrella is a shelter against the rain. It is carried in the hand.",
}
COLORS = ("red", "green", "blue", "orange", "purple", "brown")
PARTS = ("wit_v1.train.all-00000-of-00010", "wit_v1.val.all-00000-of-00005")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for name, indices in zip(PARTS, (range(0, count, 2), range(1, count, 2)), strict=True):
        rows: list[dict[str, str]] = []
        pictures: list[tuple[str, Image.Image]] = []
        for index in indices:
            rows += (article_row(index, "en"), article_row(index, "de"))
            address = rows[-1]["image_url"]
            pictures += [(address, drawn(index)), (address, drawn(index))]
        stream = StringIO()
        table = csv.DictWriter(stream, COLUMNS, delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        root.mkdir(parents=True, exist_ok=True)
        compressed = gzip.compress(stream.getvalue().encode(), mtime=0)
        (root / f"{name}.tsv.gz").write_bytes(compressed)
        write_downloads(root / "images" / name, pictures, archive=name == PARTS[1])


def article_row(index: int, language: str) -> dict[str, str]:
    """Fill in a row of the article on one thing; every fifth picture is not its main one."""
    thing, text = list(ARTICLES.items())[index % len(ARTICLES)]
    described = text if language == "en" else f"Artikel über {thing}."
    return dict.fromkeys(COLUMNS, "") | {
        "language": language,
        "page_url": f"https://{language}.wikipedia.org/wiki/{thing.capitalize()}",
        "image_url": f"http://upload.wikimedia.org/wikipedia/commons/0/00/{thing}_{index}.jpg",
        "page_title": thing.capitalize(),
        "mime_type": "image/jpeg",
        "is_main_image": "false" if index % 5 == 4 else "true",
        "page_changed_recently": "true",
        "context_page_description": described.replace(". ", ".\n", index % 2),
    }


def drawn(index: int) -> Image.Image:
    """Draw the thing of an article in some color."""
    thing = list(ARTICLES)[index % len(ARTICLES)]
    image = canvas("wit", index)
    box = jitter_box(FRAME.part(0.04, 0.04, 0.96, 0.96), "wit", index, by=0.2)
    icon(image, thing, box, pick(COLORS, 1, "wit", index, "colour")[0])
    return image
