"""The page of overlaps shows the pictures side by side, needs no other file, and runs nothing."""

from pathlib import Path

import pytest

from tests.helpers.html_reader import PageReader, zoomable_images
from visionflan import catalog
from visionflan.atomic_write import write_json
from visionflan.builder.decontamination.find import OVERLAPS, BenchmarkOverlap, write_overlaps
from visionflan.builder.decontamination.references import (
    Decontamination,
    Reference,
    ReferenceItem,
    folder_reference,
)
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.cli.main import main
from visionflan.dataset_code import write_specimen
from visionflan.report.overlap_page import NUM_EXAMPLES, overlap_groups, write_overlap_page

SCRIPT = "<script>alert(1)</script>"
WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen"


@pytest.fixture(scope="module")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_specimen("caltech101", catalog.load("caltech101"), root / "caltech101", 24)
    return root


def read(page: Path) -> tuple[str, PageReader]:
    text, reader = page.read_text(encoding="utf-8"), PageReader()
    reader.feed(text)
    return text, reader


def test_the_command_line_writes_the_page(
    data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, task = tmp_path / "out", "caltech101/image_classification"
    arguments = ["build", "--data-root", str(data_root), "--out", str(out), "--tasks", task]
    assert main([*arguments, "--decontaminate", str(data_root), "--report-only"]) == 0
    assert f"overlaps: {out / 'overlaps.html'}" in capsys.readouterr().out
    text, reader = read(out / "overlaps.html")
    assert reader.problems == []
    (group,) = overlap_groups(out)
    assert group.total > NUM_EXAMPLES
    assert len(zoomable_images(text)) == 2 * NUM_EXAMPLES
    assert f"And {group.total - NUM_EXAMPLES} more overlaps" in reader.text
    assert main(["verify", str(out)]) == 0


def test_text_of_others_runs_nothing(data_root: Path, tmp_path: Path) -> None:
    hostile = Reference(
        f'"{SCRIPT}', "0" * 64, [ReferenceItem(SCRIPT, f"{SCRIPT} {WORDS}", ())], lambda _: b""
    )
    decontamination = Decontamination(references=[hostile])
    settings = BuildSettings(tasks=("caltech101/image_classification",))
    manifest = build(data_root, tmp_path / "out", settings, decontamination=decontamination)
    overlap = BenchmarkOverlap(
        *(f"caltech101/{SCRIPT}", f"'\"{SCRIPT}", "train", True, hostile.name, SCRIPT, "words"),
        *("", "", f"{SCRIPT} {WORDS}", None),
    )
    broken = overlap._replace(kind="look", image="0" * 64, benchmark_image="1" * 64, words="")
    write_overlaps(tmp_path / "out", [overlap, broken])
    manifest["files"][OVERLAPS] = (tmp_path / "out" / OVERLAPS).stat().st_size
    write_json(tmp_path / "out/manifest.json", manifest)
    text, reader = read(write_overlap_page(tmp_path / "out", [hostile]))
    assert "<script" not in text
    assert reader.counts["script"] == 0
    assert text.count("&lt;script&gt;") >= 6
    assert WORDS in reader.text


def test_rows_about_the_same_images_are_shown_once(data_root: Path, tmp_path: Path) -> None:
    images = sorted((data_root / "caltech101").rglob("*.jpg"))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "copy.jpg").write_bytes(images[-1].read_bytes())
    against = Decontamination(references=[folder_reference(folder)])
    build(data_root, tmp_path / "out", BuildSettings(), decontamination=against)
    for group in overlap_groups(tmp_path / "out"):
        assert len(group.examples) == 1
    _, reader = read(write_overlap_page(tmp_path / "out", against.references))
    assert reader.problems == []
    assert "the same file" in reader.text
