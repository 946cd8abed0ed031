"""Pages of a real server in headless Chromium, and what a person would find wrong in them."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HOST = "127.0.0.1"
WIDTHS = (1280, 420)
HEIGHT = 900
START_SECONDS = PAGE_SECONDS = 20
FOCUSABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary"
UNREACHABLE = """selector => [...document.querySelectorAll(selector)]
    .filter(one => one.checkVisibility() && !one.disabled && one.tabIndex < 0)
    .map(one => one.outerHTML.slice(0, 100))"""
OUTLINE = """() => {
    const style = getComputedStyle(document.activeElement);
    return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
}"""
BROKEN_IMAGES = """async () => {
    const images = [...document.images];
    for (const image of images) image.loading = 'eager';
    await Promise.all(images.map(image => image.decode().catch(() => null)));
    return images.filter(image => !image.naturalWidth).map(image => image.src);
}"""
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Open the Chromium of the system; skip where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.skip("no Chromium is on this machine")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def serve_pages(**sources: Any) -> Iterator[str]:
    """Serve the pages of some sources from a thread, and yield the URL of the first page."""
    import uvicorn

    from visionflan.web.server import access_for, listen, page_url, server_for
    from visionflan.web.sources import Sources

    with listen(HOST, 0) as listener:
        server: uvicorn.Server = server_for(Sources(**sources), access_for(HOST))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield page_url(HOST, listener.getsockname()[1], "")
        finally:
            server.should_exit = True
            thread.join(START_SECONDS)


@contextmanager
def checked_page(browser: "Browser", url: str, width: int, **options: Any) -> Iterator["Page"]:
    """Open an empty page; at the end, raise for all that it logged, loaded elsewhere or lost."""
    context = browser.new_context(viewport={"width": width, "height": HEIGHT}, **options)
    context.set_default_timeout(1000 * PAGE_SECONDS)
    problems: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: problems.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on("dialog", lambda dialog: problems.append(f"dialog: {dialog.message}"))
    page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))

    def check_host(request: Any) -> None:
        if not request.url.startswith((url, "data:")):
            problems.append(f"foreign: {request.url}")

    page.on("request", check_host)
    try:
        yield page
    finally:
        context.close()
    assert problems == []


def check_layout(page: "Page") -> None:
    """Check that nothing is cut off at the side, no image is broken, and the keyboard suffices."""
    assert page.evaluate(OVERFLOW) <= 0, page.url
    assert page.evaluate(BROKEN_IMAGES) == [], page.url
    assert page.evaluate(UNREACHABLE, FOCUSABLE) == [], page.url


def check_keyboard(page: "Page", num_keys: int = 12) -> None:
    """Check that Tab leads first to the link to the content, and that the focus is visible."""
    page.locator("body").press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip", page.url
    for _ in range(num_keys):
        if page.evaluate("document.activeElement === document.body"):
            break  # the end of the page
        assert page.evaluate(OUTLINE), page.evaluate("document.activeElement.outerHTML")
        page.keyboard.press("Tab")
