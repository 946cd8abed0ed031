"""Two builds side by side: the pages count and show what a comparison row by row finds."""

import html
import re
import shutil
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.helpers.tiny_checkpoint import write_build
from tests.helpers.web_client import links, read_page, web_client
from visionflan.storage import arrow_cache
from visionflan.storage.instance import Instance, Turn

pytest.importorskip("starlette", reason="the extra `web` is not installed")

from visionflan.diff.run import KINDS, ComparedTask, compare_task
from visionflan.web import build_pair, diff_pages
from visionflan.web.answer_balance import paired_balance
from visionflan.web.background import BackgroundCalls
from visionflan.web.build_pair import BuildPair
from visionflan.web.open_build import OpenBuild

HOSTILE = "<script>alert(1)</script>\" onload='alert(2)"
COUNT, TASK = 60, "tiny/color"  # every second instance is of this task
MOVED, CHANGED = (4, 6), (0, 10, 12)


def move(one: Instance) -> Instance:
    return one._replace(split="held_out" if one.split == "train" else "train")


def answer_anew(one: Instance) -> Instance:
    """Return an instance with another target, which only its references show as well."""
    turns = (one.turns[0], Turn("assistant", HOSTILE))
    return one._replace(turns=turns, target=HOSTILE, references=(HOSTILE,))


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> list[OpenBuild]:
    """Return two builds: in the second rows are missing, changed and moved, all of one task."""
    root = tmp_path_factory.mktemp("pair")
    change: Any = dict.fromkeys(MOVED, move) | dict.fromkeys(CHANGED, answer_anew)
    a = write_build(root / "first", count=COUNT)
    b = write_build(root / "second", count=COUNT - 6, change=change)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrow_cache, "ROWS_AT_ONCE", 7)
        opened = [OpenBuild(a), OpenBuild(b)]
        assert all(len(build.directory.batches) > 2 for build in opened)
        return opened


@pytest.fixture
def client(builds: list[OpenBuild]) -> Any:
    """Return a client of the pages of both builds."""
    return web_client(builds=builds)


def diff_url(path: str = "", **query: object) -> str:
    """Return the URL of a page of two builds."""
    return f"/diff{path}?{urlencode(query)}"


def rows_by_id(build: OpenBuild) -> dict[str, Instance]:
    return {one.id: one for one in build.directory.instances(tasks=[TASK])}


def ids_by_kind(builds: list[OpenBuild]) -> dict[str, set[str]]:
    """Return the ids of the rows of the task that differ, by comparing them in Python."""
    a, b = map(rows_by_id, builds)
    pairs = {name: (a[name], b[name]) for name in a.keys() & b.keys() if a[name] != b[name]}
    moved = {name for name, (one, other) in pairs.items() if move(one) == other}
    return {
        "added": b.keys() - a.keys(),
        "lost": a.keys() - b.keys(),
        "changed": pairs.keys() - moved,
        "moved": moved,
    }


def markup_of(client: Any, url: str, status: int = 200) -> str:
    """Return the markup of a page after checking it."""
    read_page(client, url, status)
    markup: str = client.get(url).text
    return markup


def text_of(page: str) -> str:
    """Return the words of a page, with single spaces."""
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))


def test_the_first_page_has_the_counts_of_each_task_with_reasons(
    client: Any, builds: list[OpenBuild]
) -> None:
    expected = {kind: len(ids) for kind, ids in ids_by_kind(builds).items()}
    assert expected == {"added": 0, "lost": 3, "changed": 3, "moved": 2}
    page = markup_of(client, "/diff")
    start = page.index(TASK)
    counts = text_of(page[start : page.index("</tr>", start)])
    same = COUNT // 2 - sum(expected.values())
    assert counts.endswith(f"{same} 0 3 3 2")
    assert "target 3, references 3" in page
    assert set(re.findall(r'value="(\d)" selected', page)) == {"0", "1"}


@pytest.mark.parametrize("kind", KINDS)
def test_all_rows_of_a_kind_are_listed_with_both_targets(
    client: Any, builds: list[OpenBuild], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diff_pages, "ROWS_PER_PAGE", 2)
    expected = ids_by_kind(builds)[kind]
    listed: set[str] = set()
    for number in range(1, len(expected) // 2 + 2):
        url = diff_url("/task", a=0, b=1, name=TASK, kind=kind, page=number)
        page = markup_of(client, url)
        listed |= set(re.findall(r'/diff/row\?[^"]*">([^<]+)</a>', page))
    if expected:
        assert listed == expected
    assert HOSTILE not in page


def test_a_row_is_shown_in_both_builds(client: Any, builds: list[OpenBuild]) -> None:
    name = min(ids_by_kind(builds)["changed"])
    text = markup_of(client, diff_url("/row", a=0, b=1, id=name))
    a, b = (rows_by_id(build)[name] for build in builds)
    sides = text.split('class="diff-side"')[1:]
    for side, instance, number in zip(sides, (a, b), (0, 1), strict=True):
        assert instance.prompt.split("\n")[-1] in html.unescape(side)
        assert instance.target in html.unescape(side)
        assert all(f"/builds/{number}/images/{image}" in side for image in instance.images)
    assert "references" in text[text.index('id="diff-fields"') :]
    for link in links(client, diff_url("/row", a=0, b=1, id=name)):
        assert client.get(link).status_code == 200, link


def test_rows_are_joined_by_id_wherever_they_are(builds: list[OpenBuild]) -> None:
    a, b = map(rows_by_id, builds)
    rows = BuildPair(builds, BackgroundCalls()).rows(list(a))
    assert [row.id for row in rows] == list(a)
    for row in rows:
        assert row.instances == [a[row.id], b.get(row.id)]
        assert bool(row.fields) == (b.get(row.id, a[row.id]) != a[row.id])


def test_a_row_of_one_build_says_so(client: Any, builds: list[OpenBuild]) -> None:
    name = min(ids_by_kind(builds)["lost"])
    text = text_of(markup_of(client, diff_url("/row", id=name)))
    assert "Only one of the builds has this row." in text
    assert "B: second This build does not have the row." in text


def test_two_equal_builds_have_no_rows_that_differ(client: Any) -> None:
    page = markup_of(client, diff_url(a=1, b=1))
    assert 'id="diff-tasks"' not in page
    assert "3 tasks of 3 with the same rows" in text_of(page)
    page = markup_of(client, diff_url("/task", a=1, b=1, name=TASK))
    assert "All rows of this task are the same in both builds." in text_of(page)


def test_builds_in_the_other_order_have_gained_what_was_lost(
    client: Any, builds: list[OpenBuild]
) -> None:
    diff = BuildPair(builds[::-1], BackgroundCalls()).compare([TASK], 60.0)[TASK].diff
    assert (diff.added, diff.lost, diff.changed, diff.moved) == (3, 0, 3, 2)
    markup_of(client, diff_url(a=1, b=0))


def test_pages_show_what_is_known_and_load_again_for_the_rest(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = Event()

    def compare_later(*arguments: Any) -> ComparedTask:
        assert allowed.wait(60)
        return compare_task(*arguments)

    monkeypatch.setattr(build_pair, "compare_task", compare_later)
    monkeypatch.setattr(diff_pages, "SECONDS", 0.01)
    page = markup_of(client, "/diff")
    assert "0 of 3 tasks so far" in text_of(page)
    assert 'http-equiv="refresh"' in page
    page = markup_of(client, diff_url("/task", name=TASK))
    assert "are being compared" in text_of(page)
    assert 'http-equiv="refresh"' in page
    allowed.set()
    monkeypatch.setattr(diff_pages, "SECONDS", 60.0)
    page = markup_of(client, "/diff")
    assert "so far" not in page
    assert 'http-equiv="refresh"' not in page


def test_a_comparison_that_failed_is_tried_again(
    client: Any, builds: list[OpenBuild], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> ComparedTask:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(build_pair, "compare_task", fail)
        assert "No space left" in text_of(markup_of(client, "/diff", 500))
    read_page(client, "/diff")


def test_answers_of_both_builds_are_counted_by_target(builds: list[OpenBuild]) -> None:
    balance = paired_balance(builds, TASK, "train")
    trained = [[one for one in rows_by_id(b).values() if one.split == "train"] for b in builds]
    assert balance.instances == [len(rows) for rows in trained]
    for row in balance.answers:
        assert row.instances == [sum(one.target == row.answer for one in s) for s in trained]
    shares = [
        max(count / total for count, total in zip(row.instances, balance.instances, strict=True))
        for row in balance.answers
    ]
    assert shares == sorted(shares, reverse=True)
    assert HOSTILE in [row.answer for row in balance.answers]


def test_a_build_that_was_written_again_is_refused(tmp_path: Path) -> None:
    opened = [OpenBuild(write_build(tmp_path / name, count=8)) for name in ("a", "b")]
    shutil.rmtree(tmp_path / "b")
    write_build(tmp_path / "b", count=10)
    text = text_of(markup_of(web_client(builds=opened), "/diff", 500))
    assert "was built again: restart the server" in text


@pytest.mark.parametrize(
    "url",
    [
        diff_url(a=0, b=2),
        diff_url(a="x"),
        diff_url("/task", name="tiny/none"),
        diff_url("/row", id="../../etc/passwd"),
    ],
)
def test_what_does_not_exist_is_not_found(client: Any, url: str) -> None:
    markup_of(client, url, 404)


def test_one_build_is_not_compared(builds: list[OpenBuild]) -> None:
    client = web_client(builds=builds[:1])
    assert "two builds" in text_of(markup_of(client, "/diff", 404))
    assert 'href="/diff"' not in client.get("/").text
