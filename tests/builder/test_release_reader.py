"""A release that crashes, hangs or floods its reader costs itself alone."""

import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.board import BOARD_FILE, files_of, row_of, write_board
from visionflan import catalog
from visionflan.builder import release_reader
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build

VILLAIN = '''
"""A dataset whose reader does what the file `deed` of its release says."""
import faulthandler, json, os, pickle, signal, sys, time
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import Dataset, Example


class Row(NamedTuple):
    key: str
    image: Path


dataset = Dataset[Row](
    title="Villain", homepage="https://example.org", license="MIT", citation="none",
    obtain="The tests write it.", tree="deed",
)


@dataset.reader
def read(root):
    yield Row("first", root / "image.jpg")
    faulthandler.disable()  # the tests enable it, and it would write about each crash
    more = []
    if (root / "deed").is_file():
        exec((root / "deed").read_text(), {**globals(), "root": root, "more": more})
    for path in more:
        yield Row(path.parent.name, path)
    for path in sorted(root.glob("*.txt")):
        path.read_text()
    yield Row("last", root / "image.jpg")


@dataset.specimen
def specimen(root, count):
    """Write nothing: the tests write the release."""


@dataset.task("Say what is seen.", title="Say", category="Perception")
def say(row):
    return Example(image=row.image, target=row.key)
'''

# What a reader does, and what the sentence about it says.
DEEDS = {
    "segfault": ("os.kill(os.getpid(), signal.SIGSEGV)", "was ended by SIGSEGV after 1 row"),
    "bus error": ("os.kill(os.getpid(), signal.SIGBUS)", "was ended by SIGBUS"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", "was ended by SIGKILL"),
    "exit": ("sys.exit('enough')", "SystemExit: enough"),
    "hard exit": ("os._exit(0)", "ended with exit code 0"),
    "interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "exception": (
        "{}['label']",
        "KeyError: 'label' (villain: its reader failed after the row first)",
    ),
    "recursion": ("json.loads('[' * 100_000)", "RecursionError"),
    "long number": ("int('9' * 5_000)", "ValueError: Exceeds the limit"),
    "row without a key": ("more.append(None)", "AttributeError: 'NoneType' object"),
    "pickle": (
        "hash(pickle.loads((root / 'nested.pkl').read_bytes()))",
        "the last file that it opened is villain/nested.pkl",
    ),
}


def write_releases(directory: Path, patch: pytest.MonkeyPatch) -> Path:
    """Write a sound release and one whose reader can be told what to do."""
    villain = directory / "villain.py"
    villain.write_text(VILLAIN)
    patch.setattr(catalog, "loose_files", {"board": BOARD_FILE, "villain": villain})
    catalog.load.cache_clear()
    write_board(directory / "data/board", [row_of(n) for n in range(6)], 6)
    (directory / "data/villain").mkdir()
    shutil.copy(directory / "data/board/images/0.jpg", directory / "data/villain/image.jpg")
    return directory / "data"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the two releases, which a test may change."""
    return write_releases(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files of a build whose readers do nothing strange."""
    directory = tmp_path_factory.mktemp("clean")
    with pytest.MonkeyPatch.context() as patch:
        build_both(write_releases(directory, patch), directory / "out")
    catalog.load.cache_clear()
    return files_of(directory / "out")


def build_both(data: Path, out: Path, **settings: Any) -> dict[str, Any]:
    merged = {"tasks": ("board", "villain"), "hold_out_images": 0.0, **settings}
    return build(data, out, BuildSettings(**merged), workers=1)


def failure(data: Path, out: Path) -> str:
    """Build both; return the sentence about the villain, after checking that the board is built."""
    manifest = build_both(data, out)
    assert manifest["datasets"]["board"]["status"] == "built"
    assert manifest["tasks"]["board/ask"]["written"] == 6
    assert manifest["datasets"]["villain"]["status"] == "failed"
    message: str = manifest["datasets"]["villain"]["message"]
    assert "\n" not in message
    assert not message.startswith("villain: ")  # its entry has that name
    return message


@pytest.mark.parametrize("deed", DEEDS)
def test_what_a_reader_does_costs_its_dataset_alone(
    clean: dict[str, bytes], data: Path, deed: str
) -> None:
    code, sentence = DEEDS[deed]
    (data / "villain/deed").write_text(code)
    if "nested" in code:
        nested = pickle.dumps(())[:-1] + b"\x85" * 1_000_000 + b"."
        (data / "villain/nested.pkl").write_bytes(nested)
    assert sentence in failure(data, data.parent / "out")
    (data / "villain/deed").unlink()
    (data / "villain/nested.pkl").unlink(missing_ok=True)
    assert build_both(data, data.parent / "out")["datasets"]["villain"]["status"] == "built"
    assert files_of(data.parent / "out") == clean


def test_a_reader_that_waits_for_ever_is_ended(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release_reader, "STALL_S", 2)
    (data / "villain/deed").write_text("time.sleep(3_600)")
    assert "no row, file or byte for 2 seconds after 1 row" in failure(data, data.parent / "out")


def test_a_reader_that_allocates_without_end_is_ended(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_reader, "machine_memory", lambda: 1 << 30)
    (data / "villain/deed").write_text("hoard = [bytes(50_000_000) for _ in range(1_000)]")
    assert "needs more memory than there is" in failure(data, data.parent / "out")


def test_a_pipe_in_place_of_a_file_does_not_hang(data: Path) -> None:
    os.mkfifo(data / "villain/labels.txt")
    message = failure(data, data.parent / "out")
    assert "villain/labels.txt is a pipe or a device, not a file" in message


def test_a_device_in_place_of_a_file_is_not_read(data: Path) -> None:
    (data / "villain/labels.txt").symlink_to("/dev/zero")
    assert "labels.txt is a pipe or a device" in failure(data, data.parent / "out")


def test_a_link_to_itself_costs_nothing_else(data: Path) -> None:
    (data / "villain/loop").symlink_to("loop")
    (data / "villain/labels.txt").symlink_to("labels.txt")
    assert "labels.txt" in failure(data, data.parent / "out")


def test_a_data_root_with_a_link_to_itself_is_built(data: Path) -> None:
    (data / "caltech101").symlink_to("caltech101")
    assert build_both(data, data.parent / "out")["datasets"]["villain"]["status"] == "built"


def test_a_name_that_is_not_utf8_costs_nothing(data: Path) -> None:
    directory = os.fsencode(data / "villain") + b"/name\xe9"
    os.mkdir(directory)  # noqa: PTH102 - a name in bytes
    shutil.copy(data / "villain/image.jpg", os.fsdecode(directory + b"/\xe9.jpg"))
    os.mkdir(os.fsencode(data) + b"/\xe9")  # noqa: PTH102
    (data / "villain/deed").write_text("more.extend(root.glob('*/*.jpg'))")
    manifest = build_both(data, data.parent / "out")
    assert manifest["about"]["unknown_directories"] == ["\\udce9"]
    assert manifest["tasks"]["villain/say"]["dropped"]["invalid_utf8"] == 1
    (data / "villain/deed").write_text("raise ValueError(os.listdir(root))")
    assert "name" in failure(data, data.parent / "again")


def test_tasks_of_a_failed_dataset_may_be_held_out(data: Path) -> None:
    (data / "villain/deed").write_text("raise ValueError('bad')")
    manifest = build_both(data, data.parent / "out", hold_out_tasks=("villain/say", "board/ask"))
    assert manifest["datasets"]["villain"]["status"] == "failed"
    assert manifest["tasks"]["board/ask"]["held_out"] == 6


def test_a_directory_that_is_not_read_is_named(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("extra/train", "docs", "board_images"):
        (data / "villain" / name).mkdir(parents=True)
    shutil.copy(data / "villain/image.jpg", data / "villain/extra/train/1.jpg")
    (data / "villain/docs/readme.md").write_text("no data")
    lines: list[str] = []
    settings = BuildSettings(tasks=("board", "villain"))
    manifest = build(data, tmp_path / "out", settings, workers=1, log=lines.append)
    assert manifest["datasets"]["villain"]["unread_directories"] == {"extra": 1}
    assert manifest["datasets"]["board"]["unread_directories"] == {}
    assert "villain: not read: extra (1 file)" in lines
    assert "- not read: `extra` (1 file)" in (tmp_path / "out/README.md").read_text()


def test_directories_of_images_and_of_listings_count_as_read(data: Path) -> None:
    root = data / "villain"
    for name in ("used", "listed/inner", "left"):
        (root / name).mkdir(parents=True)
        shutil.copy(root / "image.jpg", root / name / "1.jpg")
    (root / "deed").write_text(
        "list((root / 'listed/inner').iterdir())\nmore.append(root / 'used/1.jpg')"
    )
    manifest = build_both(data, data.parent / "out")
    assert manifest["datasets"]["villain"]["unread_directories"] == {"left": 1}
