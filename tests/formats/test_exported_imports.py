"""What was imported keeps its tasks and rows in an export that is imported again."""

from pathlib import Path

import pytest

from tests.helpers.llava_release import import_directory, record, write_release
from visionflan.formats.exporting import export
from visionflan.formats.importing import find_release, import_release
from visionflan.storage.directory import BuildDirectory

RECORDS = [record(), record("1.jpg", task_name="figures"), record("2.jpg", task_name="A+b")]


@pytest.mark.parametrize(
    "form", ["llava", "llama_factory", "swift", "webdataset", "xtuner", "vision_flan_instances"]
)
def test_a_task_that_no_release_names_is_the_same_after_an_export(
    form: str, tmp_path: Path
) -> None:
    imported, _ = import_directory(write_release(tmp_path / "lab", RECORDS))
    assert set(imported.tasks) == {"lab/conversation", "lab/figures", "a/b"}
    export(imported, tmp_path / "exported", form)
    import_release(find_release(tmp_path / "exported"), tmp_path / "again", name="exported")
    assert BuildDirectory(tmp_path / "again").digest == imported.digest


def test_an_import_of_several_files_has_the_name_of_their_directory(tmp_path: Path) -> None:
    directory = write_release(tmp_path / "lab", RECORDS[:2], "train.json")
    (directory / "held_out.json").write_text((directory / "train.json").read_text())
    assert find_release(directory).annotations == directory
    assert find_release(directory / "train.json").annotations == directory / "train.json"
    imported, _ = import_directory(directory)
    assert imported.manifest["about"]["settings"]["imported"] == "lab"
    assert "\n# Imported from lab\n" in (directory / "build/README.md").read_text()
