import json
from pathlib import Path

import pytest

from tests.helpers.judge_rubrics import YES_OR_NO
from tests.helpers.record_factory import record
from tests.helpers.tiny_checkpoint import save_language_model
from visionflan.errors import EvaluationError
from visionflan.evaluate.judge.base import JudgeError
from visionflan.evaluate.judge.budget import Budget, Limits
from visionflan.evaluate.judge.cache import CACHE, ReplyCache
from visionflan.evaluate.judge.local import LocalJudge
from visionflan.evaluate.judge.rubric import JudgeRequest, JudgeScore, Message
from visionflan.evaluate.judge.runner import judge_records

ASKED = JudgeRequest((Message("system", "a chat"), Message("user", "what colour is it ?")), 0.0, 6)
WARM = ASKED._replace(temperature=1.0, max_tokens=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_language_model(tmp_path_factory.mktemp("judge") / "tiny")


@pytest.fixture(scope="module")
def judge(folder: Path) -> LocalJudge:
    return LocalJudge(folder, "cpu", template="vicuna")


def test_a_local_model_answers_as_a_server_does(judge: LocalJudge) -> None:
    reply = judge.ask(ASKED, 0)
    assert reply.text
    assert reply.model == judge.name
    assert reply.prompt_tokens == len(judge.encoded(ASKED))
    assert reply.completion_tokens is not None
    assert 0 < reply.completion_tokens <= 6
    assert reply.cost is None
    assert judge.ask(ASKED, 1).text == reply.text


def test_the_prompt_is_written_by_the_template(judge: LocalJudge) -> None:
    words = judge.tokenizer.decode(judge.encoded(ASKED))
    assert words == "<s>a chat USER: what colour is it ? ASSISTANT:"


def test_above_temperature_zero_words_depend_on_the_question_the_repeat_and_the_time(
    folder: Path,
) -> None:
    def said(*repeats: int) -> list[str]:
        judge = LocalJudge(folder, "cpu", template="vicuna")
        return [judge.ask(WARM, repeat).text for repeat in repeats]

    assert said(0, 0, 1) == said(0, 0, 1)
    assert len(set(said(0, 0, 1))) == 3


def test_other_weights_in_the_same_folder_are_another_judge(tmp_path: Path) -> None:
    folder = save_language_model(tmp_path / "tiny")
    before = LocalJudge(folder, "cpu", template="vicuna")
    save_language_model(folder, width=64)
    after = LocalJudge(folder, "cpu", template="vicuna")
    assert before.name.startswith("tiny@")
    assert after.name.startswith("tiny@")
    assert LocalJudge(folder, "cpu", template="plain").address != after.address
    (folder / "model.safetensors").write_bytes(b"other")
    assert LocalJudge(folder, "cpu").name != after.name


def test_a_model_without_a_template_needs_one_to_be_named(folder: Path) -> None:
    with pytest.raises(EvaluationError, match="--judge-template"):
        LocalJudge(folder, "cpu").ask(ASKED, 0)


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"holds no config\.json"):
        LocalJudge(tmp_path)


def test_a_template_that_knows_no_system_is_given_its_words_with_the_users(
    folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "strict.jinja"
    path.write_text(
        "{%- for m in messages -%}{%- if m['role'] == 'system' -%}"
        "{{ raise_exception('no system') }}{%- endif -%}[{{ m['content'] }}]{%- endfor -%}"
    )
    judge = LocalJudge(folder, "cpu", template=str(path))
    assert judge.tokenizer.decode(judge.encoded(ASKED)) == "[a chat\n\nwhat colour is it ?]"


def test_a_question_that_does_not_fit_is_refused(judge: LocalJudge) -> None:
    long = ASKED._replace(messages=(Message("user", "colour " * 600),))
    with pytest.raises(JudgeError, match="more than the 512") as caught:
        judge.ask(long, 0)
    assert caught.value.kind == "refused"


def test_what_the_models_files_say_of_sampling_does_not_count(tmp_path: Path) -> None:
    folder = save_language_model(tmp_path / "tiny")
    said = LocalJudge(folder, "cpu", template="vicuna").ask(ASKED, 0).text
    path = folder / "generation_config.json"
    settings = json.loads(path.read_bytes()) | {"do_sample": True, "temperature": 5.0}
    path.write_text(json.dumps(settings))
    judge = LocalJudge(folder, "cpu", template="vicuna")
    assert {judge.ask(ASKED, repeat).text for repeat in range(3)} == {said}


def test_a_local_model_judges_records_and_is_asked_nothing_twice(
    judge: LocalJudge, tmp_path: Path
) -> None:
    rubric = YES_OR_NO._replace(read=lambda text, record, swapped: JudgeScore(float(bool(text))))
    records = [record(sample_key=str(n), answer=f"cat {n}") for n in range(3)]
    cache = ReplyCache(tmp_path / CACHE)
    first = judge_records(records, rubric, judge, cache, Budget(Limits(), None))
    second = judge_records(records, rubric, judge, cache, Budget(Limits(), None))
    cache.close()
    assert (first.judged, first.calls, second.judged, second.calls) == (3, 3, 3, 0)
    assert first.models == {judge.name: 3}
