"""A stage trains on what a model wrote, by kind and author."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.helpers.llm_server import LlmServer
from tests.helpers.writing_server import run_synthesis
from visionflan.builder.assemble import SOURCES
from visionflan.builder.combine import combine_builds
from visionflan.builder.conversations import write_conversations
from visionflan.builder.subset import write_subset
from visionflan.cli.main import main
from visionflan.errors import UnknownNameError
from visionflan.formats.exporting import export
from visionflan.storage.directory import BuildDirectory
from visionflan.synthesize.instances import author_dataset
from visionflan.train.config import DataConfig
from visionflan.train.selection import count_by_task
from visionflan.verify.build import verify_build

DETAILS = ["written-by-org-writer-2/detail", "written-by-writer-1/detail"]


@pytest.fixture
def written(build: BuildDirectory, server: LlmServer, tmp_path: Path) -> BuildDirectory:
    """Return a build of conversations and descriptions by two models."""
    parts = [
        run_synthesis(server, build, tmp_path / f"{number}", kind, 4, model=model)[0].build
        for number, (kind, model) in enumerate(
            (("conversation", "Writer-1"), ("detail", "Writer-1"), ("detail", "org/Writer 2"))
        )
    ]
    return combine_builds(parts, tmp_path / "combined")


@pytest.mark.parametrize(
    ("patterns", "tasks"),
    [
        (("*/detail",), DETAILS),
        (
            ("written-by-writer-1/*",),
            ["written-by-writer-1/conversation", "written-by-writer-1/detail"],
        ),
        (("written-by-org-writer-2/detail",), ["written-by-org-writer-2/detail"]),
    ],
)
def test_a_stage_takes_its_rows_by_kind_and_author(
    patterns: tuple[str, ...], tasks: list[str], written: BuildDirectory
) -> None:
    assert count_by_task(written, DataConfig(tasks=patterns)) == dict.fromkeys(tasks, 4)


@pytest.mark.parametrize(
    ("authors", "tasks"),
    [
        (("Writer-1",), ["written-by-writer-1/detail"]),
        (("writer-*", "org/Writer 2"), DETAILS),
        (("*writer-?",), DETAILS),
    ],
)
def test_a_stage_takes_its_rows_by_author(
    authors: tuple[str, ...], tasks: list[str], written: BuildDirectory
) -> None:
    data = DataConfig(tasks=("*/detail",), authors=authors)
    assert count_by_task(written, data) == dict.fromkeys(tasks, 4)


def test_people_and_rules_are_authors_too(build: BuildDirectory, tmp_path: Path) -> None:
    rule = write_conversations(build, tmp_path / "rule", 6)
    both = combine_builds([build, rule], tmp_path / "both")
    counts = count_by_task(both, DataConfig(authors=("human",)))
    assert counts == count_by_task(build, DataConfig(tasks=("shapes/*",)))
    assert set(count_by_task(both, DataConfig(authors=("rule",)))) == {*rule.tasks, "talk/chat"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (DataConfig(tasks=("written-by-writer-3/*",)), "written-by-writer-1"),
        (
            DataConfig(authors=("Writer-1", "Writer-3")),
            "by 'Writer-3': its authors are org-writer-2, writer-1$",
        ),
        (
            DataConfig(tasks=("*/conversation",), authors=("org/*",)),
            r"by 'org/\*': its authors are writer-1$",
        ),
    ],
)
def test_an_author_who_wrote_nothing_is_an_error(
    data: DataConfig, message: str, written: BuildDirectory
) -> None:
    with pytest.raises(UnknownNameError, match=message):
        count_by_task(written, data)


def test_a_combined_build_has_the_sources_and_prompts_of_all(
    written: BuildDirectory, tmp_path: Path
) -> None:
    parts = [BuildDirectory(tmp_path / f"{number}") for number in range(3)]
    sources = pq.read_table(written.path / SOURCES).to_pylist()
    assert sources == [
        line for part in parts for line in pq.read_table(part.path / SOURCES).to_pylist()
    ]
    assert {one.id for one in written.instances()} == {line["instance"] for line in sources}
    about = written.manifest["about"]
    assert [one["synthesized"]["kind"] for one in about["sources"]] == [
        "conversation",
        *2 * ["detail"],
    ]
    entry = written.manifest["datasets"]["written-by-writer-1"]
    assert entry["title"].count("written by Writer-1") == 2
    assert written.manifest["files"][SOURCES] == (written.path / SOURCES).stat().st_size
    assert "written-by-writer-1/detail" in (written.path / "README.md").read_text()
    assert not list(verify_build(written.path).damages.counts)


def test_the_card_of_combined_builds_lists_a_license_once_with_its_sources(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    """Of two builds of one model, whose rows are of one dataset each and of one in common."""
    datasets = {"shapes": {"license": "CC-BY-4.0"}, "talk": {"license": "MIT"}}
    source = BuildDirectory(build.path)
    source.manifest = {**build.manifest, "datasets": datasets}
    parts = [
        run_synthesis(server, source, tmp_path / kind, kind, 2)[0].build
        for kind in ("conversation", "detail")
    ]
    for part, sources in zip(parts, (["coco"], ["coco", "gqa"]), strict=True):
        (entry,) = part.manifest["datasets"].values()
        assert entry["source_licenses"] == {"CC-BY-4.0": ["shapes"]}
        entry["source_licenses"] = {"CC-BY-4.0": sources}
    parts[1].manifest["datasets"]["written-by-writer-1"]["source_licenses"]["MIT"] = ["talk"]
    card = (combine_builds(parts, tmp_path / "both").path / "README.md").read_text()
    assert card.count("CC-BY-4.0") == card.count("MIT") == card.count("- license: text: ") == 1
    assert "- images and labels: CC-BY-4.0 (coco, gqa); MIT (talk).\n" in card


def test_a_part_of_the_tasks_keeps_the_sources(written: BuildDirectory, tmp_path: Path) -> None:
    part = write_subset(written, tmp_path / "part", ["written-by-writer-1/detail"])
    sources = pq.read_table(part.path / SOURCES).to_pylist()
    assert {one.id for one in part.instances()} < {line["instance"] for line in sources}


def test_an_exported_build_is_still_by_its_models(written: BuildDirectory, tmp_path: Path) -> None:
    export(written, tmp_path / "swift", "swift")
    assert main(["import", str(tmp_path / "swift"), "--out", str(tmp_path / "imported")]) == 0
    imported = BuildDirectory(tmp_path / "imported")
    assert {one.id: one.synthetic for one in imported.instances()} == {
        one.id: True for one in written.instances()
    }


def test_an_author_has_no_directories_in_its_name() -> None:
    assert author_dataset("Qwen/Qwen2.5-VL 7B") == "written-by-qwen-qwen2.5-vl-7b"
    assert author_dataset("/srv/models/Qwen2.5-VL") == "written-by-qwen2.5-vl"
