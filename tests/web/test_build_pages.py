"""The pages of a build: every instance is found by each of its properties, with its relatives."""

import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from tests.helpers.board import MakeBoard, board_image, row_of, upside_down
from tests.helpers.stored_instances import instance
from tests.helpers.tiny_checkpoint import write_build
from tests.helpers.web_client import links, read_page, web_client
from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.errors import BuildError
from visionflan.image_files import decode_image
from visionflan.storage.instance import Instance, Turn
from visionflan.storage.schema import LedgerEntry, TaskInfo

pytest.importorskip("starlette", reason="the extra `web` is not installed")

from visionflan.web.answer_balance import answer_balance
from visionflan.web.instance_search import InstanceQuery, parse_words, search_instances
from visionflan.web.open_build import OpenBuild
from visionflan.web.related_instances import related_instances

HOSTILE = "<script>alert(1)</script>\" onload='alert(2)"
COUNT, TEXTS = 24, 6


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> OpenBuild:
    """Return a build of plain colors, some with equal images, those of one color much alike."""
    out = tmp_path_factory.mktemp("web") / "colors"
    change: Any = {index: lambda one: one._replace(split="held_out") for index in (0, 5, 9)}
    first_images: list[str] = []

    def note_image(one: Instance) -> Instance:
        first_images.extend(one.images)
        return one

    def share_image(one: Instance) -> Instance:
        return one._replace(images=tuple(first_images))

    change |= {1: note_image, 7: share_image, 14: share_image}
    return OpenBuild(write_build(out, count=COUNT, texts=TEXTS, change=change))


@pytest.fixture
def client(build: OpenBuild) -> Any:
    """Return a client of the pages of that build."""
    return web_client(builds=[build])


def instance_links(client: Any, url: str) -> list[int]:
    """Return the numbers of the instances that a page lists, in order."""
    pattern = r'href="/builds/0/instances/(\d+)">'
    return [int(number) for number in re.findall(pattern, client.get(url).text)]


def test_each_page_is_valid_and_links_to_pages_that_exist(client: Any) -> None:
    urls = ["/", "/builds/0", "/builds/0/instances", "/builds/0/ledger"]
    urls += ["/builds/0/task?name=tiny/color", "/builds/0/instances/0", "/builds/0/instances/29"]
    for url in urls:
        read_page(client, url)
        for path in links(client, url):
            assert client.get(path).status_code == 200, path


words = st.sampled_from(["red", "BLUE", "what color", "is it ?", "??", "xyzzy", ".*", "green red"])
queries = st.builds(
    InstanceQuery,
    task=st.sampled_from(["", "tiny/color", "tiny/text", "nothing"]),
    split=st.sampled_from(["", "train", "held_out"]),
    id=st.sampled_from(["", "1", "tiny/repeat/", "TINY", "color/2"]),
    words=st.lists(words, max_size=2).map(lambda parts: " ".join(f'"{part}"' for part in parts)),
)


@given(query=queries)
@example(query=InstanceQuery(words="BLUE"))
@example(query=InstanceQuery(words='"is it" what'))
@example(query=InstanceQuery(words=".*"))
def test_a_search_finds_what_a_loop_over_all_instances_finds(
    build: OpenBuild, query: InstanceQuery
) -> None:
    expected = [
        index
        for index, one in enumerate(build.directory.instances())
        if query.task in ("", one.task)
        and query.split in ("", one.split)
        and query.id in one.id
        and all(
            any(word.casefold() in turn.text.casefold() for turn in one.turns)
            for word in parse_words(query.words)
        )
    ]
    assert search_instances(build, query).tolist() == expected


@given(text=st.text(max_size=20))
def test_a_search_for_any_text_fails_nowhere(build: OpenBuild, text: str) -> None:
    query = InstanceQuery(words=text, id=text, task=text[:1])
    assert search_instances(build, query).tolist() in ([], list(range(COUNT + TEXTS)))


@given(index=st.integers(0, COUNT + TEXTS - 1))
def test_relatives_are_the_others_with_an_image_of_the_same_group(
    build: OpenBuild, index: int
) -> None:
    directory = build.directory
    own = directory.instance(index).images
    groups = {directory.image_group(image) for image in own}
    same, near = set(), set()
    for other, one in enumerate(directory.instances()):
        if other != index and set(one.images) & set(own):
            same.add(other)
        elif other != index and {directory.image_group(image) for image in one.images} & groups:
            near.add(other)
    related = related_instances(build, index)
    assert set(related.same_image.tolist()) == same
    assert set(related.near_duplicate.tolist()) == near


def test_the_tested_build_has_relatives(build: OpenBuild) -> None:
    related = related_instances(build, build.directory.instances().column("key").index("1"))
    assert len(related.same_image) == 2
    assert len(related.near_duplicate) > 0


def test_the_balance_is_the_count_of_the_targets(build: OpenBuild) -> None:
    chosen = build.directory.instances("train", ["tiny/color"])
    counts = Counter(one.target for one in chosen)
    balance = answer_balance(build, "tiny/color", "train")
    assert {row.answer: row.instances for row in balance.answers} == counts
    assert (balance.instances, balance.distinct) == (len(chosen), len(counts))
    lengths = sorted(len(one.target) for one in chosen)
    assert balance.characters[::2] == (lengths[0], lengths[-1])
    assert balance.answers[0].instances == max(counts.values())


def test_a_long_list_is_divided_and_each_instance_is_on_one_part(
    build: OpenBuild, client: Any
) -> None:
    url, numbers = "/builds/0/instances?split=train", list[int]()
    while url:
        numbers += instance_links(client, url)
        match = re.search(r'href="(\?[^"]*)" rel="next"', client.get(url).text)
        url = f"/builds/0/instances{match[1].replace('&amp;', '&')}" if match else ""
    expected = search_instances(build, InstanceQuery(split="train"))
    assert numbers == expected.tolist()
    assert instance_links(client, "/builds/0/instances?page=99999999") == [24, 25, 26, 27, 28, 29]


def test_an_instance_is_shown_with_its_parts_and_image(build: OpenBuild, client: Any) -> None:
    one = build.instance(3)
    page = read_page(client, "/builds/0/instances/3")
    for part in (one.id, one.answer, one.task, one.key, one.images[0], one.metric):
        assert part in page.text
    response = client.get(f"/builds/0/images/{one.images[0]}")
    assert response.headers["cache-control"].startswith("private")
    width, height, _ = build.directory.image_header(one.images[0])
    assert Image.open(io.BytesIO(response.content)).size == (width, height)


@pytest.mark.parametrize(
    "path",
    [
        "/builds/1",
        "/builds/x/instances",
        "/builds/0/task?name=tiny/nothing",
        "/builds/0/instances/30",
        "/builds/0/instances/-1",
        f"/builds/0/instances/{'9' * 5000}",
        f"/builds/0/images/{'0' * 64}",
        "/builds/0/images/manifest.json",
        "/builds/0/images/..%2Fmanifest.json",
        "/builds/0/ledger/0/image",
        "/builds/../../etc/passwd",
    ],
)
def test_what_does_not_exist_is_a_page_that_says_so(client: Any, path: str) -> None:
    read_page(client, path, 404)


def test_hostile_names_and_words_are_text(tmp_path: Path) -> None:
    task, out = f"x/{HOSTILE}", tmp_path / HOSTILE.replace("/", "")
    names = ("dataset", "official_name", "title", "instruction", "category", "group", "metric")
    info: Any = dict.fromkeys(names, HOSTILE)
    with DirectoryWriter(out, {"name": "x"}) as writer:
        writer.add_task(task, TaskInfo(**info, phrasings=[HOSTILE] * 2))
        image = writer.add_image(board_image(0))
        turns = (Turn("user", f"<image>\n{HOSTILE}"), Turn("assistant", HOSTILE))
        parts: Any = dict.fromkeys(("key", "group", "text", "target", *names), HOSTILE)
        parts = {name: parts[name] for name in parts if name in Instance._fields}
        parts |= {"options": (HOSTILE,), "references": (HOSTILE,), "task": task, "turns": turns}
        for number in range(2):
            one = instance(str(number), (image,))._replace(**parts)
            writer.add_instance(one._replace(id=f"{HOSTILE}{number}"))
        writer.record_dropped(LedgerEntry(task, HOSTILE, "dropped", HOSTILE, HOSTILE, HOSTILE))
    client = web_client(builds=[OpenBuild(out)], data_root=tmp_path)
    query = urlencode({"name": task, "task": task, "words": HOSTILE, "id": HOSTILE})
    for url in ("", "/task", "/instances", "/instances/0", "/ledger"):
        page = read_page(client, f"/builds/0{url}?{query}")
        assert "<script>alert(1)</script>" in page.text
    assert instance_links(client, f"/builds/0/instances?{query}") == [0, 1]


LOST = {
    "missing": "images/none.jpg",
    "outside": "../../secret.png",
    "cut": "images/cut.jpg",
    "wide": "images/wide.png",
}


def test_the_ledger_lists_each_lost_row_and_shows_its_image(
    make: MakeBoard, tmp_path: Path
) -> None:
    images = tmp_path / "data/board/images"
    images.mkdir(parents=True)
    (images / "cut.jpg").write_bytes(board_image(1)[:300])
    Image.new("RGB", (900, 2)).save(images / "wide.png")
    Image.new("RGB", (9, 9)).save(tmp_path / "secret.png")
    rows = [row_of(0), *(row_of(9, key=key, images=[name]) for key, name in LOST.items())]
    directory = make(rows, images=1, tasks=("board/ask",))
    client = web_client(builds=[OpenBuild(directory.path)], data_root=tmp_path / "data")
    page = read_page(client, "/builds/0/ledger")
    assert all(f" {key} " in page.text for key in LOST)
    only = read_page(client, "/builds/0/ledger?reason=image_missing&kind=dropped")
    assert " missing board/ask" in only.text.replace("board/ ", "board/")
    assert " cut " not in only.text
    linked = {link for link in links(client, "/builds/0/ledger") if link.endswith("/image")}
    # A file that exists has a link, and what does not decode is a page with the reason.
    assert sorted(client.get(link).status_code for link in linked) == [500, 500]
    for number in range(len(LOST)):
        link = f"/builds/0/ledger/{number}/image"
        assert link in linked or client.get(link).status_code == 404


def test_the_image_of_a_line_is_shown_as_a_model_sees_it(make: MakeBoard, tmp_path: Path) -> None:
    data = tmp_path / "data/board/images/1.jpg"
    data.parent.mkdir(parents=True)
    data.write_bytes(upside_down(1))
    directory = make([row_of(1)], tasks=("board/ask",))
    client = web_client(builds=[OpenBuild(directory.path)], data_root=tmp_path / "data")
    assert "orientation_applied" in read_page(client, "/builds/0/ledger?kind=note").text
    response = client.get("/builds/0/ledger/0/image")
    assert response.headers["content-type"] in ("image/png", "image/jpeg")
    upright = decode_image(data.read_bytes())
    assert Image.open(io.BytesIO(response.content)).convert("RGB").tobytes() == upright.tobytes()
    without = web_client(builds=[OpenBuild(directory.path)])
    assert without.get("/builds/0/ledger/0/image").status_code == 404


@pytest.mark.parametrize("name", ["../outside.parquet", "/etc/passwd"])
def test_a_build_that_names_a_file_outside_is_refused(tmp_path: Path, name: str) -> None:
    out = write_build(tmp_path / "build", count=2)
    (tmp_path / "outside.parquet").write_bytes(b"")
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["files"][name] = (out / name).stat().st_size
    (out / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BuildError, match="outside of it"):
        OpenBuild(out)


def test_a_damaged_image_is_not_shown(tmp_path: Path) -> None:
    build = OpenBuild(write_build(tmp_path / "build", count=1))
    (image,) = build.instance(0).images
    location = build.directory.index.locate(image)
    shard = tmp_path / "build/images" / location.shard
    content = bytearray(shard.read_bytes())
    content[location.offset + location.length - 1] ^= 1
    shard.write_bytes(content)
    page = read_page(web_client(builds=[build]), f"/builds/0/images/{image}", 500)
    assert "is damaged" in page.text
