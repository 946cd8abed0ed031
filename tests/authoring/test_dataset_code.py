"""A fault in the code of a dataset file is one sentence with file, line and row, everywhere."""

import re
from pathlib import Path

import pytest

from visionflan import catalog
from visionflan.authoring.scaffold import dataset_file
from visionflan.cli.main import main
from visionflan.dataset_code import read_rows
from visionflan.errors import ReleaseError
from visionflan.plugins import Plugin, PluginWarning

SOUND = dataset_file("flawed_lab", "Flawed Lab")
NO_SPLIT = 'no_split="say why the rows name no official split"'
ROW = "return Row(name,"
EXAMPLE = "return Example(image=row.image, target=row.label"

# What is wrong: the line as it should be, the line as it is, and the message.
BROKEN_FILES = {
    "syntax": ("class Row(NamedTuple):", "class Row(NamedTuple)", "SyntaxError: expected ':'"),
    "import": ("import pick", "import pik", "ImportError: cannot import name 'pik'"),
    "keyword": ("homepage=", "homepag=", "TypeError: .*unexpected keyword argument 'homepag'"),
    "license": ('"unknown"', '"free"', "ValueError: .*license 'free' is not one of"),
    "category": ('"General Object"', '"Object"', "ValueError: .*category 'Object' is not one of"),
    "metric": ("category=", 'metric="f2", category=', "ValueError: .*metric 'f2' is not one of"),
}
# The same for what only shows when the file is used; the message of `check`.
BROKEN_ROWS = {
    "integer key": (ROW, "return Row(5,", "has the key 5, which is not a string"),
    "no key": (ROW, "return Path(name) or (", "the reader yields a PosixPath that has no key"),
    "split": (
        NO_SPLIT,
        'split_field="split"',
        "split_field is 'split', but a Row has no such field",
    ),
    "reader": (
        'table = root / "labels.csv"',
        'table = {}["name"]',
        "KeyError: 'name' .*before the first row",
    ),
    "specimen": ('lines = ["file,label"]', 'raise RuntimeError("oops")', "RuntimeError: oops"),
    "task": (EXAMPLE, "return Example(image=row.image, target={}[row.label]", "KeyError: 'circle'"),
    "target": (EXAMPLE, "return Example(image=row.image, target=5", "target must be a string"),
    "image": (EXAMPLE, "return Example(image=str(row.image), target='a'", "image must be a Path"),
    "options": (EXAMPLE, f"{EXAMPLE}, options=['a']", "options must be a tuple of strings"),
    "one string": (EXAMPLE, f"{EXAMPLE}, options=row.label", "options must be a tuple of strings"),
    "not in options": (EXAMPLE, f"{EXAMPLE}, options=('a', 'b')", "'circle' is not one of"),
    "equal options": (EXAMPLE, f"{EXAMPLE}, options=(row.label,) * 2", "two options are equal"),
    "a string": (EXAMPLE, "return (row.label", "a task returns an Example or None"),
    "nothing": (EXAMPLE, "return (None and row.label", "the specimen has no row for this task"),
}


@pytest.fixture
def flawed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(catalog, "loose_files", {})
    catalog.load.cache_clear()
    return tmp_path / "flawed_lab.py"


def break_file(path: Path, old: str, new: str) -> int:
    """Write the file with one line replaced; return the number of that line."""
    assert old in SOUND
    path.write_text(SOUND.replace(old, new))
    return SOUND[: SOUND.index(old)].count("\n") + 1


def sentence(arguments: list[str], path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must fail, and return what it writes, without a traceback."""
    assert main([*arguments, "--dataset-file", str(path)]) == 1
    output = capsys.readouterr()
    text = output.out + output.err
    assert "Traceback" not in text
    return text


@pytest.mark.parametrize("what", BROKEN_FILES)
@pytest.mark.parametrize(
    "arguments", [["check"], ["tasks"], ["datasets"], ["tasks", "flawed_lab/figure_recognition"]]
)
def test_a_broken_file_is_one_sentence_with_file_and_line(
    what: str, arguments: list[str], flawed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, message = BROKEN_FILES[what]
    break_file(flawed, old, new)
    text = sentence(arguments, flawed, capsys)
    assert re.search(rf"{re.escape(str(flawed))}:\d+: {message}", text)


@pytest.mark.parametrize("function", ["reader", "specimen"])
def test_a_file_without_reader_or_specimen_is_refused(
    function: str, flawed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    break_file(flawed, f"@dataset.{function}", "@staticmethod")
    text = sentence(["check"], flawed, capsys)
    assert f"{flawed}: no function is decorated with `@dataset.{function}`" in text


@pytest.mark.parametrize("what", BROKEN_ROWS)
def test_a_broken_row_is_one_sentence_with_file_line_and_row(
    what: str, flawed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, message = BROKEN_ROWS[what]
    break_file(flawed, old, new)
    text = sentence(["check"], flawed, capsys)
    (line,) = [line for line in text.splitlines() if line.startswith("flawed_lab")]
    assert re.search(rf"{re.escape(str(flawed))}:\d+: .*{message}", line)
    if what in ("task", "target", "image", "options", "not in options", "a string"):
        assert "40 rows, first '0000.png': " in line
    text = sentence(["tasks", "flawed_lab/figure_recognition", "--show"], flawed, capsys)
    assert re.search(message, text) or what == "nothing"


def test_a_word_that_is_no_split_is_found(flawed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    break_file(flawed, NO_SPLIT, 'split_field="label"')
    release = flawed.parent / "releases/flawed_lab"
    (release / "images").mkdir(parents=True)
    (release / "labels.csv").write_text("file,label\n0.png,test\n1.png,dev\n2.png,dev\n")
    text = sentence(["check", "--data-root", str(release.parent)], flawed, capsys)
    specimen, real = (line for line in text.splitlines() if "unknown_split" in line)
    where = rf"{re.escape(str(flawed))}:\d+: label is"
    assert re.search(rf"40 rows, first '0000.png': {where} 'circle', not train, val", specimen)
    assert re.search(rf"2 rows, first '1.png': {where} 'dev', not train, validation, test", real)


def test_the_line_is_that_of_the_fault(flawed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for what in ("reader", "task", "target", "not in options"):
        old, new, _ = BROKEN_ROWS[what]
        number = break_file(flawed, old, new)
        catalog.load.cache_clear()
        assert f"{flawed}:{number}: " in sentence(["check"], flawed, capsys), what


def test_a_broken_package_is_named_and_disturbs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hungry_lab.py").write_text("import os\nimport nowhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    plugins = {
        "hungry": Plugin("hungry_lab", "hungry-package"),
        "lost": Plugin("not_there", "lost-package"),
        "coco": Plugin("hungry_lab", "twin-package"),
    }
    monkeypatch.setattr(catalog.DATASETS, "installed", plugins)
    assert main(["datasets"]) == 0
    output = capsys.readouterr()
    assert "caltech101" in output.out
    assert "hungry" not in output.out
    assert output.err.splitlines() == [
        "warning: left out: the dataset coco of the package twin-package: visionflan has one of "
        "that name: rename the entry point",
        "warning: left out: the dataset hungry of the package hungry-package: "
        f"{tmp_path}/hungry_lab.py:2: ModuleNotFoundError: No module named 'nowhere'",
        "warning: left out: the dataset lost of the package lost-package: its entry point names "
        "not_there, which does not exist",
    ]
    assert main(["datasets", "hungry"]) == 1
    assert "hungry_lab.py:2: ModuleNotFoundError" in capsys.readouterr().err
    with pytest.warns(PluginWarning):
        assert "pacs/photo_object_classification" in catalog.task_names()


def test_an_exception_between_rows_names_the_last_one(loose_dataset: str, tmp_path: Path) -> None:
    dataset = catalog.load(loose_dataset)
    dataset.write_specimen(tmp_path / "release", 3)
    (tmp_path / "release/labels.csv").write_text("file,label\na.png,circle\n")
    read = dataset.read

    def stumble(root: Path):  # type: ignore[no-untyped-def]
        yield from read(root)
        raise IndexError("there is no more")

    dataset.reader(stumble)
    with pytest.raises(ReleaseError, match=r"IndexError: there is no more .*after the row a\.png"):
        list(read_rows(loose_dataset, dataset, tmp_path / "release"))


def test_names_of_modules_of_python_are_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "loose_files", {})
    catalog.load.cache_clear()
    for name in ("json", "class", "My Lab"):
        path = tmp_path / f"{name}.py"
        path.write_text(dataset_file("my_lab", "My Lab"))
        assert catalog.load(catalog.add_file(path)).title == "My Lab"


def test_check_reads_a_real_release(
    loose_dataset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release = tmp_path / "data" / loose_dataset
    catalog.load(loose_dataset).write_specimen(release, 3)
    arguments = ["check", loose_dataset, "--data-root", str(tmp_path / "data")]
    assert main(arguments) == 0
    (release / "labels.csv").write_text("file,label\na.png,circle\nb.png, \nc.png, \n")
    capsys.readouterr()
    assert main(arguments) == 1
    expected = f"{loose_dataset}/figure_recognition: empty_target: 2 rows, first 'b.png': "
    assert expected in capsys.readouterr().out
