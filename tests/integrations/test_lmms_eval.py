"""lmms-eval runs our checkpoints; a stub replaces it where it is not installed."""

import importlib
import io
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from tests.helpers.lmms_eval_stand_in import (
    INTEGRATION,
    ROWS,
    Request,
    StandIn,
    all_requests,
    digest,
    generation_request,
    images_of,
    likelihood_request,
    load_model,
    stand_in_modules,
)
from tests.helpers.tiny_requests import BLUE, RED, save_checkpoint
from visionflan.errors import EvaluationError, TrainingError
from visionflan.evaluate.models.checkpoint import checkpoint_digest
from visionflan.model import generate, logprobs
from visionflan.model.generate import Checkpoint, generate_answers
from visionflan.model.logprobs import candidate_logprobs
from visionflan.storage.instance import Turn


@pytest.fixture
def integration(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, module in stand_in_modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    yield importlib.import_module(INTEGRATION)
    del sys.modules[INTEGRATION]


@pytest.fixture(scope="module")
def checkpoint_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture
def model(integration: Any, checkpoint_dir: Path) -> Any:
    return load_model(integration, checkpoint_dir, device="cpu")


def test_the_entry_point_names_the_manifest_and_the_manifest_the_model(integration: Any) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    module, name = project["project"]["entry-points"]["lmms_eval.models"]["visionflan"].split(":")
    assert module == INTEGRATION
    manifest = getattr(integration, name)
    module, name = manifest.simple_class_path.rsplit(".", 1)
    assert manifest.model_id == "visionflan"
    assert issubclass(getattr(sys.modules[module], name), StandIn)


def test_answers_are_those_of_the_checkpoint_one_by_one(model: Any, checkpoint_dir: Path) -> None:
    checkpoint = Checkpoint.load(checkpoint_dir, "cpu")
    questions = [
        "<image>\nWhat color is the shape?",
        "how many are there?",
        "name the <image> and the <image>",
        "<image>\nWhat color is the circle in the picture?",
    ]
    requests = [generation_request(index) for index in range(4)] + [
        generation_request(0, max_new_tokens=2)
    ]
    alone = [
        generate_answers(
            checkpoint, [[Turn("user", question)]], [images_of(row) or []], max_new_tokens=6
        )[0].text
        for question, row in zip(questions, ROWS, strict=True)
    ]
    shorter = generate_answers(
        checkpoint, [[Turn("user", questions[0])]], [[RED]], max_new_tokens=2
    )[0].text
    assert model.generate_until(requests) == [*alone, shorter]
    assert len({*alone, shorter}) == 5
    assert model.generate_until([]) == []


def test_an_answer_is_cut_before_the_first_of_its_stop_strings(model: Any) -> None:
    answer = model.generate_until([generation_request(0)])[0]
    middle = answer[2:4]
    cut = answer[: answer.index(middle)]
    assert model.generate_until([generation_request(0, until=middle)]) == [cut]
    assert model.generate_until([generation_request(0, until=["nowhere", middle])]) == [cut]
    assert model.generate_until([generation_request(0, until=[""])]) == [answer]


@pytest.mark.parametrize(
    "kwargs",
    [
        {"temperature": 0.2},
        {"temperature": 0.2, "do_sample": False},
        {"temperature": None, "do_sample": True},
        {"num_beams": 3},
    ],
)
def test_answers_that_are_not_greedy_are_refused(model: Any, kwargs: dict[str, Any]) -> None:
    with pytest.raises(EvaluationError, match="colors asks for sampling or beam search"):
        model.generate_until([generation_request(1), generation_request(0, **kwargs)])


def test_settings_that_a_task_leaves_open_are_greedy(integration: Any) -> None:
    assert integration.generation_args({}, "task") == (1024, ())
    assert integration.generation_args(
        {"num_beams": None, "temperature": 0.0, "do_sample": True}, "task"
    )
    assert integration.generation_args({"until": "\n", "max_new_tokens": 5}, "task") == (5, ("\n",))


def test_candidates_are_scored_by_their_loss_the_most_probable_by_the_lowest(
    model: Any, checkpoint_dir: Path
) -> None:
    def own_answer(row: dict[str, Any]) -> str:
        return f" {row['answer']}"

    requests = [
        likelihood_request(0, " red"),
        likelihood_request(3, own_answer),
        likelihood_request(0, " blue"),
        likelihood_request(1, own_answer),
    ]
    results = model.loglikelihood(requests)
    questions = [("<image>\nWhat color is the shape?", [RED], ["red", "blue"])]
    questions += [("<image>\nWhat color is the circle in the picture?", [BLUE], ["blue"])]
    questions += [("how many are there?", [], ["two"])]
    likelihoods = candidate_logprobs(
        Checkpoint.load(checkpoint_dir, "cpu"),
        [[Turn("user", text)] for text, _, _ in questions],
        [images for _, images, _ in questions],
        [candidates for _, _, candidates in questions],
    )
    expected = [likelihoods[0][0], likelihoods[1][0], likelihoods[0][1], likelihoods[2][0]]
    losses = [-likelihood.sum_logprob for likelihood in expected]
    assert [loss for loss, _ in results] == pytest.approx(losses)
    assert [is_greedy for _, is_greedy in results] == [
        likelihood.is_greedy for likelihood in expected
    ]


def test_a_batch_that_does_not_fit_is_halved_and_so_are_those_that_follow(
    integration: Any, checkpoint_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation, likelihoods = all_requests()
    single = load_model(integration, checkpoint_dir, "1", device="cpu")
    expected = single.generate_until(generation)
    losses = [loss for loss, _ in single.loglikelihood(likelihoods)]
    sizes: list[int] = []

    def limited(compute: Any) -> Any:
        def run(*args: Any, **kwargs: Any) -> Any:
            sizes.append(kwargs["batch_size"])
            if kwargs["batch_size"] > 2:
                raise torch.OutOfMemoryError("no room")
            return compute(*args, **kwargs)

        return run

    for module, name in ((generate, "generate_answers"), (logprobs, "candidate_logprobs")):
        monkeypatch.setattr(module, name, limited(getattr(module, name)))
    model = load_model(integration, checkpoint_dir, "5", device="cpu")
    assert model.generate_until(generation) == expected
    assert sizes == [5, 2, 2, 1]
    sizes.clear()
    again = load_model(integration, checkpoint_dir, "4", device="cpu")
    assert [loss for loss, _ in again.loglikelihood(likelihoods)] == pytest.approx(losses, abs=1e-4)
    assert sizes == [4, 2, 2]


def test_several_processes_share_the_requests_and_gather_the_answers(
    model: Any, checkpoint_dir: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += ["-m", "tests.helpers.lmms_eval_stand_in", str(checkpoint_dir)]
    root = Path(__file__).parents[2]
    env = {**os.environ, "ACCELERATE_USE_CPU": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run([*command, str(tmp_path / "out.json")], cwd=root, env=env, check=True)
    gathered = json.loads((tmp_path / "out.json").read_bytes())
    generation, likelihoods = all_requests()
    answers, losses = model.generate_until(generation), model.loglikelihood(likelihoods)
    for rank, own in enumerate(gathered):
        assert (own["rank"], own["device"][:3], own["shares"]) == (rank, "cpu", [3, 2])
        assert own["answers"] == answers[rank::2]
        expected = [loss for loss, _ in losses[rank::2]]
        assert [loss for loss, _ in own["losses"]] == pytest.approx(expected, abs=1e-4)


def test_each_of_several_processes_has_a_device_of_its_own(
    integration: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = SimpleNamespace(num_processes=1, device=torch.device("cuda", 0))
    assert integration.own_device(alone, "cpu") == "cpu"
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(
        EvaluationError, match=r"^2 processes .* knows of 1: .*ACCELERATE_USE_CPU=1"
    ):
        integration.own_device(alone, "cpu")
    second = SimpleNamespace(num_processes=2, device=torch.device("cuda", 1))
    for device in ("auto", "cuda", "cuda:1"):
        assert integration.own_device(second, device) == "cuda:1"
    for device in ("cpu", "cuda:0"):
        with pytest.raises(EvaluationError, match=f"here cuda:1, and --device names {device}: le"):
            integration.own_device(second, device)


def test_what_this_model_does_not_do_is_refused_in_a_sentence(model: Any) -> None:
    with pytest.raises(EvaluationError, match=r"^colors has several rounds"):
        model.generate_until_multi_round([generation_request(0)])
    with pytest.raises(EvaluationError, match="without a question"):
        model.loglikelihood([Request(("", "red"))])
    model.task_dict = {"colors": {"test": [{"images": ["film.mp4"]}]}}
    with pytest.raises(EvaluationError, match=r"colors shows a str, .* leave out tasks of videos"):
        model.generate_until([generation_request(0)])


def test_a_checkpoint_runs_only_with_the_digest_of_its_files(
    integration: Any, checkpoint_dir: Path, tmp_path: Path
) -> None:
    right = digest(checkpoint_dir)
    for wrong in ("", right[:-1], right.removeprefix("sha256:"), f"{right[:-1]}x", f"{right}x"):
        with pytest.raises(EvaluationError, match=f"add `digest={right}` to --model_args"):
            integration.VisionflanModel(str(checkpoint_dir), wrong, device="cpu")
    integration.check_digest(checkpoint_dir, f"sha256:{checkpoint_digest(checkpoint_dir)}")
    with pytest.raises(TrainingError, match=r"is not a checkpoint"):
        integration.VisionflanModel(str(tmp_path), right)
    with pytest.raises(EvaluationError, match="batch size is 'auto'"):
        integration.VisionflanModel(str(checkpoint_dir), right, batch_size="auto")


@pytest.mark.skipif(find_spec("lmms_eval") is None, reason="lmms-eval is not installed")
@pytest.mark.parametrize("num_processes", [1, 2])
def test_lmms_eval_itself_runs_a_checkpoint_on_local_images(
    checkpoint_dir: Path, tmp_path: Path, num_processes: int
) -> None:
    write_task(tmp_path)
    arguments = f"pretrained={checkpoint_dir},digest={digest(checkpoint_dir)}"
    options = ["--model", "visionflan", "--model_args", arguments, "--tasks", "colors"]
    options += ["--include_path", str(tmp_path), "--batch_size", "2"]
    options += ["--log_samples", "--output_path", str(tmp_path / "out")]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")}
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={num_processes}"]
    subprocess.run(
        [sys.executable, *launch * (num_processes > 1), "-m", "lmms_eval", *options],
        env={**os.environ, **offline, "ACCELERATE_USE_CPU": "1", "OMP_NUM_THREADS": "1"},
        check=True,
    )
    log = next(tmp_path.glob("out/**/*.jsonl")).read_text()
    samples = sorted(map(json.loads, log.splitlines()), key=lambda sample: sample["doc_id"])
    checkpoint = Checkpoint.load(checkpoint_dir, "cpu")
    turns = [Turn("user", "<image>\nWhat color is the shape?")]
    for sample, image in zip(samples, PICTURES, strict=True):
        answer = generate_answers(checkpoint, [turns], [[image]], max_new_tokens=6)[0].text
        assert sample["filtered_resps"] == answer


PICTURES = (RED, BLUE, Image.new("RGB", (40, 40), "green"))


def write_task(directory: Path) -> None:
    """Write a task of two images as lmms-eval reads it from a Parquet file."""
    from datasets import Dataset, Features, Value
    from datasets import Image as ImageLoader

    rows = [
        {"image": {"bytes": encode_png(image), "path": None}, "answer": "red"} for image in PICTURES
    ]
    features = Features({"image": ImageLoader(), "answer": Value("string")})
    Dataset.from_list(rows, features=features).to_parquet(directory / "colors.parquet")
    (directory / "parts.py").write_text(
        "def visual(doc):\n    return [doc['image'].convert('RGB')]\n"
    )
    (directory / "colors.yaml").write_text(
        "task: colors\ndataset_path: parquet\ntest_split: test\noutput_type: generate_until\n"
        f"dataset_kwargs: {{data_files: {{test: {directory / 'colors.parquet'}}}}}\n"
        "doc_to_visual: !function parts.visual\ndoc_to_text: 'What color is the shape?'\n"
        "doc_to_target: '{{answer}}'\n"
        "generation_kwargs: {max_new_tokens: 6, temperature: 0, do_sample: false}\n"
        "metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]\n"
    )


def encode_png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
