"""Parse a page and collect what makes it invalid, inaccessible or dependent on other files."""

import re
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import NamedTuple

ZOOMABLE = re.compile(
    r'<div class="zoom" id="(?P<id>image-\d+)" popover>'
    r'<button type="button" popovertarget="(?P=id)" aria-label="Show large: (?P<alt>[^"]+)">'
    r'<img src="(?P<uri>data:[^"]+)" alt="(?P=alt)"></button></div>'
)
NARROW_ROW = re.compile(
    r'<th scope="row">(?P<visible>(?:(?!</tr>).)*)</tr>\s*'
    r'(?:<tr class="conclusion">(?:(?!</tr>).)*</tr>\s*)?<tr class="more">(?P<more>.*?)</tr>',
    re.DOTALL,
)
VOID = {"meta", "link", "img", "br", "wbr", "path", "circle", "rect", "polyline", "input"}


class PageReader(HTMLParser):
    """Collects the tags, ids, links, text and problems of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.chunks: list[str] = []

    @property
    def text(self) -> str:
        """The text of the page with single spaces."""
        return " ".join(" ".join(self.chunks).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.counts[tag] += 1
        if tag not in VOID:
            self.open.append(tag)
        if tag == "img" and not attributes.get("alt"):
            self.problems.append("an image without alt text")
        if tag == "th" and attributes.get("scope") not in ("row", "col", "colgroup"):
            self.problems.append("a header cell without scope")
        if tag == "svg" and not (attributes.get("aria-label") or attributes.get("aria-hidden")):
            self.problems.append("a chart without a label")
        for name in ("src", "href"):
            value = attributes.get(name) or ""
            if value and not value.startswith(("data:", "#")):
                self.problems.append(f"external {name}: {value}")
        name, target = attributes.get("id") or "", attributes.get("href") or ""
        self.ids += [name] if name else []
        self.targets += [target[1:]] if target.startswith("#") else []
        self.targets += filter(None, [attributes.get("popovertarget")])

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and "script" not in self.open:
            self.chunks.append(data)


def read(text: str) -> PageReader:
    """Parse a page."""
    reader = PageReader()
    reader.feed(text)
    reader.close()
    return reader


class NarrowRow(NamedTuple):
    """What a row of a compact table hides on a narrow screen, and what unfolds below it."""

    hidden: Sequence[str]
    unfolded: Sequence[str]


def narrow_rows(text: str) -> list[NarrowRow]:
    """Return the numbers, without blanks, and the charts of each row of the compact tables."""
    rows = []
    for match in NARROW_ROW.finditer(text):
        visible, more = match["visible"], match["more"]
        cells = re.findall(r'<td class="number detail">(.*?)</td>', visible, re.DOTALL)
        facts = re.findall(r"<dd>(.*?)</dd>", more, re.DOTALL)
        hidden = [cell for cell in map(plain, cells) if cell != "–"]
        charts = (re.findall("<svg.*?</svg>", html) for html in (visible, more))
        rows.append(NarrowRow(hidden + next(charts), [*map(plain, facts), *next(charts)]))
    return rows


def plain(html: str) -> str:
    """Return the text of a piece of HTML without blanks."""
    return "".join(re.sub("<[^>]*>", "", html).split())


def zoomable_images(text: str) -> list[tuple[str, str]]:
    """Return the alt text and the data URI of each image that opens large without a script."""
    return [(match["alt"], match["uri"]) for match in ZOOMABLE.finditer(text)]
