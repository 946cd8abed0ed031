"""Every dataset file, ours or a third party's, must pass these."""

import csv
import importlib
import io
import json
import re
import subprocess
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest
from PIL import Image

from visionflan import catalog
from visionflan.authoring import lint
from visionflan.authoring.similar_instructions import similar_instructions
from visionflan.dataset import Example
from visionflan.errors import ReleaseError
from visionflan.image_sources import read_encoded

GOLDEN = Path(__file__).parents[1] / "golden" / "instructions.json"
NAMES = catalog.names()
every_dataset = pytest.mark.parametrize("name", NAMES)


def official() -> list[dict[str, str]]:
    """Read the names and categories of all tasks of the paper and of its site."""
    table = files("visionflan") / "resources" / "official_tasks.tsv"
    return list(csv.DictReader(table.read_text().splitlines(), delimiter="\t"))


def test_there_are_dataset_files_to_test() -> None:
    assert len(NAMES) == 109
    assert set(NAMES) == {line["dataset"] for line in official()}


@every_dataset
def test_check_finds_no_fault(name: str) -> None:
    assert list(lint.check_dataset(name)) == []


@every_dataset
def test_a_specimen_of_four_images_serves_every_task_and_every_image_opens(
    name: str, tmp_path: Path
) -> None:
    dataset = catalog.load(name)
    dataset.write_specimen(tmp_path, 4)
    assert all(path.stat().st_size for path in tmp_path.rglob("*")), "no release has empty files"
    for task in dataset.tasks:
        examples = list(dataset.examples(task, tmp_path))
        assert examples, f"{name}/{task} makes nothing of a specimen of four pictures"
        for image in examples[0].images:
            Image.open(io.BytesIO(read_encoded(image))).load()


DRAW = """
import sys
from pathlib import Path
from visionflan import catalog

for name in catalog.names():
    catalog.load(name).write_specimen(Path(sys.argv[1]) / name, 4)
"""


@pytest.fixture(scope="module")
def drawn_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw all specimens in another process, which has other addresses, hashes and a number."""
    directory = tmp_path_factory.mktemp("elsewhere")
    subprocess.run([sys.executable, "-c", DRAW, str(directory)], check=True)
    return directory


@every_dataset
def test_a_specimen_is_the_same_to_the_byte_in_every_process(
    name: str, drawn_elsewhere: Path, tmp_path: Path
) -> None:
    catalog.load(name).write_specimen(tmp_path, 4)
    one, two = (
        {
            path.relative_to(folder): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
        for folder in (tmp_path, drawn_elsewhere / name)
    )
    assert one == two


@every_dataset
def test_a_specimen_writes_inside_its_root_alone(name: str, tmp_path: Path) -> None:
    catalog.load(name).write_specimen(tmp_path / "releases" / name, 4)
    assert [path.name for path in tmp_path.iterdir()] == ["releases"]
    assert [path.name for path in (tmp_path / "releases").iterdir()] == [name]


@every_dataset
def test_an_empty_directory_is_refused_with_a_sentence(name: str, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=str(tmp_path)):
        list(catalog.load(name).read(tmp_path))


@every_dataset
def test_every_function_that_makes_an_example_is_a_task(name: str) -> None:
    dataset = catalog.load(name)
    module = importlib.import_module(dataset.read.__module__)
    makers = {
        function.__name__
        for function in vars(module).values()
        if getattr(function, "__annotations__", {}).get("return") in (Example, Example | None)
        and not function.__name__.startswith("_")
        and function.__module__ == module.__name__
        and len(function.__annotations__) == 2
    }
    assert makers == set(dataset.tasks)


@every_dataset
def test_the_tasks_are_those_of_the_paper_and_its_site(name: str) -> None:
    expected = {
        (line["official_name"], line["title"], line["category"])
        for line in official()
        if line["dataset"] == name and line["official_name"] and line["title"]
    }
    ours = {(t.official_name, t.title, t.category) for t in catalog.load(name).tasks.values()}
    assert expected <= ours
    named = {line["official_name"] for line in official() if line["dataset"] == name}
    assert named - {""} <= {task.official_name for task in catalog.load(name).tasks.values()}
    assert len(ours) == sum(line["dataset"] == name for line in official())


def test_no_two_instructions_are_alike() -> None:
    assert list(similar_instructions(NAMES)) == []


def test_many_tasks_of_every_group_have_five_phrasings() -> None:
    tasks = [task for name in NAMES for task in catalog.load(name).tasks.values()]
    groups = Counter(task.group for task in tasks if len(task.phrasings) == 5)
    assert groups.total() >= 40
    assert set(groups) == {task.group for task in tasks}
    assert min(groups.values()) >= 10
    assert {len(task.phrasings) for task in tasks} == {1, 5}


def test_no_word_of_the_tasks_is_misspelled() -> None:
    assert list(lint.spelling_findings(NAMES)) == []


def test_titles_of_datasets_are_names_that_people_say() -> None:
    titles = [catalog.load(name).title for name in NAMES]
    assert len({title.casefold() for title in titles}) == len(titles)
    assert not [title for title in titles if re.search(r"[^\w .+-]|_", title)]


def test_no_two_tasks_share_an_official_name() -> None:
    names = [task.official_name for name in NAMES for task in catalog.load(name).tasks.values()]
    assert len(set(names)) == len(names)


def test_released_instructions_have_not_changed() -> None:
    """The golden file guards what was released; a new task is free until the next release."""
    released: dict[str, list[str]] = json.loads(GOLDEN.read_text())
    assert len(released) >= 209
    now = {
        task.official_name: list(task.phrasings)
        for name in NAMES
        for task in catalog.load(name).tasks.values()
    }
    assert {name: now.get(name) for name in released} == released
