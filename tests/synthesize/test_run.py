"""Builds that the model of a scripted server writes: well, badly and not at all."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.helpers.llm_server import LlmServer, fails, sends, serving
from tests.helpers.writing_server import (
    MODEL,
    behaves,
    completes,
    plan_synthesis,
    run_synthesis,
    text_of,
    write_well,
    writing_server,
    written_requests,
)
from visionflan.builder.ledger_reasons import DROPPED_BY_SYNTHESIS
from visionflan.errors import BuildError, EvaluationError, LlmError
from visionflan.llm.base import TokenPrices
from visionflan.llm.budget import Limits
from visionflan.storage.directory import BuildDirectory
from visionflan.synthesize.kinds import KINDS
from visionflan.verify.build import verify_build

COMPLETE = "Question: What is it?\nAnswer: A square.\nQuestion: Is it large?\nAnswer: Yes."


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_writes_well_fills_a_build(
    kind: str, build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    result, _ = run_synthesis(server, build, tmp_path / "out", kind, 10, terms="free to use")
    assert result.dropped == {}
    instances = list(result.build.instances("train"))
    assert len(instances) == 10
    rows = {row.id: row for row in build.instances("train")}
    sources = pq.read_table(tmp_path / "out/sources.parquet").to_pylist()
    by_instance = {source["instance"]: source for source in sources}
    for instance in instances:
        source = by_instance[instance.id]
        assert instance.synthetic
        assert instance.task == f"written-by-writer-1/{kind}"
        assert [turn.role for turn in instance.turns] == ["user", "assistant"] * (
            len(instance.turns) // 2
        )
        assert sum(turn.text.count("<image>") for turn in instance.turns) == 1
        assert {rows[name].images for name in source["rows"]} == {instance.images}
        assert not any(rows[name].synthetic for name in source["rows"])
        assert (source["served_model"], source["outcome"]) == (MODEL, "written")
        assert source["written_at"].endswith("+00:00")
        assert instance.answer in source["reply"]
    about = result.build.manifest["about"]
    assert "free to use" in about["license"]
    assert about["synthesized"]["build"] == build.digest
    assert "{context}" in about["synthesized"]["prompt"]
    assert not list(verify_build(tmp_path / "out").damages.counts)
    assert not (tmp_path / "out.unfinished").exists()


def test_rewriting_keeps_the_prompt_of_the_row_and_asks_for_sentences(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    result, _ = run_synthesis(
        server, build, tmp_path / "out", "rewrite", 6, tasks=("shapes/choose",)
    )
    for instance in result.build.instances("train"):
        assert instance.prompt.count("<image>") == 1
        assert "Choose the color of the square." in instance.prompt
        assert "sentence" in instance.prompt
        assert "Answer with the letter" not in instance.prompt


def test_bad_replies_are_dropped_with_a_reason_and_replaced(
    build: BuildDirectory, tmp_path: Path
) -> None:
    bad: list[Any] = [
        "",
        "I'm sorry, but I can't help with that.",
        "Question: What color is it?",
        completes(COMPLETE, finish_reason="length"),
        "Question: What is it?\nAnswer: The caption says red.\nQuestion: Why?\nAnswer: It is.",
        fails(400, "the request was filtered"),
    ]
    reasons = ["reply_empty", "reply_refused", "reply_malformed", "reply_cut"]
    reasons += ["annotations_mentioned", "no_reply"]

    def write(body: dict[str, Any]) -> Any:
        return bad.pop() if bad else write_well(body)

    with serving(writing_server(write)) as server:
        result, _ = run_synthesis(
            server, build, tmp_path / "out", "conversation", 8, limits=Limits(workers=1)
        )
    assert result.dropped == dict.fromkeys(sorted(reasons), 1)
    assert set(result.dropped) <= set(DROPPED_BY_SYNTHESIS)
    assert len(result.build.instances()) == 8
    ledger = pq.read_table(tmp_path / "out/ledger.parquet").to_pylist()
    assert sorted(entry["reason"] for entry in ledger) == sorted(reasons)
    assert {entry["task"] for entry in ledger} == {"written-by-writer-1/conversation"}
    entry = result.build.manifest["tasks"]["written-by-writer-1/conversation"]
    assert entry["rows_read"] == 14


def test_a_rewritten_answer_must_have_the_label(build: BuildDirectory, tmp_path: Path) -> None:
    with (
        serving(writing_server(lambda body: "It is a purple circle.")) as server,
        pytest.raises(BuildError, match=r"became an instance \(label_lost 8\)"),
    ):
        run_synthesis(server, build, tmp_path / "out", "rewrite", 4, tasks=("shapes/color",))
    assert not (tmp_path / "out").exists()


TOO_LONG = "This model's maximum context length is 2048 tokens. Please reduce the length."
VLLM_ERRORS = {  # how versions of vLLM explain the status 400
    "old": {"object": "error", "message": TOO_LONG, "type": "BadRequestError", "code": 400},
    "new": {"error": {"message": TOO_LONG, "type": "BadRequestError", "code": 400}},
}


@pytest.mark.parametrize("version", VLLM_ERRORS)
def test_rows_that_are_too_long_for_the_model_are_dropped_with_its_words(
    version: str, build: BuildDirectory, tmp_path: Path
) -> None:
    too_long = sends(json.dumps(VLLM_ERRORS[version]).encode(), 400)
    behaviors: list[Any] = [too_long, fails(503, "overloaded", Retry_After="0"), too_long]

    def write(body: dict[str, Any]) -> Any:
        return behaviors.pop() if behaviors else write_well(body)

    with serving(writing_server(write)) as server:
        result, _ = run_synthesis(
            server, build, tmp_path / "out", "detail", 6, limits=Limits(workers=1)
        )
        assert result.dropped == {"no_reply": 2}
        assert len(written_requests(server)) == 9, "only the overload is retried"
        ledger = pq.read_table(tmp_path / "out/ledger.parquet").to_pylist()
        assert all(TOO_LONG in entry["detail"] for entry in ledger)
        server.by_request = behaves(lambda body: too_long)
        with pytest.raises(BuildError, match=r"no_reply 6\).*the first no_reply: .*2048 tokens"):
            run_synthesis(server, build, tmp_path / "none", "reasoning", 3)


def test_a_server_that_answers_nothing_ends_the_run(build: BuildDirectory, tmp_path: Path) -> None:
    with serving(writing_server(lambda body: fails(503, "overloaded"))) as server:
        with pytest.raises(LlmError, match=r"stopped: .*503.*resume"):
            run_synthesis(server, build, tmp_path / "out", "detail", 6)
        requests = len(written_requests(server))
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "out.unfinished").is_dir()
    assert requests < 200
    with pytest.raises(EvaluationError, match="is not reachable"):
        run_synthesis(server, build, tmp_path / "other", "detail", 6)
    assert not (tmp_path / "other.unfinished").exists()


def test_a_run_that_was_stopped_pays_no_reply_twice(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    with pytest.raises(LlmError, match=r"limit of 5 calls is reached.*resume"):
        run_synthesis(
            server, build, tmp_path / "out", "detail", 9, limits=Limits(max_calls=5, workers=2)
        )
    assert not (tmp_path / "out").exists()
    plan = plan_synthesis(server, build, tmp_path / "out", "detail", 9)
    assert (plan.estimate().cached, plan.estimate().calls) == (4, 5)
    result, _ = run_synthesis(server, build, tmp_path / "out", "detail", 9)
    texts = [text_of(body) for body in written_requests(server)]
    assert len(texts) == len(set(texts)) == 9
    uncut, _ = run_synthesis(server, build, tmp_path / "uncut", "detail", 9)
    assert uncut.calls == 1, "the cache beside the build has all replies"
    assert uncut.build.digest == result.build.digest


@pytest.mark.parametrize("change", [{"model": "other"}, {"fingerprint": "fp_2"}])
def test_a_server_that_changes_its_model_is_refused(
    change: dict[str, str], build: BuildDirectory, tmp_path: Path
) -> None:
    texts: list[str] = []

    def write(body: dict[str, Any]) -> Any:
        texts.append(write_well(body))
        return completes(texts[-1], **change) if len(texts) == 4 else texts[-1]

    with serving(writing_server(write)) as server:
        with pytest.raises(LlmError, match=r"changed its model.* no reply of the second"):
            run_synthesis(server, build, tmp_path / "out", "detail", 8, limits=Limits(workers=1))
        server.by_request = lambda body: completes(write_well(body), **change)
        with pytest.raises(BuildError, match="another model has begun to write"):
            run_synthesis(server, build, tmp_path / "out", "detail", 8)
        server.by_request = behaves(write_well)
        result, _ = run_synthesis(server, build, tmp_path / "out", "detail", 8)
    assert result.calls == 6, "three replies were stored"


def test_images_go_to_this_machine_only(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    run_synthesis(server, build, tmp_path / "out", "detail", 3, with_images=True)
    urls = [
        part["image_url"]["url"]
        for body in written_requests(server)
        for part in body["messages"][0]["content"]
        if part["type"] == "image_url"
    ]
    assert len(urls) == 3
    assert all(url.startswith("data:image/png;base64,") for url in urls)
    plan = plan_synthesis(server, build, tmp_path / "far", "detail", 3, with_images=True)
    object.__setattr__(plan.server, "url", "https://example.org/v1")
    with pytest.raises(EvaluationError, match="--send-images"):
        plan.check_images(print)
    object.__setattr__(plan.server, "send_images", True)
    lines: list[str] = []
    plan.check_images(lines.append)
    assert "images of these datasets are sent to example.org" in lines[0]


def test_no_held_out_row_is_ever_sent(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    result, _ = run_synthesis(server, build, tmp_path / "out", "detail", 500)
    held_out = {image for row in build.instances("held_out") for image in row.images}
    trained = {row.images[0] for row in build.instances("train") if not row.synthetic}
    images = {instance.images[0] for instance in result.build.instances()}
    assert images <= trained
    assert held_out - trained
    sources = pq.read_table(tmp_path / "out/sources.parquet").to_pylist()
    assert {name for s in sources for name in s["rows"]}.isdisjoint(
        row.id for row in build.instances("held_out")
    )


def test_held_out_instances_are_about_images_that_no_row_trains_on(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    result, _ = run_synthesis(
        server, build, tmp_path / "out", "conversation", 3, held_out=500, with_images=True
    )
    train, held_out = (result.build.instances(split) for split in ("train", "held_out"))
    assert len(train) == 3
    assert len(held_out) > 10
    trained = {image for row in build.instances("train") for image in row.images}
    assert trained.isdisjoint(image for row in held_out for image in row.images)


def test_an_estimate_calls_nothing(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    plan = plan_synthesis(
        server, build, tmp_path / "out", "detail", 7, prices=TokenPrices(1.0, 2.0)
    )
    estimate = plan.estimate()
    assert (estimate.replies, estimate.calls) == (7, 7)
    assert estimate.max_completion_tokens == 7 * 1024
    assert estimate.high
    assert server.requests == []


def test_a_directory_with_a_build_is_refused_before_anything_is_paid(
    build: BuildDirectory, server: LlmServer, tmp_path: Path
) -> None:
    run_synthesis(server, build, tmp_path / "out", "detail", 2)
    num_requests = len(server.requests)
    with pytest.raises(BuildError, match="is not empty"):
        run_synthesis(server, build, tmp_path / "out", "detail", 2)
    assert len(server.requests) == num_requests
