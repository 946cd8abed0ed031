import json
from pathlib import Path

import pytest

from tests.helpers.judge_rubrics import YES_OR_NO
from tests.helpers.record_factory import record
from tests.helpers.tiny_checkpoint import save_language_model
from visionflan.errors import EvaluationError
from visionflan.evaluate.judge.local import LocalJudge
from visionflan.evaluate.judge.rubric import JudgeScore
from visionflan.evaluate.judge.runner import judge_records
from visionflan.evaluate.judge.session import REPLY_CACHE
from visionflan.llm.base import LlmCallError, LlmRequest, Message
from visionflan.llm.batch import CallGuard
from visionflan.llm.budget import Budget, Limits
from visionflan.llm.cache import ReplyCache

REQUEST = LlmRequest((Message("system", "a chat"), Message("user", "what color is it ?")), 0.0, 6)
SAMPLED = REQUEST._replace(temperature=1.0, max_tokens=12)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_language_model(tmp_path_factory.mktemp("judge") / "tiny")


@pytest.fixture(scope="module")
def judge(directory: Path) -> LocalJudge:
    return LocalJudge(directory, "cpu", template="vicuna")


def test_a_local_model_answers_as_a_server_does(judge: LocalJudge) -> None:
    reply = judge.complete(REQUEST, 0)
    assert reply.text
    assert reply.model == judge.name
    assert reply.prompt_tokens == len(judge.tokenize(REQUEST))
    assert reply.completion_tokens is not None
    assert 0 < reply.completion_tokens <= 6
    assert reply.cost is None
    assert judge.complete(REQUEST, 1).text == reply.text


def test_the_prompt_is_written_by_the_template(judge: LocalJudge) -> None:
    prompt = judge.tokenizer.decode(judge.tokenize(REQUEST))
    assert prompt == "<s>a chat USER: what color is it ? ASSISTANT:"


def test_above_temperature_zero_words_depend_on_the_question_the_repeat_and_the_time(
    directory: Path,
) -> None:
    def generated(*repeats: int) -> list[str]:
        judge = LocalJudge(directory, "cpu", template="vicuna")
        return [judge.complete(SAMPLED, repeat).text for repeat in repeats]

    assert generated(0, 0, 1) == generated(0, 0, 1)
    assert len(set(generated(0, 0, 1))) == 3


def test_other_weights_in_the_same_directory_are_another_judge(tmp_path: Path) -> None:
    directory = save_language_model(tmp_path / "tiny")
    before = LocalJudge(directory, "cpu", template="vicuna")
    save_language_model(directory, width=64)
    after = LocalJudge(directory, "cpu", template="vicuna")
    assert before.name.startswith("tiny@")
    assert after.name.startswith("tiny@")
    assert LocalJudge(directory, "cpu", template="plain").address != after.address
    (directory / "model.safetensors").write_bytes(b"other")
    assert LocalJudge(directory, "cpu").name != after.name


def test_a_model_without_a_template_needs_one_to_be_named(directory: Path) -> None:
    with pytest.raises(EvaluationError, match="--judge-template"):
        LocalJudge(directory, "cpu").complete(REQUEST, 0)


def test_a_directory_without_a_model_is_reported(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"config\.json is missing"):
        LocalJudge(tmp_path)


def test_a_template_that_knows_no_system_is_given_its_words_with_the_users(
    directory: Path, tmp_path: Path
) -> None:
    path = tmp_path / "strict.jinja"
    path.write_text(
        "{%- for m in messages -%}{%- if m['role'] == 'system' -%}"
        "{{ raise_exception('no system') }}{%- endif -%}[{{ m['content'] }}]{%- endfor -%}"
    )
    judge = LocalJudge(directory, "cpu", template=str(path))
    assert judge.tokenizer.decode(judge.tokenize(REQUEST)) == "[a chat\n\nwhat color is it ?]"


def test_a_question_that_does_not_fit_is_refused(judge: LocalJudge) -> None:
    long = REQUEST._replace(messages=(Message("user", "color " * 600),))
    with pytest.raises(LlmCallError, match="context of 512 tokens") as caught:
        judge.complete(long, 0)
    assert caught.value.kind == "rejected"


def test_what_the_models_files_say_of_sampling_does_not_count(tmp_path: Path) -> None:
    directory = save_language_model(tmp_path / "tiny")
    greedy = LocalJudge(directory, "cpu", template="vicuna").complete(REQUEST, 0).text
    path = directory / "generation_config.json"
    settings = json.loads(path.read_bytes()) | {"do_sample": True, "temperature": 5.0}
    path.write_text(json.dumps(settings))
    judge = LocalJudge(directory, "cpu", template="vicuna")
    assert {judge.complete(REQUEST, repeat).text for repeat in range(3)} == {greedy}


def test_a_local_model_judges_records_and_is_asked_nothing_twice(
    judge: LocalJudge, tmp_path: Path
) -> None:
    rubric = YES_OR_NO._replace(parse=lambda text, record, swapped: JudgeScore(float(bool(text))))
    records = [record(sample_key=str(n), response=f"cat {n}") for n in range(3)]
    cache = ReplyCache(tmp_path / REPLY_CACHE)
    first = judge_records(records, rubric, judge, cache, CallGuard(Budget(Limits(), None)))
    second = judge_records(records, rubric, judge, cache, CallGuard(Budget(Limits(), None)))
    cache.close()
    assert (first.num_judged, first.calls, second.num_judged, second.calls) == (3, 3, 3, 0)
    assert first.models == {judge.name: 3}
