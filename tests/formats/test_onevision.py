"""A YAML list of JSON files is imported as a mixture: each strategy takes what it says."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.board import board_image
from tests.helpers.llava_release import (
    error_of,
    import_command,
    import_directory,
    record,
    talk,
)
from tests.helpers.small_exports import write_exports
from visionflan.formats.base import ConversationRecord
from visionflan.formats.exporting import export
from visionflan.formats.onevision import find_release
from visionflan.storage.directory import BuildDirectory

COUNT = 30


def records(count: int = COUNT) -> list[dict[str, Any]]:
    return [{"id": f"r{n}", **talk(f"What is {n}?", f"It is {n}.")} for n in range(count)]


def write(directory: Path, listing: str, **files: Any) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / f"{name}.json").write_text(json.dumps(content))
    (directory / "mix.yaml").write_text(f"datasets:\n{listing}")
    return directory


def taken(directory: Path, seed: int = 0) -> list[str]:
    """Return the ids of the records that an import takes."""
    entries = list(find_release(directory).with_seed(seed).conversations())
    return [entry.id for entry in entries if isinstance(entry, ConversationRecord)]


ONE = "  - json_path: a.json\n    sampling_strategy: {}\n"
ALL = [f"r{n}" for n in range(COUNT)]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("all", ALL),
        ("first:4", ALL[:4]),
        ("'first: 4'", ALL[:4]),
        ("first:11%", ALL[:4]),  # 3.3, rounded up as LLaVA-NeXT does
        ("end:4", ALL[-4:]),
        ("end:0", []),
        ("end:10%", ALL[-3:]),
        ("first:1000", ALL),
        ("random:200%", ALL),
    ],
)
def test_a_strategy_takes_what_it_says(tmp_path: Path, strategy: str, expected: list[str]) -> None:
    assert taken(write(tmp_path / "d", ONE.format(strategy), a=records())) == expected


@settings(max_examples=40)
@given(st.integers(0, 40), st.integers(0, 5), st.permutations(range(COUNT)))
def test_a_draw_depends_on_seed_and_ids_alone(
    tmp_path_factory: pytest.TempPathFactory, number: int, seed: int, order: list[int]
) -> None:
    directory = tmp_path_factory.getbasetemp() / "draw"
    drawn = taken(write(directory, ONE.format(f"random:{number}"), a=records()), seed)
    assert len(drawn) == min(number, COUNT)
    assert drawn == sorted(drawn, key=ALL.index)
    ordered = [records()[index] for index in order]
    numbered = [{**one, "id": index} for index, one in enumerate(records())]
    once = draw_of(directory, number, seed, numbered)
    assert once == draw_of(directory, number, seed, [numbered[index] for index in order])
    assert set(taken(write(directory, ONE.format(f"random:{number}"), a=ordered), seed)) == set(
        drawn
    )


def draw_of(directory: Path, number: int, seed: int, entries: list[dict[str, Any]]) -> set[str]:
    """Return the answers that are drawn from records."""
    write(directory, ONE.format(f"random:{number}"), a=entries)
    drawn = find_release(directory).with_seed(seed).conversations()
    return {one.turns[-1].text for one in drawn if isinstance(one, ConversationRecord)}


def test_other_seeds_draw_other_records(tmp_path: Path) -> None:
    directory = write(tmp_path / "d", ONE.format("random:5"), a=records())
    draws = {tuple(taken(directory, seed)) for seed in range(5)}
    assert len(draws) == 5
    without_ids = [talk(f"What is {n}?", f"It is {n}.") for n in range(COUNT)]
    write(directory, ONE.format("random:5"), a=without_ids)
    assert len(taken(directory)) == 5


def test_the_seed_of_the_command_draws_and_is_recorded(tmp_path: Path) -> None:
    builds = []
    for seed in (1, 2):
        directory = write(tmp_path / f"{seed}/d", ONE.format("random:5"), a=records())
        assert import_command(directory, "--seed", str(seed)) == 0
        builds.append(BuildDirectory(directory.parent / "imported"))
    texts = [{one.prompt for one in build.instances()} for build in builds]
    assert texts[0] != texts[1]
    assert [build.manifest["about"]["settings"]["seed"] for build in builds] == [1, 2]


def test_each_file_is_a_task_and_a_sample_is_noted_once(tmp_path: Path) -> None:
    other = [{"id": "x", "task_name": "Lab+look", **talk("Look?", "Yes.")}]
    listing = (
        "  - json_path: /data/of/another/machine/a.json\n    sampling_strategy: first:2\n"
        "  - json_path: b.json\n"
    )
    build, ledger = import_directory(write(tmp_path / "d", listing, a=records(), b=other))
    assert set(build.tasks) == {"lab/a", "lab/look"}
    assert [(line["reason"], line["detail"]) for line in ledger] == [
        ("sampled", "2 of 30 records of a.json")
    ]


def test_a_broken_record_counts_for_its_strategy(tmp_path: Path) -> None:
    mixed = ["broken", *records(3)]
    build, ledger = import_directory(write(tmp_path / "d", ONE.format("first:2"), a=mixed))
    assert len(build.instances()) == 1
    assert {line["reason"] for line in ledger} == {"malformed_conversation", "sampled"}


def test_an_image_must_be_in_the_directory_of_its_own_file(tmp_path: Path) -> None:
    directory = tmp_path / "d"
    for name in ("one", "two"):
        (directory / name).mkdir(parents=True)
        (directory / name / f"{name}.jpg").write_bytes(board_image(len(name)))
    one = [record("one.jpg", id="1"), record("../two/two.jpg", id="2")]
    listing = "  - json_path: a.json\n  - json_path: b.json\n"
    build, ledger = import_directory(
        write(directory, listing, a=one, b=[record("two.jpg", id="3")])
    )
    assert len(build.instances()) == 2
    assert [line["reason"] for line in ledger] == ["image_outside_root"]


def test_entries_that_cannot_be_read_are_in_the_ledger(tmp_path: Path) -> None:
    listing = ONE.format("all") + "".join(
        f"  - {entry}\n"
        for entry in (
            "{json_path: gone.json}", "{json_path: a.json, sampling_strategy: some}",
            "{json_path: a.json, sampling_strategy: first}", "{json_path: a.json, "
            "sampling_strategy: [first]}", "{sampling_strategy: all}", "a.json",
            "{json_path: a.json, sampling_strategy: 'random:1.5'}", f"{{json_path: {'x' * 5000}}}",
        )
    )  # fmt: skip
    build, ledger = import_directory(write(tmp_path / "d", listing, a=records()))
    assert len(build.instances()) == COUNT
    assert [line["reason"] for line in ledger] == ["unread_file"] * 8


@pytest.mark.parametrize(
    "text",
    [
        "datasets: 7",
        "json_path: a",
        "datasets: [json_path: ",
        "datasets:\n\t- json_path: a\n",
        "datasets: &a [*a, json_path: x]",
        "[" * 5000 + "\njson_path: a",
    ],
)
def test_a_list_that_is_none_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / "mix.yaml").write_text(text)
    error = error_of(tmp_path / "mix.yaml", capsys, "--format", "onevision")
    assert "mix.yaml" in error or "none of its" in error or "it has no records" in error


def test_an_export_is_what_llava_next_opens(tmp_path: Path) -> None:
    build = write_exports(tmp_path / "exports").build
    export(build, tmp_path / "out", "onevision")
    for split in ("train", "held_out"):
        listing = yaml.safe_load((tmp_path / f"out/{split}.yaml").read_text())
        seen = {}
        for entry in listing["datasets"]:
            assert entry["sampling_strategy"] == "all"
            for listed in json.loads((tmp_path / "out" / entry["json_path"]).read_text()):
                seen[listed["id"]] = listed
        instances = {one.id: one for one in build.instances() if one.split == split}
        assert seen.keys() == instances.keys()
        for name, listed in seen.items():
            images = listed.get("image", [])
            for image in images if isinstance(images, list) else [images]:
                assert (tmp_path / "out/images" / image).is_file()
            assert len(instances[name].images) == sum(
                turn["value"].count("<image>") for turn in listed["conversations"]
            )
