"""Images are downloaded politely and resumably, and each failure has a reason in the ledger."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.helpers.board import board_image
from tests.helpers.image_server import (
    FakeTime,
    ImageHandler,
    ImageServer,
    answers,
    breaks_off,
    fetch,
    image_server,
    in_turn,
    redirects,
    stalls,
)
from visionflan.fetch import addresses
from visionflan.fetch.run import FetchSummary
from visionflan.fetch.settings import FetchSettings
from visionflan.fetch.shard_log import LEDGER, STATE_DIR
from visionflan.layouts.img2dataset import DownloadedImages


def ledger(out: Path) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = pq.read_table(out / LEDGER).to_pylist()
    return rows


def test_images_lie_where_img2dataset_puts_them(server: ImageServer, tmp_path: Path) -> None:
    urls = [server.url(f"{number}.jpg") for number in range(5)] + [server.url("none.jpg")]
    summary = fetch(tmp_path, urls)
    assert summary == FetchSummary(5, 0, {"http_status": 1})
    downloaded = DownloadedImages(tmp_path)
    for index, url in enumerate(urls[:5]):
        path = downloaded.image(index, url)
        assert isinstance(path, Path)
        assert path.read_bytes() == board_image(index)
    table = pq.read_table(tmp_path / "00000.parquet").to_pylist()
    assert [row["url"] for row in table] == urls
    assert [row["status"] for row in table] == ["success"] * 5 + ["failed_to_download"]
    assert table[0]["sha256"] == sha256(board_image(0)).hexdigest()
    assert (table[0]["width"], table[0]["height"]) == (90, 75)
    assert ledger(tmp_path) == [
        {
            "key": "000000005",
            "url": urls[5],
            "reason": "http_status",
            "detail": "the server answered 404",
        }
    ]
    assert not list((tmp_path / STATE_DIR).glob("parts*"))


FAILURES: dict[str, tuple[Any, str, int]] = {
    "html": (answers(b"<!DOCTYPE html><p>gone"), "image_is_html", 1),
    "cut": (answers(board_image(1)[:-300]), "image_corrupt", 1),
    "lies": (breaks_off, "incomplete", 4),
    "short": (lambda h: h.send(board_image(1), Content_Length="400"), "image_corrupt", 1),
    "gone": (answers(b"", 410), "http_status", 1),
    "busy": (answers(b"", 503), "http_status", 4),
    "large": (answers(b"x" * 200_001), "too_large", 1),
    "announced": (lambda h: h.send(b"x", Content_Length="1000000000000"), "too_large", 1),
    "endless": (lambda h: h.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 300_000), "", 1),
    "zipped": (answers(board_image(1), Content_Encoding="gzip"), "content_encoding", 1),
    "robots": (answers(board_image(1), X_Robots_Tag="noindex, noai"), "disallowed", 1),
    "file": (redirects("file:///etc/passwd"), "refused_redirect", 1),
    "imgur": (redirects("/removed.png"), "placeholder", 2),
    "loop": (redirects("/loop"), "too_many_redirects", 6),
    "nowhere": (answers(b"", 302), "http_status", 1),
    "garbage": (lambda h: h.wfile.write(b"nonsense\r\n\r\n"), "incomplete", 4),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_has_a_reason_and_leaves_no_file(
    name: str, server: ImageServer, tmp_path: Path
) -> None:
    behavior, reason, requests = FAILURES[name]

    def behave(handler: Any) -> None:
        behavior(handler)
        handler.close_connection = True

    server.behaviors[name] = behave
    server.behaviors["removed.png"] = answers(board_image(1))
    summary = fetch(tmp_path, [server.url(name)], max_bytes=200_000)
    assert summary.failures == {reason or "too_large": 1}
    assert len(server.requests) == requests
    assert not list(tmp_path.glob("0*/*"))
    assert not list((tmp_path / STATE_DIR).glob("parts*"))


def test_a_server_that_stalls_costs_its_image_alone(server: ImageServer, tmp_path: Path) -> None:
    server.behaviors["slow.jpg"] = stalls
    urls = [server.url("slow.jpg"), server.url("1.jpg")]
    summary = fetch(tmp_path, urls, timeout_s=0.5, max_retries=1)
    assert summary == FetchSummary(1, 0, {"timeout": 1})
    assert server.requests.count("slow.jpg") == 2


def test_waiting_for_other_requests_is_no_timeout(server: ImageServer, tmp_path: Path) -> None:
    server.behaviors["slow.jpg"] = stalls
    urls = [server.url("slow.jpg"), server.url("1.jpg", "localhost")]
    summary = fetch(tmp_path, urls, timeout_s=0.7, max_retries=0, concurrency=1)
    assert summary == FetchSummary(1, 0, {"timeout": 1})


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_host_that_asks_to_wait_is_left_alone_for_as_long(
    form: str, server: ImageServer, tmp_path: Path
) -> None:
    def busy(handler: ImageHandler) -> None:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
        handler.send(b"", 429, Retry_After="90" if form == "seconds" else date)

    server.behaviors["1.jpg"] = in_turn(busy, answers(board_image(1)))
    fake = FakeTime()
    assert fetch(tmp_path, [server.url("1.jpg")], fake) == FetchSummary(1, 0, {})
    assert server.requests == ["1.jpg", "1.jpg"]
    assert fake.delays[0] == FetchSettings.initial_delay_s
    assert 60 < sum(fake.delays) <= 90


def test_a_host_that_asks_for_too_long_gets_no_more_requests_in_this_run(
    server: ImageServer, tmp_path: Path
) -> None:
    server.behaviors["1.jpg"] = answers(b"", 503, Retry_After="86400")
    urls = [server.url("1.jpg"), *(server.url(f"{n}.jpg") for n in range(2, 9))]
    summary = fetch(tmp_path, urls, per_host=1)
    assert summary == FetchSummary(0, 0, {"rate_limited": 8})
    assert server.requests == ["1.jpg"]
    del server.behaviors["1.jpg"]
    assert fetch(tmp_path, urls) == FetchSummary(8, 0, {})


def test_delays_double_and_attempts_end(server: ImageServer, tmp_path: Path) -> None:
    server.behaviors["1.jpg"] = answers(b"", 500)
    fake = FakeTime()
    fetch(tmp_path, [server.url("1.jpg")], fake, max_retries=4, max_delay_s=5.0)
    assert fake.delays == [1.0, 2.0, 4.0, 5.0]
    assert len(server.requests) == 5


def test_at_most_two_connections_go_to_a_host(server: ImageServer, tmp_path: Path) -> None:
    def slowly(handler: Any) -> None:
        time.sleep(0.02)
        handler.send(board_image(3))

    urls = []
    for number in range(12):
        server.behaviors[f"slow-{number}"] = slowly
        urls += [server.url(f"slow-{number}", host) for host in ("127.0.0.1", "localhost")]
    assert fetch(tmp_path, urls).fetched == 24
    assert server.most_open == {"127.0.0.1": 2, "localhost": 2}
    server.most_open.clear()
    assert fetch(tmp_path / "one", urls, concurrency=1).fetched == 24
    assert server.most_open.total() <= 2


def test_redirects_lead_to_other_hosts_and_count_there(server: ImageServer, tmp_path: Path) -> None:
    server.behaviors["old"] = redirects(server.url("2.jpg", "localhost"))
    server.behaviors["older"] = redirects("/old")
    assert fetch(tmp_path, [server.url("older")]).fetched == 1
    assert server.requests == ["older", "old", "2.jpg"]


def test_a_redirect_in_utf_8_is_followed(server: ImageServer, tmp_path: Path) -> None:
    server.behaviors["moved"] = redirects("/é.jpg".encode().decode("latin-1"))
    server.behaviors["%C3%A9.jpg"] = answers(board_image(1))
    assert fetch(tmp_path, [server.url("moved")]).fetched == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/1.jpg",
        "http://localhost:{port}/1.jpg",
        "http://2130706433:{port}/1.jpg",
        "http://[::ffff:127.0.0.1]:{port}/1.jpg",
        "http://10.0.0.1/1.jpg",
        "http://192.168.1.1/1.jpg",
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1]/1.jpg",
        "http://[64:ff9b::7f00:1]/1.jpg",
        "http://0.0.0.0:{port}/1.jpg",
    ],
)
def test_private_hosts_are_refused(url: str, server: ImageServer, tmp_path: Path) -> None:
    addresses = [url.format(port=server.server_port)]
    summary = fetch(tmp_path, addresses, allow_private_hosts=False)
    assert summary.failures == {"private_address": 1}
    assert server.requests == []


def test_neither_a_redirect_nor_a_name_leads_to_a_private_host(
    server: ImageServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(host: str, _: int) -> list[str]:
        return {"two.test": ["127.0.0.2", "127.0.0.1"]}.get(host, [host])

    monkeypatch.setattr(addresses, "is_public", "127.0.0.1".__eq__)
    monkeypatch.setattr(addresses, "resolve", resolve)
    server.behaviors["inside"] = redirects(server.url("1.jpg", "127.0.0.2"))
    urls = [server.url("inside"), server.url("2.jpg", "two.test")]
    summary = fetch(tmp_path, urls, allow_private_hosts=False)
    assert summary == FetchSummary(1, 0, {"private_address": 1})
    assert sorted(server.requests) == ["2.jpg", "inside"]


@pytest.mark.parametrize(
    "url",
    [
        *("", "file:///etc/passwd", "ftp://a/b", "http://", "http://u:p@a/b", "http://a:99999/"),
        *("http://xn--/a.jpg", "http://xn--a/a.jpg"),
    ],
)
def test_what_is_no_web_address_is_refused(url: str, tmp_path: Path) -> None:
    assert fetch(tmp_path, [url]).failures == {"invalid_url": 1}


def test_an_unknown_host_and_a_closed_port_are_failures(tmp_path: Path) -> None:
    with image_server() as closed:
        url = closed.url("1.jpg")
    urls = ["http://no-such-host.invalid/1.jpg", url]
    failures = fetch(tmp_path, urls, max_retries=0).failures
    assert failures == {"unknown_host": 1, "connection_failed": 1}
