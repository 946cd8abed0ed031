"""Evaluations of a served model: same records, paid once, of one model, and sent to it only."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.llm_server import (
    Behavior,
    LlmServer,
    RecordedDelays,
    breaks_off,
    fails,
    hangs,
    sends,
)
from tests.helpers.served_squares import (
    ENTRY,
    completion,
    evaluate_server,
    look,
    questions,
    with_first,
)
from tests.helpers.tiny_evaluation import ToyModel, run_evaluation
from visionflan.errors import EvaluationError
from visionflan.evaluate.models.base import EvaluationStoppedError
from visionflan.evaluate.plan import EvalSelection
from visionflan.evaluate.records.files import HEADER, JOURNAL, RECORDS
from visionflan.evaluate.records.header import read_header
from visionflan.evaluate.records.journal import Journal
from visionflan.evaluate.records.record import Record, read_records
from visionflan.llm.base import TokenPrices
from visionflan.llm.budget import Limits
from visionflan.storage.directory import BuildDirectory


def contents(records: list[Record]) -> list[tuple[Any, ...]]:
    """Return the parts of records that do not name the model."""
    return [
        (r.key, r.prompt, r.images_shown, r.response, r.score_official, r.score_lenient)
        for r in records
    ]


def test_a_server_is_asked_the_same_and_scored_alike(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    server.delay = 0.05
    (result,), _ = evaluate_server(server, build, tmp_path / "served")
    _, local = run_evaluation(build, tmp_path / "local", ToyModel(), limit=2)
    served = read_records(tmp_path / "served" / RECORDS)
    assert contents(served) == contents(local)
    assert {record.condition for record in served} == {"original", "blank", "swapped"}
    assert {record.num_tokens for record in served} == {3}
    assert 4 < server.max_concurrent <= 16
    first = questions(server)[0]
    assert (first["temperature"], first["max_tokens"]) == (0.0, 64)
    assert all(not record.logprobs for record in served)
    assert "no log-likelihoods" in result.scores["no_likelihoods"]
    assert all(task["likelihood"] is None for task in result.scores["tasks"].values())


def test_the_header_records_what_the_server_says(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    server.models = [{**ENTRY, "created": 7, "permission": [{"id": "modelperm-1"}]}]
    evaluate_server(server, build, tmp_path)
    header = read_header(tmp_path)
    assert header.checkpoint_path == server.url
    assert header.model.chat_template == "the server's own"
    assert header.model.server == {
        "address": server.url,
        "name": "squares",
        "entry": {"id": "squares", "owned_by": "vllm", "root": "/models/a"},
        "model": "squares",
        "fingerprint": "fp_1",
    }


def test_nothing_is_paid_twice(build: BuildDirectory, server: LlmServer, tmp_path: Path) -> None:
    evaluate_server(server, build, tmp_path)
    sent = [json.dumps(body) for body in questions(server)]
    assert len(sent) == len(set(sent)), "equal questions were sent at once"
    server.requests.clear()
    server.models = [{**ENTRY, "created": 2}]  # listed anew
    evaluate_server(server, build, tmp_path)
    assert questions(server) == []
    (tmp_path / RECORDS).unlink()
    evaluate_server(server, build, tmp_path)
    assert questions(server) == [], "the cache of answers was not used"
    evaluate_server(server, build, tmp_path, selection=EvalSelection(builds=(build.path,), limit=4))
    assert not {json.dumps(body) for body in questions(server)} & set(sent)


def test_a_limit_of_calls_stops_and_resumes(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    with pytest.raises(EvaluationStoppedError, match=r"limit of 11 calls is reached.*stored"):
        evaluate_server(server, build, tmp_path, limits=Limits(max_calls=11, workers=3))
    assert len(questions(server)) == 10
    assert len(list(Journal(tmp_path / JOURNAL))) >= 10
    assert not (tmp_path / RECORDS).exists()
    before = {json.dumps(body) for body in questions(server)}
    server.requests.clear()
    evaluate_server(server, build, tmp_path)
    assert not before & {json.dumps(body) for body in questions(server)}
    _, local = run_evaluation(build, tmp_path / "local", ToyModel(), limit=2)
    assert contents(read_records(tmp_path / RECORDS)) == contents(local)


def test_a_limit_in_dollars_is_not_exceeded(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    prices = TokenPrices(1.0, 1.0)
    with pytest.raises(EvaluationStoppedError, match=r"limit of 0\.0408 US dollars"):
        evaluate_server(
            server, build, tmp_path, prices=prices, limits=Limits(max_usd=0.0408, workers=8)
        )
    assert 33e-6 * len(server.requests) <= 0.0408
    assert len(questions(server)) > 5


def test_an_overloaded_server_is_asked_again_when_it_says(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    delays = RecordedDelays()
    server.by_request = with_first(3, fails(429, "slow down", Retry_After="7"))
    evaluate_server(server, build, tmp_path, delays=delays)
    assert delays.seconds == [7.0] * 3
    assert not any(record.error for record in read_records(tmp_path / RECORDS))


@pytest.mark.parametrize("behavior", [fails(500, "boom"), breaks_off])
def test_a_server_that_fails_for_a_while_loses_nothing(
    behavior: Behavior, build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    server.by_request = with_first(3, behavior)
    evaluate_server(server, build, tmp_path)
    _, local = run_evaluation(build, tmp_path / "local", ToyModel(), limit=2)
    assert contents(read_records(tmp_path / RECORDS)) == contents(local)


def test_a_server_that_is_down_ends_the_evaluation(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    server.by_request = with_first(10**6, fails(503, "down"))
    with pytest.raises(EvaluationStoppedError, match="the server answered 503: down"):
        evaluate_server(server, build, tmp_path, limits=Limits(workers=2))
    server.by_request = lambda body: completion(look(body))
    evaluate_server(server, build, tmp_path)
    assert not any(record.error for record in read_records(tmp_path / RECORDS))


@pytest.mark.parametrize(
    ("behavior", "error"),
    [
        (sends(b'{"choices": [{"message": {"cont'), "not a chat completion"),
        (fails(400, "this model takes no images"), "400: this model takes no images"),
    ],
)
def test_a_question_that_fails_is_missing_data_and_asked_again(
    behavior: Behavior, error: str, build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    server.by_request = with_first(1, behavior)
    (result,), _ = evaluate_server(server, build, tmp_path, limits=Limits(workers=1))
    (failed,) = [r for r in read_records(tmp_path / RECORDS) if r.error]
    assert error in failed.error
    assert result.scores["failed"] == 1
    server.requests.clear()
    (result,), _ = evaluate_server(server, build, tmp_path)
    assert (result.scores["failed"], len(questions(server))) == (0, 1)


def test_a_failure_of_an_interrupted_run_is_no_record_of_the_next(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    server.by_request = with_first(1, fails(400, "not this one"))
    with pytest.raises(EvaluationStoppedError, match="limit of 4 calls"):
        evaluate_server(server, build, tmp_path, limits=Limits(max_calls=4, workers=1))
    (failed,) = [record for record in Journal(tmp_path / JOURNAL) if record.error]
    others = {"original", "blank", "swapped"} - {failed.condition}
    selection = EvalSelection(builds=(build.path,), limit=2, conditions=tuple(sorted(others)))
    (result,), _ = evaluate_server(server, build, tmp_path, selection=selection)
    assert result.scores["failed"] == 0


def test_a_server_that_refuses_all_images_is_not_asked_for_each(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    server.by_request = with_first(10**6, fails(400, "this model takes no images"))
    with pytest.raises(EvaluationStoppedError, match="takes no images"):
        evaluate_server(server, build, tmp_path, limits=Limits(workers=2))
    assert len(questions(server)) < 30


def test_a_slow_server_times_out(build: BuildDirectory, server: LlmServer, tmp_path: Path) -> None:
    server.by_request = with_first(1, hangs)
    evaluate_server(server, build, tmp_path, timeout_s=0.5)
    assert not any(record.error for record in read_records(tmp_path / RECORDS))


def test_an_empty_answer_is_an_answer(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    server.by_request = with_first(1, completion(None))
    evaluate_server(server, build, tmp_path)
    empty = [record for record in read_records(tmp_path / RECORDS) if not record.response]
    assert {(record.error, record.status_lenient) for record in empty} == {("", "empty")}


@pytest.mark.parametrize("other", [{"model": "squares-2"}, {"fingerprint": "fp_2"}])
def test_a_server_that_changes_its_model_is_stopped(
    other: dict[str, str], build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    seen: list[None] = []

    def behave(body: dict[str, Any]) -> Behavior:
        seen.append(None)
        return completion(look(body)) if len(seen) <= 8 else completion("other model", **other)

    server.by_request = behave
    with pytest.raises(EvaluationStoppedError, match=r"changed its model .*fp_1.* to "):
        evaluate_server(server, build, tmp_path, limits=Limits(workers=3))
    recorded = list(Journal(tmp_path / JOURNAL))
    assert len(recorded) >= 7
    assert all(record.response != "other model" for record in recorded)
    with pytest.raises(EvaluationError, match="has answers of another model"):
        evaluate_server(server, build, tmp_path)
    if "fingerprint" in other:
        evaluate_server(server, build, tmp_path / "any", any_fingerprint=True)


def test_a_resumed_evaluation_refuses_another_model(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    with pytest.raises(EvaluationStoppedError):
        evaluate_server(server, build, tmp_path, limits=Limits(max_calls=5))
    server.models = [{**ENTRY, "root": "/models/b"}]
    sent = len(questions(server))
    with pytest.raises(EvaluationError, match=r"another model \(entry was .*/models/a.*/models/b"):
        evaluate_server(server, build, tmp_path)
    assert len(questions(server)) == sent


def test_a_server_without_a_list_of_models_is_known_by_its_responses(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    server.models = []
    evaluate_server(server, build, tmp_path)
    assert read_header(tmp_path).model.server["entry"] == {}


def test_a_wrong_name_or_key_ends_before_the_first_question(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    server.by_request = lambda body: fails(404, "no such model")
    with pytest.raises(EvaluationError, match="does not serve squares: the server answered 404"):
        evaluate_server(server, build, tmp_path)
    assert not (tmp_path / HEADER).exists()


def test_threads_end_with_the_evaluation(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    before = threading.active_count()
    with pytest.raises(EvaluationStoppedError):
        evaluate_server(server, build, tmp_path, limits=Limits(max_calls=5))
    assert threading.active_count() <= before + 1
