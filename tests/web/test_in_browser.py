"""Every page in Chromium: nothing is cut off, broken, logged or loaded from elsewhere."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.browser import (
    WIDTHS,
    check_keyboard,
    check_layout,
    checked_page,
    chromium,
    serve_pages,
)
from tests.helpers.tiny_checkpoint import write_build
from visionflan.storage.instance import Turn

pytest.importorskip("uvicorn", reason="the extra `web` is not installed")

from visionflan.web.open_build import OpenBuild

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HOSTILE = "<script>alert(1)</script>\" onload='alert(2)' <img src=x onerror=alert(3)>"
MAX_KINDS = 40


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def url(browser: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of pages of two builds with hostile words, the second with more of them."""

    def hostile(one: Any) -> Any:
        turns = (Turn("user", f"<image>\n{HOSTILE}"), Turn("assistant", HOSTILE))
        return one._replace(turns=turns, target=HOSTILE, instruction=HOSTILE, split="held_out")

    root = tmp_path_factory.mktemp("browser")
    builds = [
        OpenBuild(write_build(root / name, count=12, texts=2, change=dict.fromkeys(rows, hostile)))
        for name, rows in (("build", (0, 1)), ("other", (0, 1, 2)))
    ]
    with serve_pages(builds=builds, person="ada", answers=root / "answers") as address:
        yield address


def kind_of(link: str) -> str:
    """Return the page that a link leads to, without what it is about."""
    path, _, query = link.partition("?")
    path = re.sub(r"^/catalog/[^/]+(/|$)", r"/catalog/DATASET\1", path)
    path = re.sub(r"^(/catalog/DATASET)/[^/]+$", r"\1/TASK", path)
    path = re.sub(r"^/reviews/[^/]+/[^/]+$", "/reviews/DATASET/TASK", path)
    return re.sub(r"\d+", "N", path) + "?" + ",".join(re.findall(r"(\w+)=", query))


def visit_one_of_each_kind(page: "Page", url: str) -> Iterator[str]:
    """Visit a page of each kind that can be reached from the first one, and yield their links."""
    kinds, waiting = set(), ["/"]
    while waiting:
        link = waiting.pop()
        page.goto(url.rstrip("/") + link)
        yield link
        links = page.eval_on_selector_all(
            "a[href^='/']:not(:has(img))", "links => links.map(link => link.getAttribute('href'))"
        )
        for link in links:
            if (kind := kind_of(link)) not in kinds:
                kinds.add(kind)
                waiting.append(link)
        assert len(kinds) <= MAX_KINDS, sorted(kinds)


@pytest.mark.parametrize(("width", "scheme"), [(WIDTHS[0], "light"), (WIDTHS[1], "dark")])
def test_every_page_is_whole_at_each_width(
    browser: "Browser", url: str, width: int, scheme: str
) -> None:
    with checked_page(browser, url, width, color_scheme=scheme) as page:
        visited = set()
        for link in visit_one_of_each_kind(page, url):
            visited.add(link.partition("?")[0])
            assert page.locator("h1").is_visible(), link
            check_layout(page)
        assert {
            "/catalog",
            "/overlaps",
            "/reviews",
            "/builds/0/ledger",
            "/builds/0/solve",
        } <= visited
        assert {"/diff", "/diff/task", "/diff/row"} <= visited


def test_the_keyboard_leads_through_a_page(browser: "Browser", url: str) -> None:
    with checked_page(browser, url, WIDTHS[0]) as page:
        page.goto(url + "builds/0/instances")
        check_keyboard(page)
        page.goto(url + "builds/0/instances")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "content"
