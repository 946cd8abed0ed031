"""A person solves a task without its targets, and the answers are records like those of a model."""

import csv
import errno
import html
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import html_reader
from tests.helpers.tiny_checkpoint import write_build
from tests.helpers.tiny_evaluation import tiny_build
from tests.helpers.web_client import HOST, read_page, web_client
from visionflan.cli.main import main
from visionflan.errors import VisionflanError
from visionflan.evaluate.demo import evaluate_both
from visionflan.evaluate.held_out import held_out_set
from visionflan.evaluate.records.header import (
    HUMAN,
    generation_config,
    read_header,
    same_generation,
)
from visionflan.evaluate.records.record import read_records
from visionflan.storage.instance import Instance, Turn

pytest.importorskip("starlette", reason="the extra `web` is not installed")

from visionflan.web.human_answers import NUM_ITEMS, HumanAnswers, persons_with_answers
from visionflan.web.open_build import OpenBuild
from visionflan.web.sources import open_sources

COUNT, TASK = 48, "tiny/color"  # every second instance is of this task
TARGET = "the-target"
URL = f"/builds/0/solve/task?name={TASK}"


def hold_out(one: Instance) -> Instance:
    """Return an instance that is held out, with a target that is not in its prompt."""
    turns = (one.turns[0], Turn("assistant", TARGET))
    return one._replace(split="held_out", turns=turns, target=TARGET, references=(TARGET,))


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> OpenBuild:
    """Return a build whose instances are held out."""
    change: Any = dict.fromkeys(range(COUNT), hold_out)
    return OpenBuild(
        write_build(tmp_path_factory.mktemp("solve") / "b", count=COUNT, change=change)
    )


@pytest.fixture
def client(build: OpenBuild, tmp_path: Path) -> Any:
    """Return a client of pages on which a person solves tasks."""
    return web_client(builds=[build], person="ada", answers=tmp_path)


def post(client: Any, **form: str) -> Any:
    """Send an answer as the form of the page does."""
    return client.post(URL, data=form, headers={"origin": f"http://{HOST}"})


def item_key(client: Any) -> str:
    """Return the key of the item that the page shows."""
    match = re.search(r'name="item" value="(\w+)"', client.get(URL).text)
    assert match
    return match[1]


def solve(client: Any, responses: list[str]) -> None:
    """Answer items one after the other."""
    for response in responses:
        answer = {"answer": response} if response else {"none": "1"}
        assert post(client, item=item_key(client), **answer).status_code == 303


def test_an_answer_that_a_full_disk_does_not_take_is_still_in_the_form(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    solve(client, ["first"])
    (journal,) = tmp_path.rglob("*.jsonl")
    content, write = journal.read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda file, text: write(file, text[:9]))
    answer = {"item": item_key(client), "answer": "Second <b>"}
    response = post(client, **answer)
    assert response.status_code == 507
    page = html_reader.read(response.text)
    assert page.open == []
    message = f"{journal} cannot be written ({os.strerror(errno.ENOSPC)}). It is still in the form"
    assert message in page.text
    assert "Second &lt;b&gt;</textarea>" in response.text
    assert "Item 2 of" in response.text
    assert journal.read_bytes() == content
    monkeypatch.undo()
    assert post(client, **answer).status_code == 303
    assert "Item 3 of" in client.get(URL).text


RESPONSES = [TARGET, "The-Target.", "wrong", ""] * (NUM_ITEMS // 4)


def test_the_target_is_shown_only_after_the_last_answer(
    client: Any, build: OpenBuild, tmp_path: Path
) -> None:
    read_page(client, "/builds/0/solve")
    for number, response in enumerate(RESPONSES, start=1):
        page = read_page(client, URL)
        assert f"Item {number} of {NUM_ITEMS}" in page.text
        assert TARGET not in client.get(URL).text
        solve(client, [response])
    page = read_page(client, URL)
    assert page.text.count(TARGET) >= NUM_ITEMS
    records = read_records(tmp_path / "ada" / build.name / "records.parquet")
    assert sorted(one.response for one in records) == sorted(RESPONSES)
    scores = {one.response: one.score_lenient for one in records}
    assert scores == {TARGET: 1.0, "The-Target.": 1.0, "wrong": 0.0, "": 0.0}
    assert "lenient rule: 50.0" in page.text
    header = read_header(tmp_path / "ada" / build.name)
    assert (header.run, header.stage, header.model.engine) == ("ada", "human", "human")
    assert header.tasks[TASK].metric == "exact_match"


def test_a_kill_loses_no_answer(client: Any, build: OpenBuild, tmp_path: Path) -> None:
    solve(client, RESPONSES[:7])
    again = web_client(builds=[build], person="ada", answers=tmp_path)
    assert f"Item 8 of {NUM_ITEMS}" in read_page(again, URL).text
    answers = HumanAnswers(tmp_path, "ada", build)
    blind = answers.open_task(TASK)
    for item in blind.items:  # as if the process ended before the scores were written
        answers.add(TASK, item.sample_key, "wrong")
    assert "lenient rule" in read_page(again, URL).text
    assert len(read_records(tmp_path / "ada" / build.name / "records.parquet")) == NUM_ITEMS


def test_two_persons_answer_the_same_items_and_are_compared(
    build: OpenBuild, tmp_path: Path
) -> None:
    for name, responses in (("ada", RESPONSES), ("bob", [TARGET] * NUM_ITEMS)):
        solve(web_client(builds=[build], person=name, answers=tmp_path), responses)
        web_client(builds=[build], person=name, answers=tmp_path).get(URL)
    assert persons_with_answers(tmp_path, build, TASK) == ["ada", "bob"]
    assert persons_with_answers(tmp_path, build, "tiny/other") == []
    out = tmp_path / "comparison"
    names = [str(tmp_path / name / build.name) for name in ("ada", "bob")]
    assert main(["compare", *names, "--out", str(out)]) == 0
    assert (out / "compare.html").is_file()


def test_answers_of_a_person_are_compared_with_those_of_any_model() -> None:
    person, model = generation_config(0, HUMAN), generation_config(64, "bfloat16")
    assert same_generation(person, model)
    assert not same_generation(model, generation_config(32, "bfloat16"))


@pytest.mark.parametrize("form", [{}, {"item": "x", "answer": "y"}, {"answer": TARGET}])
def test_a_form_without_a_known_item_stores_nothing(
    client: Any, tmp_path: Path, form: dict[str, str]
) -> None:
    assert post(client, **form).status_code == 303
    assert list(tmp_path.rglob("*.jsonl")) == []


def test_an_answer_is_not_changed(client: Any, build: OpenBuild, tmp_path: Path) -> None:
    key = item_key(client)
    for response in ("first", "second"):
        post(client, item=key, answer=response)
    (record,) = HumanAnswers(tmp_path, "ada", build).load()
    assert record.response == "first"


def test_no_other_site_writes_an_answer(client: Any, tmp_path: Path) -> None:
    form = {"item": item_key(client), "answer": "x"}
    for headers in ({}, {"origin": "http://evil.example"}, {"origin": "null"}):
        assert client.post(URL, data=form, headers=headers).status_code == 403
    assert list(tmp_path.iterdir()) == []


def test_an_endless_answer_is_refused(client: Any) -> None:
    assert post(client, item=item_key(client), answer="x" * (1 << 17)).status_code == 413


def test_nobody_solves_without_a_name(build: OpenBuild) -> None:
    client = web_client(builds=[build])
    read_page(client, "/builds/0/solve", 404)
    assert "Solve blind" not in client.get("/builds/0").text


def test_answers_to_another_build_are_not_mixed(
    client: Any, build: OpenBuild, tmp_path: Path
) -> None:
    solve(client, ["x"])
    other = tmp_path / "other" / build.name
    other.parent.mkdir()
    change: Any = dict.fromkeys(range(20), hold_out)
    second = OpenBuild(write_build(other, count=20, change=change))
    client = web_client(builds=[second], person="ada", answers=tmp_path)
    refused = post(client, item=item_key(client), answer="y")
    assert refused.status_code == 500
    assert "name another directory" in html.unescape(refused.text)


def test_answers_of_a_person_that_cannot_be_read_are_in_nobodys_way(
    client: Any, build: OpenBuild, tmp_path: Path
) -> None:
    solve(client, ["x"])
    for name, content in (("bob", "{"), ("carol", "[" * 200_000)):
        header = tmp_path / name / build.name / "evaluation.json"
        header.parent.mkdir(parents=True)
        header.write_text(content)
    assert persons_with_answers(tmp_path, build, TASK) == ["ada"]


def test_a_build_can_have_any_name(build: OpenBuild, tmp_path: Path) -> None:
    path = tmp_path / "all[1]"
    shutil.copytree(build.path, path)
    again = OpenBuild(path)
    solve(web_client(builds=[again], person="ada", answers=tmp_path), ["x"])
    assert persons_with_answers(tmp_path, again, TASK) == ["ada"]


def test_a_line_that_is_no_answer_is_one_sentence(
    client: Any, build: OpenBuild, tmp_path: Path
) -> None:
    solve(client, ["x"])
    file = tmp_path / "ada" / build.name / "answers.jsonl"
    answer = file.read_text()
    for line in ("{}", "[]", "3", "[" * 200_000):
        file.write_text(f"{answer}{line}\n")
        page = read_page(client, URL, 500)
        assert f"{file}:2: the line is not an answer of this version" in page.text


def test_a_person_has_one_name(tmp_path: Path) -> None:
    (tmp_path / "Ada").mkdir()
    assert open_sources([], person="Ada", answers=tmp_path).person == "Ada"
    with pytest.raises(VisionflanError, match=f"^{tmp_path} has the answers of Ada: use that"):
        open_sources([], person="ada", answers=tmp_path)


@pytest.mark.parametrize("name", ["..", "a/b", "", ".hidden", "x" * 41])
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["web", "build", "--as", name])
    assert stopped.value.code == 2


def test_a_person_is_compared_with_a_model(tmp_path: Path) -> None:
    squares = OpenBuild(tiny_build(tmp_path / "squares").path)
    eval_set = held_out_set([squares.directory])
    evaluate_both(eval_set, tmp_path / "run", "evaluation/{stage}")
    person = HumanAnswers(tmp_path / "answers", "ada", squares)
    items = 0
    for task in ("shapes/choose", "shapes/caption"):  # a choice, and a metric with frequencies
        for item in person.open_task(task).items:
            person.add(task, item.sample_key, item.target)
            items += 1
    person.score()
    (scored,) = {one.score_lenient for one in person.load() if one.task == "shapes/choose"}
    assert scored == 1.0
    out = tmp_path / "out"
    names = [str(tmp_path / "answers/ada/squares"), str(tmp_path / "run/evaluation/majority")]
    assert main(["compare", *names, "--out", str(out)]) == 0
    with (out / "compare.csv").open(newline="") as file:
        assert len(list(csv.reader(file))) == 1 + items
