"""A download goes on where it was stopped, and its records are imported."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from hashlib import md5, sha256
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.helpers.board import board_image
from tests.helpers.image_server import ImageServer, answers, fetch, stalls
from tests.helpers.llava_release import record, talk
from visionflan.cli.main import main
from visionflan.errors import ReleaseError
from visionflan.fetch.run import FetchSummary
from visionflan.fetch.shard_log import STATE_DIR, UrlEntry
from visionflan.storage.directory import BuildDirectory


def test_what_is_there_is_not_downloaded_again(server: ImageServer, tmp_path: Path) -> None:
    urls = [server.url(f"{number}.jpg") for number in range(4)]
    fetch(tmp_path, urls[:3])
    server.requests.clear()
    (tmp_path / "00000/000000001.jpg").write_bytes(b"cut")
    changed = [server.url("7.jpg"), *urls[1:]]
    assert fetch(tmp_path, changed) == FetchSummary(3, 1, {})
    assert sorted(server.requests) == ["1.jpg", "3.jpg", "7.jpg"]
    assert (tmp_path / "00000/000000000.jpg").read_bytes() == board_image(7)
    table = pq.read_table(tmp_path / "00000.parquet").to_pylist()
    assert [row["url"] for row in table] == changed


def test_failures_for_good_are_tried_again_only_on_request(
    server: ImageServer, tmp_path: Path
) -> None:
    server.behaviors["busy"] = answers(b"", 500)
    urls = [server.url("none"), server.url("busy")]
    fetch(tmp_path, urls, max_retries=0)
    server.requests.clear()
    summary = fetch(tmp_path, urls, max_retries=0)
    assert server.requests == ["busy"]
    assert summary.failures == {"http_status": 2}
    fetch(tmp_path, urls, max_retries=0, retry_failed=True)
    assert sorted(server.requests) == ["busy", "busy", "none"]


def test_ids_name_files_and_hashes_are_checked(server: ImageServer, tmp_path: Path) -> None:
    png = board_image(2, "PNG")
    server.behaviors["2"] = answers(png)
    one = board_image(1)
    entries = [
        UrlEntry(0, server.url("1.jpg"), name="a/b", digest=sha256(one).hexdigest()),
        UrlEntry(1, server.url("2"), name="../x", digest=md5(png).hexdigest().upper()),
        UrlEntry(2, server.url("1.jpg"), name="c.JPG", digest="0" * 64),
        UrlEntry(3, server.url("1.jpg"), name="d", digest="xyz"),
        UrlEntry(4, server.url("1.jpg"), name="a/b"),
        UrlEntry(5, server.url("1.jpg"), name="e.jpg"),
        UrlEntry(6, server.url("1.jpg"), path="deep/er/6.jpg"),
        UrlEntry(7, server.url("3.jpg"), path="../outside.jpg"),
        UrlEntry(8, server.url("3.jpg"), path=str(tmp_path / "outside.jpg")),
    ]
    summary = fetch(tmp_path / "out", entries)
    assert summary.failures == {"hash_mismatch": 2, "repeated_id": 1, "unsafe_path": 2}
    assert sorted(server.requests) == ["1.jpg", "2"]
    tmp_path /= "out"
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*") if path.is_file()}
    images = {name for name in files if name.lower().endswith((".jpg", ".png"))}
    assert images == {"a%2Fb.jpg", "%2E.%2Fx.png", "e.jpg", "deep/er/6.jpg"}
    assert fetch(tmp_path, entries).present == 4


def test_ids_that_may_name_the_same_file_are_repeated(server: ImageServer, tmp_path: Path) -> None:
    names = ["a", "a.jpg", "b.JPEG", "b", "c.jpg", "c.png"]
    entries = [UrlEntry(row, server.url(f"{row}.jpg"), name=name) for row, name in enumerate(names)]
    assert fetch(tmp_path, entries) == FetchSummary(4, 0, {"repeated_id": 2})
    assert (tmp_path / "a.jpg").read_bytes() == board_image(0)
    assert (tmp_path / "b.JPEG").read_bytes() == board_image(2)
    assert fetch(tmp_path, entries) == FetchSummary(0, 4, {"repeated_id": 2})


def test_a_log_that_a_kill_cut_off_is_read(server: ImageServer, tmp_path: Path) -> None:
    urls = [server.url(f"{number}.jpg") for number in range(3)]
    fetch(tmp_path, urls)
    log = tmp_path / STATE_DIR / "00000.jsonl"
    log.write_bytes(log.read_bytes()[:-20])
    server.requests.clear()
    assert fetch(tmp_path, urls) == FetchSummary(1, 2, {})
    assert len(server.requests) == 1
    assert fetch(tmp_path, urls) == FetchSummary(0, 3, {})


def test_a_killed_download_goes_on(server: ImageServer, tmp_path: Path) -> None:
    for number in range(8, 12):
        server.behaviors[f"{number}.jpg"] = stalls
    urls = [server.url(f"{number}.jpg") for number in range(12)]
    (tmp_path / "urls.txt").write_text("\n".join(urls))
    out = tmp_path / "out"
    arguments = [
        str(tmp_path / "urls.txt"),
        "--out",
        str(out),
        "--allow-private-hosts",
        "--timeout=9",
    ]
    process = subprocess.Popen([sys.executable, "-m", "visionflan", "fetch", *arguments])
    log = out / STATE_DIR / "00000.jsonl"
    while not log.is_file() or log.read_bytes().count(b"\n") < 8:
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    server.behaviors.clear()
    server.requests.clear()
    assert main(["fetch", *arguments]) == 0
    assert set(server.requests) == {f"{number}.jpg" for number in range(8, 12)}
    for number in range(12):
        content = (out / f"00000/{number:09}.jpg").read_bytes()
        assert content == board_image(number)
    assert not list((out / STATE_DIR).glob("parts*"))


def test_two_downloads_into_a_directory_are_refused(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from visionflan.fetch.output_lock import lock_state\n"
        "with lock_state(Path(sys.argv[1])): print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / STATE_DIR],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(ReleaseError, match="another process downloads into"):
            fetch(tmp_path, ["http://a/1.jpg"])
        holder.communicate("")


def test_records_with_urls_are_imported_after_a_download(
    server: ImageServer, tmp_path: Path
) -> None:
    two = record([server.url("2.jpg"), server.url("3.jpg")], id="two")
    two["conversations"][0]["value"] = "<image>\n<image>\nWhat is this?"
    records = [
        record(server.url("1.jpg"), id="one"),
        two,
        record(server.url("none.jpg"), id="none"),
        {"id": "text", **talk("Hello?", "Yes.")},
    ]
    (tmp_path / "train.json").write_text(json.dumps(records))
    out = tmp_path / "out"
    arguments = ["fetch", str(tmp_path / "train.json"), "--out", str(out), "--allow-private-hosts"]
    assert main(arguments) == 0
    assert main(["import", str(out / "train.jsonl"), "--out", str(tmp_path / "build")]) == 0
    build = BuildDirectory(tmp_path / "build", verify=True)
    images = sorted([build.image(i) for i in row.images] for row in build.instances())
    assert images == sorted([[], [board_image(1)], [board_image(2), board_image(3)]])
    reasons = pq.read_table(tmp_path / "build/ledger.parquet")["reason"].to_pylist()
    assert reasons == ["remote_image"]


def test_a_url_of_several_rows_is_requested_once(server: ImageServer, tmp_path: Path) -> None:
    server.behaviors["none"] = answers(b"", 404)
    urls = [server.url("1.jpg"), server.url("none")] * 5
    assert fetch(tmp_path, urls) == FetchSummary(5, 0, {"http_status": 5})
    assert sorted(server.requests) == ["1.jpg", "none"]
    for row in range(0, 10, 2):
        assert (tmp_path / f"00000/{row:09}.jpg").read_bytes() == board_image(1)
    assert fetch(tmp_path, urls) == FetchSummary(0, 5, {"http_status": 5})


def test_an_error_of_the_disk_ends_the_download_and_keeps_the_log(
    server: ImageServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def fail(path: Path, target: Path) -> Path:
        if path.parent.name == "parts" and path.name == "3":
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", fail)
    urls = [server.url(f"{number}.jpg") for number in range(6)]
    with pytest.raises(OSError, match="No space left"):
        fetch(tmp_path, urls, per_host=1)
    monkeypatch.undo()
    summary = fetch(tmp_path, urls)
    assert summary.fetched + summary.present == 6
    assert summary.present >= 1


def test_an_interrupted_download_ends_with_its_tables(server: ImageServer, tmp_path: Path) -> None:
    server.behaviors["2.jpg"] = stalls
    (tmp_path / "urls.txt").write_text("\n".join(server.url(f"{n}.jpg") for n in range(3)))
    out = tmp_path / "out"
    arguments = [str(tmp_path / "urls.txt"), "--out", str(out), "--allow-private-hosts"]
    process = subprocess.Popen(
        [sys.executable, "-m", "visionflan", "fetch", *arguments], stderr=subprocess.PIPE
    )
    log = out / STATE_DIR / "00000.jsonl"
    while not log.is_file() or log.read_bytes().count(b"\n") < 2:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.decode() == "interrupted; run the same command again to resume.\n"
    assert pq.read_table(out / "00000.parquet").num_rows == 2
