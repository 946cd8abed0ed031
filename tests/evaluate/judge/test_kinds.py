"""A kind of judge is one module: its options, and the judge that they describe."""

import argparse
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.helpers.tiny_checkpoint import save_language_model
from visionflan.cli.shared.judge_args import add_judge_arguments, judge_from
from visionflan.errors import EvaluationError
from visionflan.evaluate import judge
from visionflan.llm.base import LlmClient
from visionflan.llm.openai_compatible import OpenAICompatibleClient


def judge_of(*args: str) -> LlmClient | None:
    parser = argparse.ArgumentParser()
    add_judge_arguments(parser)
    return judge_from(parser.parse_args(args))


def test_without_an_option_there_is_no_judge() -> None:
    assert judge_of() is None
    assert judge_of("--judge-model", "gpt") is None


def test_a_server_is_described_by_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "secret")
    client = judge_of(
        *("--judge", "http://h/v1", "--judge-model", "gpt", "--judge-price-per-mtok", "2,10"),
        *("--judge-api-key-env", "SOME_KEY", "--judge-max-tokens-field", "max_completion_tokens"),
    )
    assert isinstance(client, OpenAICompatibleClient)
    assert (client.address, client.name, client.prices) == ("http://h/v1", "gpt", (2.0, 10.0))
    assert (client.api_key, client.max_tokens_field) == ("secret", "max_completion_tokens")
    client.close()
    with pytest.raises(EvaluationError, match="--judge needs --judge-model"):
        judge_of("--judge", "http://h/v1")


def test_a_local_model_is_described_by_its_path(tmp_path: Path) -> None:
    directory = save_language_model(tmp_path / "tiny")
    client = judge_of("--judge-local", str(directory), "--judge-template", "vicuna")
    assert client is not None
    assert client.name.startswith("tiny@")


def test_only_one_kind_can_be_selected() -> None:
    with pytest.raises(SystemExit):
        judge_of("--judge", "http://h/v1", "--judge-local", "here")


def test_another_kind_is_one_module_and_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    client = OpenAICompatibleClient("http://h/v1", "constant")

    def add_arguments(choice: argparse._ActionsContainer, group: object) -> None:
        choice.add_argument("--judge-constant", action="store_true")

    def from_arguments(args: argparse.Namespace) -> LlmClient | None:
        return client if args.judge_constant else None

    module = ModuleType("visionflan.evaluate.judge.constant")
    module.__dict__.update(add_arguments=add_arguments, from_arguments=from_arguments)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(judge, "KINDS", (*judge.KINDS, "constant"))
    assert judge_of("--judge-constant") is client
    assert judge_of() is None
    client.close()
