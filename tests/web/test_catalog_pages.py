"""The pages of the catalog: each link leads to a page, and filters and examples are right."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.helpers.board import row_of, write_board
from tests.helpers.web_client import links, read_page, web_client
from visionflan import catalog
from visionflan.builder.preview import render_examples

HOSTILE = "<script>alert(1)</script>\" onload='alert(2)"


@pytest.fixture(scope="module")
def client() -> Any:
    """Return a client of pages without releases."""
    return web_client()


def test_each_page_is_valid_and_links_to_pages_that_exist(client: Any) -> None:
    pages = ["/", "/catalog", "/catalog/coco", "/catalog/coco/itm", "/overlaps"]
    for url in pages:
        read_page(client, url)
    paths = links(client, "/catalog/coco") | links(client, "/catalog/coco/itm")
    assert len(paths) > 20
    for path in paths | links(client, "/") | links(client, "/overlaps"):
        assert client.get(path).status_code == 200, path


@pytest.mark.parametrize(
    ("query", "accepted"),
    [
        ("group=generation", lambda name, task: task.group == "generation"),
        ("category=OCR", lambda name, task: task.category == "OCR"),
        ("dataset=coco", lambda name, task: name == "coco"),
        ("license=CC0-1.0", lambda name, task: catalog.load(name).license == "CC0-1.0"),
        ("sensitive=only", lambda name, task: task.sensitive),
        ("sensitive=without", lambda name, task: not task.sensitive),
        ("words=coco+CAPTION", lambda name, task: name == "coco" and "caption" in task.name),
    ],
)
def test_a_filter_leaves_its_tasks_alone(client: Any, query: str, accepted: Any) -> None:
    expected = {
        f"/catalog/{name}/{task.name}"
        for name, dataset in catalog.load_all()
        for task in dataset.tasks.values()
        if accepted(name, task)
    }
    listed = {link for link in links(client, f"/catalog?{query}") if link.count("/") == 3}
    assert listed >= expected if query.startswith("words") else listed == expected
    assert expected


def test_a_filter_without_tasks_is_a_page(client: Any) -> None:
    assert "No task passes" in read_page(client, "/catalog?words=xyzzy").text


def test_the_examples_are_those_of_the_preview_and_their_images_are_shown(client: Any) -> None:
    page = read_page(client, "/catalog/iconqa/fill_in_blank")
    previews = render_examples("iconqa", "fill_in_blank", 12).previews
    for preview in previews:
        assert " ".join(preview.answer.split()) in page.text
    response = client.get("/catalog/iconqa/fill_in_blank/specimen/0/0")
    assert response.headers["content-type"] in ("image/png", "image/jpeg")
    expected = Image.open(io.BytesIO(previews[0].images[0]))
    assert Image.open(io.BytesIO(response.content)).size == expected.size


@pytest.mark.parametrize(
    "path",
    [
        "/catalog/nothing",
        "/catalog/coco/nothing",
        "/catalog/coco/itm?source=release",  # there is no data root
        "/catalog/coco/itm?source=..",
        "/catalog/coco/itm/specimen/99/0",
        "/catalog/coco/itm/specimen/0/9",
        "/catalog/coco/itm/specimen/-1/0",
        f"/catalog/coco/itm/specimen/{'9' * 5000}/0",
        "/catalog/..%2F..%2Fetc/passwd",
        f"/catalog/{HOSTILE}",
    ],
)
def test_what_does_not_exist_is_a_page_that_says_so(client: Any, path: str) -> None:
    page = read_page(client, path, 404)
    assert page.text


def test_hostile_words_are_text(client: Any) -> None:
    assert HOSTILE in client.get("/catalog", params={"words": HOSTILE}).text.replace(
        "&lt;", "<"
    ).replace("&gt;", ">").replace("&#34;", '"').replace("&#39;", "'")
    read_page(client, f"/catalog?words={HOSTILE}&group={HOSTILE}")


def write_release(root: Path, name: str) -> Path:
    """Write the release of a loose dataset, and return its directory."""
    release = root / name
    catalog.load(name).write_specimen(release, 6)
    return release


def test_examples_come_from_the_release_where_there_is_one(
    loose_dataset: str, tmp_path: Path
) -> None:
    write_release(tmp_path / "data", loose_dataset)
    client = web_client(data_root=tmp_path / "data")
    (task,) = catalog.load(loose_dataset).tasks
    url = f"/catalog/{loose_dataset}/{task}"
    assert "From the release" in read_page(client, url).text
    assert "From the specimen" in read_page(client, f"{url}?source=specimen").text
    assert "From the specimen" in read_page(client, "/catalog/coco/itm").text
    for path in links(client, url):
        assert client.get(path).status_code == 200


def test_an_image_outside_the_data_root_is_not_shown(board: None, tmp_path: Path) -> None:
    Image.new("RGB", (40, 40), "red").save(tmp_path / "secret.png")
    rows: list[Any] = [row_of(0), row_of(1, images=["../../secret.png"])]
    write_board(tmp_path / "data/board", rows, 1)
    client = web_client(data_root=tmp_path / "data")
    page = read_page(client, "/catalog/board/ask")
    assert "it is 0" in page.text
    assert "it is 1" not in page.text
    assert "row k1: image_outside_root" in page.text
    assert client.get("/catalog/board/ask/release/0/0").status_code == 200
    assert client.get("/catalog/board/ask/release/1/0").status_code == 404


def test_hostile_text_of_a_release_is_text(board: None, tmp_path: Path) -> None:
    hostile = row_of(0, text=HOSTILE, target=HOSTILE, key=HOSTILE)
    broken = row_of(1, images=[f"{HOSTILE}.jpg"], key=f"b{HOSTILE}")
    write_board(tmp_path / "data/board", [hostile, broken], 1)
    page = read_page(web_client(data_root=tmp_path / "data"), "/catalog/board/ask")
    assert page.text.count("<script>") == 3
