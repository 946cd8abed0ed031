"""The catalog page shows every task with three examples and needs no other file."""

import io
import re
import sys
from base64 import b64decode
from html import unescape
from pathlib import Path

import pytest
from PIL import Image

from tests.helpers.html_reader import zoomable_images
from visionflan import catalog
from visionflan.builder.preview import Preview
from visionflan.cli.main import main
from visionflan.evaluate.metrics import METRICS
from visionflan.report.catalog_page import (
    MAX_BYTES,
    NUM_EXAMPLES,
    SIDES,
    TaskCard,
    image_uri,
    render_page,
    task_example,
)
from visionflan.vocabulary import CATEGORIES


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write the page of the complete catalog."""
    path = tmp_path_factory.mktemp("page") / "catalog.html"
    assert main(["tasks", "--html", str(path)]) == 0
    return path.read_text(encoding="utf-8")


def cards(text: str) -> list[str]:
    """Split the page into its task cards."""
    return re.findall(r'<li class="task card" .*?</li>', text, re.DOTALL)


def test_every_task_is_on_the_page_with_an_example(text: str) -> None:
    plain = unescape(re.sub(r"<wbr>", "", text))
    for name in catalog.names():
        assert f'<tr id="{name}"' in text
        for task in catalog.load(name).tasks.values():
            assert f"<dd>{task.instruction}</dd>" in plain
            for phrasing in task.phrasings[1:]:
                assert f"<p>{phrasing}</p>" in plain
            assert f"<code>{name}</code></a><code>/{task.name}</code>" in plain
    assert len(cards(text)) == len(catalog.task_names())
    for card in cards(text):
        assert card.count('<dd class="answer">') == NUM_EXAMPLES
        assert card.count('<div class="images">') == NUM_EXAMPLES


def test_tasks_and_datasets_are_folded_on_a_narrow_screen(text: str) -> None:
    for card in cards(text):
        heading, _, folded = card.partition('<details class="fold"><summary>')
        assert "<h4>" in heading
        assert folded.startswith(f"instruction and {NUM_EXAMPLES} examples</summary>")
        assert "<dt>instruction</dt>" not in heading
    rows = re.findall(r'<tr class="more" data-name="([^"]+)">(.*?)</tr>', text, re.DOTALL)
    assert [name for name, _ in rows] == sorted(catalog.names())
    for name, row in rows:
        assert f'<tr id="{name}" data-name="{name}">' in text  # the filter hides both
        commercial = "allowed" if catalog.load(name).commercial else "no"
        assert f"<dt>commercial use</dt><dd>{commercial}</dd>" in row


def test_the_examples_of_a_task_have_different_answers(text: str) -> None:
    answers = [re.findall(r'<dd class="answer">(.*?)</dd>', c, re.DOTALL) for c in cards(text)]
    assert all(len(set(three)) > 1 for three in answers)
    # The others ask for yes or no, or for one of two options.
    assert sum(len(set(three)) == NUM_EXAMPLES for three in answers) > 0.9 * len(answers)


def test_all_images_of_an_example_are_on_the_page() -> None:
    task = catalog.load("pacs").tasks["photo_object_classification"]
    encoded = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(encoded, "PNG")
    prompt = f"<image>\n<image>\n{task.instruction}\n\nWhich?"
    example = task_example(task, Preview(prompt, "dog", (encoded.getvalue(),) * 2), 10_000)
    assert (len(example.images), example.input, example.answer) == (2, "Which?", "dog")
    card = TaskCard("pacs", catalog.load("pacs"), task, True, [example])
    page = render_page([card])
    assert page.count("<img ") == 2
    assert f'alt="Image 2 of example 1 of {task.title}"' in page
    assert "no example available" in render_page([card._replace(examples=[])])


def test_every_image_opens_large_and_has_alt_text(text: str) -> None:
    images = zoomable_images(text)
    assert len(images) == text.count("<img ")
    assert len(images) >= NUM_EXAMPLES * len(catalog.task_names())
    encoded = [uri.partition(";base64,")[2] for _, uri in images]
    assert sum(map(len, encoded)) <= MAX_BYTES
    for data in encoded:
        assert max(Image.open(io.BytesIO(b64decode(data))).size) <= SIDES[0]
    assert "keydown" not in text  # Escape closes without the script


def test_an_image_is_as_large_as_its_share_of_the_page_allows() -> None:
    noise = Image.effect_noise((900, 600), 60).convert("RGB")
    encoded = io.BytesIO()
    noise.save(encoded, "PNG")
    widths = {}
    for share in (1_000_000, 40_000, 1):
        uri = image_uri(encoded.getvalue(), share)
        widths[share] = Image.open(io.BytesIO(b64decode(uri.partition(",")[2]))).width
        assert len(uri) <= share or widths[share] == SIDES[-1]
    assert widths[1_000_000] == SIDES[0] > widths[40_000] > widths[1] == SIDES[-1]


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
    counts = {name: (int(tasks), int(listed)) for name, tasks, listed in rows}
    assert counts == {
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
    assert text.count('<span class="tag warning">unconfirmed</span></td>') == unconfirmed
    assert {task.metric for task in tasks} <= set(METRICS)


def test_filters_apply_and_examples_come_from_an_available_release(
    loose_dataset: str, tmp_path: Path
) -> None:
    catalog.load(loose_dataset).write_specimen(tmp_path / "data" / loose_dataset, 4)
    arguments = ["tasks", "--dataset", loose_dataset, "--html", str(tmp_path / "page.html")]
    assert main(arguments) == 0
    generated = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert main([*arguments, "--data-root", str(tmp_path / "data")]) == 0
    from_release = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h1>1 task from 1 dataset</h1>" in generated
    assert "Examples are from the releases in the data root" not in generated
    assert "Examples are from the releases in the data root" in from_release
    assert cards(from_release)


def test_without_jinja_one_sentence_says_what_to_install(
    loose_dataset: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    arguments = ["tasks", "--dataset", loose_dataset, "--html", str(tmp_path / "page.html")]
    assert main(arguments) == 1
    assert "pip install 'visionflan[evaluate]'" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()
