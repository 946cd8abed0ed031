"""vLLM as the engine of a checkpoint, with a module that stands in for it and checks its inputs."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest
from PIL import Image

from tests.helpers.tiny_checkpoint import save_language_model, save_tower
from tests.helpers.tiny_evaluation import tiny_build
from visionflan.cli.main import main
from visionflan.evaluate.models.vllm_engine import VllmModel
from visionflan.evaluate.records.files import RECORDS
from visionflan.evaluate.records.header import read_header
from visionflan.evaluate.records.record import read_records
from visionflan.model.families import load_chat_tokenizer
from visionflan.model.families.llava import Llava
from visionflan.storage.instance import Turn

ANSWER = "a red square"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("runs") / "run"
    vlm = Llava.build(
        save_tower(directory / "tower"), save_language_model(directory / "language_model")
    )
    vlm.model.save_pretrained(directory / "base" / "checkpoint")
    vlm.processor.save_pretrained(directory / "base" / "checkpoint")
    tiny_build(directory / "build", num_images=3)
    return directory


class SamplingParams:
    """Takes only what the documented class takes, of what is used here."""

    def __init__(self, *, temperature: float, max_tokens: int, stop_token_ids: list[int]) -> None:
        self.temperature, self.max_tokens = temperature, max_tokens
        self.stop_token_ids = stop_token_ids


class StandInLLM:
    """Refuses prompts that vLLM would refuse, and answers all others alike."""

    created: ClassVar[list[dict[str, Any]]] = []

    def __init__(
        self, model: str, *, dtype: str, limit_mm_per_prompt: dict[str, int], seed: int
    ) -> None:
        settings = {"model": model, "dtype": dtype, "limit": limit_mm_per_prompt, "seed": seed}
        self.created.append(settings)
        self.chat_tokenizer = load_chat_tokenizer(Path(model))
        self.limit = limit_mm_per_prompt["image"]

    def generate(
        self, prompts: list[dict[str, Any]], sampling_params: SamplingParams, *, use_tqdm: bool
    ) -> list[Any]:
        assert sampling_params.temperature == 0.0
        return [self.answer(prompt, sampling_params) for prompt in prompts]

    def answer(self, prompt: dict[str, Any], sampling_params: SamplingParams) -> Any:
        assert prompt.keys() <= {"prompt_token_ids", "multi_modal_data"}
        token_ids, images = prompt["prompt_token_ids"], prompt["multi_modal_data"]["image"]
        assert all(type(token) is int for token in token_ids)
        assert token_ids.count(self.chat_tokenizer.image_token_id) == len(images) <= self.limit
        assert all(isinstance(image, Image.Image) and image.mode == "RGB" for image in images)
        tokenizer = self.chat_tokenizer.tokenizer
        answer = tokenizer(ANSWER, add_special_tokens=False).input_ids
        new_ids = [*answer, sampling_params.stop_token_ids[0]][: sampling_params.max_tokens]
        reason = "stop" if len(new_ids) > len(answer) else "length"
        output = SimpleNamespace(token_ids=tuple(new_ids), finish_reason=reason, text="not used")
        return SimpleNamespace(outputs=[output])


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("vllm")
    stand_in: Any = module
    stand_in.LLM, stand_in.SamplingParams = StandInLLM, SamplingParams
    stand_in.__version__ = "0.0"
    monkeypatch.setitem(sys.modules, "vllm", module)
    monkeypatch.setattr(StandInLLM, "created", [])
    return module


def test_a_run_is_evaluated_by_vllm(
    run: Path, vllm: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", str(run), "--build", str(run / "build"), "--tasks", "shapes/color"]
    command += ["--device", "cpu", "--out", str(tmp_path)]
    assert main([*command, "--engine", "vllm"]) == 0
    assert "note: vLLM generated these answers" in capsys.readouterr().out
    records = read_records(tmp_path / "base" / RECORDS)
    assert {(r.response, r.finish_reason, r.error) for r in records} == {(ANSWER, "stop", "")}
    assert not any(record.logprobs for record in records)
    assert all(record.score_likelihood is None for record in records)
    header = read_header(tmp_path / "base")
    assert header.model.engine == "vllm"
    assert '"precision": "vllm 0.0 float32"' in header.generation_config
    (created,) = StandInLLM.created
    assert created["model"] == str(run / "base" / "checkpoint")
    assert (created["dtype"], created["seed"]) == ("float32", 0)


def test_an_answer_is_cut_at_the_limit(run: Path, vllm: ModuleType) -> None:
    model = VllmModel(run / "base" / "checkpoint", "cpu")
    image = Image.new("RGBA", (20, 10))
    (reply,) = model.generate([[Turn("user", "<image>\nWhat is it?")]], [[image]], 2)
    assert (reply.num_tokens, reply.finish_reason) == (2, "length")
    assert ANSWER.startswith(reply.text)


def test_a_missing_package_is_one_sentence(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "vllm", raising=False)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if "vllm" not in p])
    command = ["evaluate", str(run), "--build", str(run / "build"), "--engine", "vllm"]
    assert main(command) == 1
    assert capsys.readouterr().err.endswith(
        "error: this command needs vllm: pip install 'visionflan[vllm]'\n"
    )
    assert main([*command, "--num-processes", "2"]) == 2
    assert "`--engine vllm` runs in one process" in capsys.readouterr().err
