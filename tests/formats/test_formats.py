"""A format is one file: the commands offer it, write it and read it without further changes."""

from pathlib import Path

import pytest

from visionflan import formats
from visionflan.builder.demo import specimens
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.cli.main import main
from visionflan.errors import DefinitionError, UnknownNameError
from visionflan.plugins import PluginKind

IDS = """
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from visionflan.formats.base import ConversationRecord, Format
from visionflan.storage.instance import Turn


def write(build, instances, directory, split):
    (directory / f"{split}.ids").write_text("\\n".join(instance.id for instance in instances))


class Ids(NamedTuple):
    annotations: Path
    images: Path

    def conversations(self) -> Iterator[ConversationRecord]:
        for line in self.annotations.read_text().splitlines():
            turns = (Turn("user", "Which instance is this?"), Turn("assistant", line))
            yield ConversationRecord("ids+naming", (), turns)


FORMAT = Format("ids", files="{split}.ids", write=write, read=lambda path, images: Ids(path, path))
"""


@pytest.fixture
def ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Add a format's file to those of the package."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more/ids.py").write_text(IDS)
    add_directory(monkeypatch, tmp_path / "more")
    return "ids"


def add_directory(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    """Add a directory to those of the package's formats, which are then found anew."""
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(directory)])
    find_anew(monkeypatch)


def find_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the formats that were found before."""
    old = formats.FORMATS
    monkeypatch.setattr(
        formats, "FORMATS", PluginKind(old.noun, old.group, old.package, old.helpers)
    )


def test_the_formats_of_the_package_are_found_by_their_files() -> None:
    assert {"huggingface", "llava", "swift"} < set(formats.names())
    assert all(formats.load(name).name == name for name in formats.names())
    with pytest.raises(UnknownNameError, match="did you mean llava"):
        formats.load("lava")


def test_a_new_file_is_a_format_of_export_and_import(
    ids: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    offered = "".join(capsys.readouterr().out.split())
    assert f"{{{','.join(formats.names())}}}" in offered
    assert ids in formats.names()
    out = tmp_path / "out"
    with specimens(["caltech101/*"]) as data_root:
        build(data_root, tmp_path / "build", BuildSettings(tasks=("caltech101/*",)), workers=1)
    assert main(["export", str(tmp_path / "build"), "--format", ids, "--out", str(out)]) == 0
    lines = (out / "train.ids").read_text().splitlines()
    assert lines
    assert all(line.startswith("caltech101/") for line in lines)
    assert "{split: train, path: 'train.ids'}" in (out / "README.md").read_text()
    again = ["import", str(out / "train.ids"), "--format", ids, "--out", str(tmp_path / "again")]
    assert main(again) == 0
    assert f"{len(lines)} instances" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["import", "export"])
def test_the_help_says_what_each_format_is(
    ids: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert all(formats.summaries()[name] for name in formats.names() if name != ids)
    with pytest.raises(SystemExit):
        main([command, "--help"])
    lines = capsys.readouterr().out.splitlines()
    for name, summary in formats.summaries().items():
        assert f"  {name:<22}{summary}".rstrip() in map(str.rstrip, lines)


def test_a_format_of_another_package_is_recognized_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = IDS.replace('Format("ids"', 'Format("lab_ids"').replace(
        "FORMAT =", "recognize = lambda path: path.suffix == '.ids'\nFORMAT ="
    )
    source = source.replace("Ids(path, path))", "Ids(path, path.parent), recognize=recognize)")
    site = tmp_path / "site"
    (site / "lab-1.dist-info").mkdir(parents=True)
    (site / "lab_ids.py").write_text(f'"""Ids of a lab, one a line."""\n{source}')
    (site / "lab-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: lab\nVersion: 1\n")
    points = "[visionflan.formats]\nlab_ids = lab_ids\n"
    (site / "lab-1.dist-info/entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(site))
    find_anew(monkeypatch)
    assert "lab_ids" in formats.names()
    assert formats.summaries()["lab_ids"] == "Ids of a lab, one a line"
    (tmp_path / "train.ids").write_text("one\ntwo\n")
    assert main(["import", str(tmp_path / "train.ids"), "--out", str(tmp_path / "out")]) == 0
    captured = capsys.readouterr()
    assert "as lab_ids" in captured.err
    assert "2 instances" in captured.out


def test_a_format_that_cannot_be_read_is_refused(
    ids: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = (tmp_path / "more/ids.py").read_text()
    source = source.replace(", read=lambda path, images: Ids(path, path)", "")
    (tmp_path / "more/only_ids.py").write_text(source.replace('Format("ids"', 'Format("only_ids"'))
    command = ["import", str(tmp_path), "--format", "only_ids", "--out", str(tmp_path / "out")]
    assert main(command) == 1
    assert "only_ids can only be exported" in capsys.readouterr().err


@pytest.mark.parametrize("source", ["", 'FORMAT = "empty"'])
def test_a_file_without_a_format_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    name = f"empty_{len(source)}"
    (tmp_path / f"{name}.py").write_text(source)
    add_directory(monkeypatch, tmp_path)
    with pytest.raises(DefinitionError, match="must define `FORMAT"):
        formats.load(name)
