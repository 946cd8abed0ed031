"""What was imported is exported, into any directory, and imported again as it was."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.llava_release import import_directory, record, talk, write_release
from tests.helpers.stored_instances import INFO, draw_image, instance
from visionflan import catalog, formats
from visionflan.atomic_write import new_directory
from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.cli.main import main
from visionflan.errors import BuildError
from visionflan.formats.exporting import export
from visionflan.formats.importing import find_release, import_release
from visionflan.storage.directory import BuildDirectory

WRITTEN = [name for name in formats.names() if formats.load(name).write is not None]
RECORDS = [
    record("0.jpg"),
    record("1.jpg", task_name="Odd name+of a task"),
    record("2.jpg", task_name="Caltech101+Image_classification"),
    record("3.jpg", task_name="odd_name/of_a_task"),
    {"id": "text", **talk("Hello?", "Yes.")},
]


def import_again(build: BuildDirectory, directory: Path, format_name: str) -> BuildDirectory:
    """Export a build and import it under the name of another directory."""
    export(build, directory / "elsewhere", format_name)
    again = directory / "again"
    import_release(find_release(directory / "elsewhere"), again, name="elsewhere")
    return BuildDirectory(again, verify=True)


@pytest.mark.parametrize("format_name", WRITTEN)
def test_tasks_without_an_official_name_keep_their_ids(format_name: str, tmp_path: Path) -> None:
    records = RECORDS if format_name != "cauldron" else RECORDS[:4]
    build, _ = import_directory(write_release(tmp_path / "lab", records))
    again = import_again(build, tmp_path, format_name)
    assert set(again.tasks) == set(build.tasks)
    assert sorted(again.instances().column("id")) == sorted(build.instances().column("id"))
    assert again.digest == build.digest


def test_an_official_name_that_leads_to_another_id_is_not_written(tmp_path: Path) -> None:
    info = replace(INFO, official_name="Photographs of colors+Color")
    with DirectoryWriter(tmp_path / "build", {"name": "drawn"}) as writer:
        writer.add_task("drawn/color", info)
        writer.add_instance(instance("one", (writer.add_image(draw_image(1)),)))
    again = import_again(BuildDirectory(tmp_path / "build"), tmp_path, "llava")
    assert again.instances().column("id") == ["drawn/color/one"]


def test_an_official_name_in_other_letters_is_the_task_of_the_catalog(tmp_path: Path) -> None:
    names = ["Caltech101+Image_classification", "CALTECH101+image classification"]
    records = [record(f"{n}.jpg", task_name=name) for n, name in enumerate(names)]
    build, _ = import_directory(write_release(tmp_path / "lab", records))
    assert list(build.tasks) == ["caltech101/image_classification"]
    assert {one.metric for one in build.instances()} == {"exact_match"}
    sensitive = catalog.load("fairface").tasks["image_classification_race"].official_name.swapcase()
    with pytest.raises(BuildError, match="sensitive_task"):
        import_directory(write_release(tmp_path / "faces", [record(task_name=sensitive)]))


def test_two_exports_into_one_directory_are_not_mixed(tmp_path: Path) -> None:
    build, _ = import_directory(write_release(tmp_path / "lab", RECORDS))
    with new_directory(tmp_path / "out", last="README.md") as directory:
        (directory / "first.txt").touch()
        with pytest.raises(BuildError, match=r"another command writes to .*out: wait for it"):
            export(build, tmp_path / "out", "llava")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["first.txt"]


def test_an_empty_directory_is_filled_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build, _ = import_directory(write_release(tmp_path / "lab", RECORDS))
    out, path = tmp_path / "out", str(build.path.resolve())
    (out / ".out.tmp/images").mkdir(parents=True)  # of an interrupted export
    before = out.stat().st_ino
    monkeypatch.chdir(out)
    assert main(["export", path, "--format", "llava", "--out", "."]) == 0
    assert out.stat().st_ino == before
    assert not list(out.glob(".*"))
    assert {"README.md", "train.json", "images"} < {each.name for each in out.iterdir()}
    with pytest.raises(BuildError, match="not empty"):
        export(build, out, "llava")
