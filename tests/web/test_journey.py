"""A task in Chromium from its words to an accepted review: written, solved blind, reviewed."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.helpers.browser import WIDTHS, check_layout, checked_page, chromium, serve_pages
from visionflan import catalog
from visionflan.authoring.scaffold import dataset_file
from visionflan.builder.demo import specimens
from visionflan.builder.plan import BuildSettings, plan
from visionflan.builder.run import build

pytest.importorskip("uvicorn", reason="the extra `web` is not installed")

from visionflan.web.open_build import OpenBuild

if TYPE_CHECKING:
    from playwright.sync_api import Page

DATASET, NAME, TITLE = "typed_lab", "figure_recognition", "Typed Lab figure recognition"
ADDED = " Answer with one lowercase word."
KEY_MS = 20  # between two keys
MAX_ITEMS = 20


class Journey(NamedTuple):
    """Pages of two persons, each on a server of their own, and the data root of the build."""

    ada: "Page"
    bob: "Page"
    data_root: Path


@pytest.fixture
def journey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journey]:
    """Yield the first pages of two persons who work on one build of a new dataset."""
    file = tmp_path / f"{DATASET}.py"
    file.write_text(dataset_file(DATASET, "Typed Lab"))
    monkeypatch.setattr(catalog, "loose_files", {})
    monkeypatch.setattr(catalog.DATASETS, "ours", {"pacs"})  # to check few words
    catalog.load.cache_clear()
    catalog.add_file(file)
    with ExitStack() as stack:
        browser = stack.enter_context(chromium())
        data_root = stack.enter_context(specimens([DATASET]))
        settings = BuildSettings(tasks=(DATASET,), hold_out_images=0.2)
        build(data_root, tmp_path / "build", settings)
        opened = OpenBuild(tmp_path / "build")
        pages: list[Page] = []
        for person in ("ada", "bob"):
            served = serve_pages(builds=[opened], person=person, answers=tmp_path / "answers")
            url = stack.enter_context(served)
            page = stack.enter_context(checked_page(browser, url, WIDTHS[0]))
            page.goto(url)
            pages.append(page)
        yield Journey(pages[0], pages[1], data_root)
    catalog.load.cache_clear()


def open_link(page: "Page", *names: str) -> None:
    """Follow links by their names."""
    for name in names:
        page.get_by_role("link", name=name).first.click()
        page.locator("footer").wait_for()
        check_layout(page)


def write(page: "Page") -> None:
    """Type words into the instruction, see them in the examples, and save them."""
    open_link(page, "Tasks", TITLE, "Edit the words")
    field = page.get_by_label("Instruction", exact=True)
    before = field.input_value()
    field.press("Control+End")
    field.press_sequentially(ADDED, delay=KEY_MS)
    page.locator("#examples dd").filter(has_text=ADDED.strip()).first.wait_for()
    assert field.input_value() == before + ADDED
    assert field.evaluate("field => field === document.activeElement")
    page.reload()
    assert field.input_value() == before + ADDED
    page.locator("#show-changes").click()
    assert ADDED.strip() in page.locator("#diff ins").last.inner_text()
    page.locator("#save").click()
    page.locator("#saved").wait_for()


def decide(page: "Page", action: str, comment: str = "") -> None:
    """Open the review of the task, and press a button."""
    open_link(page, "Reviews", TITLE)
    if comment:
        page.get_by_label("Your comment").fill(comment)
    page.locator(f"#action-{action}").press("Enter")
    page.locator("#history ~ ol").wait_for()


def solve(page: "Page") -> int:
    """Answer all items of the task by the keyboard alone, and return how many there are."""
    page.goto(f"{page.url.partition('/reviews')[0]}/builds/0")
    open_link(page, "Solve blind", TITLE)
    for answered in range(MAX_ITEMS):
        if not page.get_by_label("Your answer").count():
            return answered
        page.locator("textarea:focus").wait_for()
        page.keyboard.type("circle")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name=f"Item {answered + 1} of").wait_for(state="detached")
        page.locator("footer").wait_for()
    raise AssertionError(page.url)


def test_a_task_is_written_solved_and_accepted(journey: Journey) -> None:
    ada, bob = journey.ada, journey.bob
    task = catalog.load(DATASET).tasks[NAME]
    write(ada)
    written = catalog.load(DATASET).tasks[NAME]
    assert written.instruction == task.instruction + ADDED
    assert written.phrasings[1:] == task.phrasings[1:]
    decide(ada, "submit")
    decide(bob, "revise", "Name the figures that occur.")
    assert ada.locator("#action-accept").count() == 0
    open_link(ada, "Reviews", TITLE)
    ada.get_by_role("button", name="Resolve").click()
    ada.get_by_text("resolved by ada").wait_for()
    decide(ada, "submit")
    assert 1 <= solve(bob) < MAX_ITEMS
    assert "circle" in bob.locator("main").inner_text()
    decide(bob, "accept")
    assert "bob accepted it" in bob.locator("#review-state").inner_text()
    reviewed = plan(journey.data_root, BuildSettings(tasks=(DATASET,), reviewed_only=True))
    assert reviewed.tasks == {DATASET: [NAME]}
