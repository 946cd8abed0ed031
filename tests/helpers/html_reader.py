"""Read pages as a browser would, and note what it would not forgive."""

from collections import Counter
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "wbr", "path", "circle", "rect", "polyline", "input"}


class Reader(HTMLParser):
    """Reads a page as a browser would, and notes what it would not forgive."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.counts[tag] += 1
        if tag not in VOID:
            self.open.append(tag)
        if tag == "img" and not told.get("alt"):
            self.faults.append("a picture without words")
        if tag == "th" and told.get("scope") not in ("row", "col", "colgroup"):
            self.faults.append("a heading that heads nothing")
        if tag == "svg" and not (told.get("aria-label") or told.get("aria-hidden")):
            self.faults.append("a chart without words")
        for name in ("src", "href"):
            value = told.get(name) or ""
            if value and not value.startswith(("data:", "#")):
                self.faults.append(f"{name} leads elsewhere: {value}")
        name, target = told.get("id") or "", told.get("href") or ""
        self.ids += [name] if name else []
        self.targets += [target[1:]] if target.startswith("#") else []

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and "script" not in self.open:
            self.text.append(data)


def read(text: str) -> Reader:
    """Read a page."""
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader
