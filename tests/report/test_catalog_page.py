"""The page of the catalog shows every task with an example, and needs no other file."""

import io
import re
import sys
from base64 import b64decode
from html import unescape
from pathlib import Path

import pytest
from PIL import Image

from visionflan import catalog
from visionflan.cli.main import main
from visionflan.dataset import CATEGORIES
from visionflan.report.catalog_page import METRICS, SIDE


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the page of the whole catalog."""
    path = tmp_path_factory.mktemp("page") / "catalog.html"
    assert main(["tasks", "--html", str(path)]) == 0
    return path.read_text(encoding="utf-8")


def cards(text: str) -> list[str]:
    """Take the page apart into its tasks."""
    return re.findall(r'<li class="card" .*?</li>', text, re.DOTALL)


def test_every_task_stands_on_the_page_with_an_example(text: str) -> None:
    plain = unescape(re.sub(r"<wbr>", "", text))
    for name in catalog.names():
        assert f'<tr id="{name}"' in text
        for task in catalog.load(name).tasks.values():
            assert f"<dd>{task.instruction}</dd>" in plain
            assert f"<code>{name}</code></a><code>/{task.name}</code>" in plain
    assert len(cards(text)) == len(catalog.task_names())
    for card in cards(text):
        assert '<dd class="answer">' in card
        assert "<img " in card


def test_the_pictures_are_small_and_have_words(text: str) -> None:
    pictures = re.findall(r'<img src="data:image/(?:png|jpeg);base64,([^"]+)" alt="[^"]+"', text)
    assert len(pictures) == text.count("<img ")
    for encoded in pictures:
        assert max(Image.open(io.BytesIO(b64decode(encoded))).size) <= SIDE


def test_nothing_is_loaded_from_elsewhere(text: str) -> None:
    homepages = {catalog.load(name).homepage for name in catalog.names()}
    for target in re.findall(r'(?:src|href)="([^"]*)"', text):
        if target.startswith("#"):
            assert f'id="{target[1:]}"' in text
        else:
            assert target.startswith("data:") or unescape(target) in homepages
    assert "@import" not in text
    assert "url(" not in text


def test_the_counts_are_those_of_the_paper(text: str) -> None:
    rows = re.findall(
        r'<th scope="row">([^<]+)</th><td class="number">(\d+)</td>'
        r'<td class="number">(\d+)</td>',
        text,
    )
    told = {name: (int(tasks), int(listed)) for name, tasks, listed in rows}
    assert told == {
        "Question answering": (44, 41),
        "Generation": (51, 44),
        "Classification": (114, 103),
        "All": (209, 188),
    }
    assert set(re.findall(r'<h3 id="[^"]+">([^<]+)</h3>', text)) == set(CATEGORIES)


def test_marks_are_there(text: str) -> None:
    tasks = [task for name in catalog.names() for task in catalog.load(name).tasks.values()]
    marked = [card for card in cards(text) if '<span class="tag warning">sensitive</span>' in card]
    assert len(marked) == sum(task.sensitive for task in tasks)
    unconfirmed = sum(catalog.load(name).layout == "unconfirmed" for name in catalog.names())
    assert text.count('<td><span class="tag warning">unconfirmed</span></td>') == unconfirmed
    assert {task.metric for task in tasks} <= set(METRICS)


def test_filters_apply_and_a_release_that_is_there_gives_the_example(
    loose_dataset: str, tmp_path: Path
) -> None:
    catalog.load(loose_dataset).write_specimen(tmp_path / "data" / loose_dataset, 4)
    words = ["tasks", "--dataset", loose_dataset, "--html", str(tmp_path / "page.html")]
    assert main(words) == 0
    drawn = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert main([*words, "--data-root", str(tmp_path / "data")]) == 0
    read = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h1>1 task over 1 dataset</h1>" in drawn
    assert "Examples come from the releases that were there" not in drawn
    assert "Examples come from the releases that were there" in read
    assert cards(read)


def test_without_jinja_one_sentence_says_what_to_install(
    loose_dataset: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    words = ["tasks", "--dataset", loose_dataset, "--html", str(tmp_path / "page.html")]
    assert main(words) == 1
    assert "pip install 'visionflan[evaluate]'" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()
