"""Images leave this machine only on request, and follow no redirect and no proxy."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.llm_server import (
    LlmServer,
    sends,
    serving,
)
from tests.helpers.served_squares import (
    evaluate_server,
    squares_server,
    with_first,
)
from visionflan.errors import EvaluationError
from visionflan.evaluate.models.base import EvaluationStoppedError
from visionflan.evaluate.plan import EvalSelection
from visionflan.evaluate.served_evaluation import ServerSettings, evaluate_served
from visionflan.storage.directory import BuildDirectory


def test_images_leave_this_machine_only_on_request(
    build: BuildDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    selection = EvalSelection(builds=(build.path,))
    settings = ServerSettings(url="http://models.example.org/v1", model="squares")
    lines: list[str] = []
    with pytest.raises(EvaluationError, match=r"models\.example\.org is another machine"):
        evaluate_served(settings, selection, tmp_path, lines.append)
    assert lines == []

    def refuse(*_: object, **__: object) -> None:
        raise EvaluationError("sent")

    monkeypatch.setattr("visionflan.evaluate.served_evaluation.ServedModel", refuse)
    with pytest.raises(EvaluationError, match="sent"):
        evaluate_served(replace(settings, send_images=True), selection, tmp_path, lines.append)
    assert lines[0] == "images of these datasets are sent to models.example.org:"
    assert "shapes: its license is not known, since it is not in the catalog" in lines[1]


def test_nothing_follows_a_redirect_with_the_images(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    with serving(squares_server()) as other:
        target = f"{other.url}/chat/completions".replace("127.0.0.1", "localhost")
        server.by_request = with_first(10**6, sends(b"", 307, {"Location": target}))
        with pytest.raises(EvaluationStoppedError, match="the server answered 307"):
            evaluate_server(server, build, tmp_path)
        assert other.requests == []


def test_no_proxy_sees_what_goes_to_this_machine(
    build: BuildDirectory, server: LlmServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with serving(squares_server()) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/v1"))
        evaluate_server(server, build, tmp_path)
        assert proxy.requests == []
        assert proxy.paths == []
