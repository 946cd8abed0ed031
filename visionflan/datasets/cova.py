"""CoVA: screenshots of product pages of 408 online shops, with the shop's domain.

Witnesses of the layout: the owners' repository (kevalmorabia97/CoVA-Web-Object-Detection:
datasets.py opens `imgs/<id>.png`; `splits/webpage_info.csv` has the columns `webpage_name`, which
is that id, and `domain`; its 7,740 rows are the pages that splits/all_imgs.txt lists and README.md
counts). The boxes of price, title and product image are not used: the paper's task is to tell the
website. Each fold has a copy of the same table.

The owners divide the sites into five folds (splits/Readme.txt): the official split is that of the
first one, where `splits/Fold-1/{train,val,test}_imgs.txt` are there.

The target is the registered domain, `walmart.com` for `www.walmart.com`: what stands before it
(`www`, `shop`, `us`, `ads`) is not to be seen on a page. All domains of the release end with one
label (`.com`, `.co`, `.us`, `.shop`), so that two labels are left; a domain of another kind than
these is not cut and comes out as broken.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan import drawing, layouts, specimens
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import icons
from visionflan.hashing import pick, stable_hash
from visionflan.layouts.fields import read_records, text
from visionflan.layouts.official_splits import read_split_lists, write_split_lists
from visionflan.layouts.tables import csv_rows


class Row(NamedTuple):
    key: str
    image: Path
    site: str
    split: str = ""


dataset = Dataset[Row](
    title="CoVA",
    homepage="https://github.com/kevalmorabia97/CoVA-Web-Object-Detection",
    license="unknown",
    terms="""
        The repository with the lists is under Apache-2.0; for the screenshots, which show the pages
        of other companies, the owners state no license.
    """,
    citation="Kumar, Morabia, Wang, Chang, Schwing (2022), CoVA: Context-aware Visual Attention "
    "for Webpage Information Extraction, Workshop on e-Commerce and NLP (ECNLP 5)",
    obtain="""
        Download the directory imgs through the link on the homepage, and copy the directory splits
        of that repository beside it.
    """,
    tree="""
        imgs/1.png
        splits/webpage_info.csv
        splits/Fold-1/{train,val,test}_imgs.txt
    """,
    split_field="split",
    no_group="the pages of a site share the site, which is the answer",
)

FOLD = "Fold-1/{}_imgs.txt"
# Endings of two labels, under which a name is registered as the third.
SECOND_LEVEL = re.compile(r"\.(?:com?|org|net|ac|gov)\.[a-z]{2}$")
DOMAIN = re.compile(r"(?:[a-z0-9-]+\.)*([a-z0-9-]+\.[a-z]+)")


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    table = layouts.require(root / "splits" / "webpage_info.csv", root / "webpage_info.csv")
    lines = enumerate(csv_rows(table, "webpage_name", "domain"), start=1)
    splits = read_split_lists(table.parent, FOLD)
    yield from read_records(table, lines, partial(to_row, root / "imgs", splits))


def to_row(images: Path, splits: dict[str, str], line: dict[str, str]) -> Row | BrokenRow:
    key, domain = text(line, "webpage_name"), text(line, "domain")
    match = DOMAIN.fullmatch(domain)
    if match is None or SECOND_LEVEL.search(domain):
        return BrokenRow(key, "malformed_domain", f"{key} is of the site {domain!r}")
    return Row(key, layouts.inside(images, f"{key}.png"), match[1], splits.get(key, ""))


@dataset.task(
    """
    This screenshot shows one page of an online store. Which website does the page belong to? Answer
    with the domain name in lower case, without "www.", for example "ebay.com".
    """,
    """
    Name the website of the online store whose page was captured here. Write its domain in lower
    case, for example "ebay.com", without "www." at the start.
    """,
    """
    In lower case and in the form "ebay.com", without "www.", write the domain of the shopping site
    that this screenshot comes from.
    """,
    """
    You found a screenshot of a product page and want to visit the store again. What would you type
    as its address? Give only the domain, such as "ebay.com", all in lower case and without "www."
    before it.
    """,
    """
    Look for a logo, a store name or a similar clue on this web page, where something is offered for
    sale. Which domain is it from? Answer as in "ebay.com": lower case, ending included, and without
    "www.".
    """,
    title="CoVA webpage recognition",
    official_name="CoVA+webpage_recognition",
    category="Phrase-Level OCR",
)
def webpage_recognition(row: Row) -> Example:
    return Example(image=row.image, target=row.site)


# What each site's header says, and its color.
SITES = {
    "www.dell.com": ("DELL", "blue"),
    "www.ebay.com": ("ebay", "red"),
    "www.etsy.com": ("Etsy", "orange"),
    "www.lowes.com": ("LOWES", "purple"),
    "www.rei.com": ("REI", "green"),
    "www.jbl.com": ("JBL", "black"),
    "www.abt.com": ("abt", "brown"),
    "shop.usa.canon.com": ("Canon", "gray"),
}
PRODUCTS = ("laptop", "chair", "lamp", "umbrella", "cup", "kite", "book", "television")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lines = ["webpage_name,domain"]
    for index in range(count):
        domain = list(SITES)[(index + stable_hash("cova", index // len(SITES))) % len(SITES)]
        specimens.write_image(root / "imgs" / f"{index + 1}.png", page(domain, index))
        lines.append(f"{index + 1},{domain}")
    specimens.write_lines(root / "splits" / "webpage_info.csv", lines)
    write_split_lists(root / "splits", FOLD, [line.partition(",")[0] for line in lines[1:]])


def page(domain: str, index: int) -> Image.Image:
    """Draw a page: the shop's header, a product, lines of text and a price."""
    name, color = SITES[domain]
    image = drawing.canvas("cova", index)
    pen = ImageDraw.Draw(image)
    header = drawing.FRAME.part(0, 0, 1, 0.4)
    pen.rectangle(header, fill=drawing.COLORS[color])
    drawing.word(image, name, header.part(0.08, 0.08, 0.92, 0.92), drawing.WHITE)
    product = pick(PRODUCTS, 1, "cova", index, "product")[0]
    tint = pick(TINTS, 1, "cova", index, "tint")[0]
    box = drawing.jitter_box(drawing.FRAME.part(0.04, 0.46, 0.5, 0.96), "cova", index, by=0.2)
    icons.icon(image, product, box, tint)
    for line in range(3):
        length = 0.6 + 0.35 * (stable_hash("cova", index, line) % 8) / 8
        pen.line([(54, 48 + 8 * line), (96 * length, 48 + 8 * line)], fill=drawing.BLACK, width=2)
    price = f"${5 + stable_hash('cova', index, 'price') % 90}"
    drawing.word(image, price, drawing.FRAME.part(0.56, 0.76, 0.96, 0.96), drawing.COLORS["red"])
    return image


TINTS = ("red", "blue", "green", "purple", "orange")
