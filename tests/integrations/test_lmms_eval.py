"""lmms-eval asks our checkpoints: a stand-in for it does, and where it is installed itself."""

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
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from PIL import Image

from tests.helpers.tiny_requests import BLUE, RED, save_checkpoint
from visionflan.errors import EvaluationError
from visionflan.evaluate.models.checkpoint import checkpoint_digest
from visionflan.model.generate import generate_answers, load_checkpoint
from visionflan.model.logprobs import candidate_logprobs
from visionflan.storage.instance import Turn

BRIDGE = "visionflan.integrations.lmms_eval"
ROWS: list[dict[str, Any]] = [
    {"question": "What colour is the shape?", "pictures": [RED], "answer": "red"},
    {"question": "how many are there?", "pictures": None, "answer": "two"},
    {"question": "name the <image> and the <image>", "pictures": [BLUE, RED], "answer": "blue"},
    {"question": "What colour is the circle in the picture?", "pictures": [BLUE], "answer": "blue"},
]
GREEDY = {"max_new_tokens": 6, "temperature": 0, "do_sample": False, "until": ["\n\n"]}


class Request(NamedTuple):
    """What the harness hands to a model: its arguments, and the task that asks."""

    args: tuple[Any, ...]
    task_name: str = "colours"


class Manifest(NamedTuple):
    model_id: str
    simple_class_path: str


class StandIn:
    """The base class of the harness, as far as it is used."""

    def __init__(self) -> None:
        self.task_dict: dict[str, Any] = {}


@pytest.fixture
def bridge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("lmms_eval", "lmms_eval.api", "lmms_eval.models"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    for name, what, which in (
        ("lmms_eval.api.model", "lmms", StandIn),
        ("lmms_eval.models.registry_v2", "ModelManifest", Manifest),
    ):
        module = ModuleType(name)
        setattr(module, what, which)
        monkeypatch.setitem(sys.modules, name, module)
    yield importlib.import_module(BRIDGE)
    del sys.modules[BRIDGE]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture
def model(bridge: Any, folder: Path) -> Any:
    asked = bridge.VisionflanModel(str(folder), digest(folder), device="cpu", batch_size="3")
    asked.task_dict = {"colours": {"test": ROWS}}
    return asked


def digest(folder: Path) -> str:
    return f"sha256:{checkpoint_digest(folder)}"[:19]


def pictures(row: dict[str, Any]) -> Any:
    return row["pictures"]


def generating(place: int, **given: Any) -> Request:
    how = GREEDY | given
    return Request((ROWS[place]["question"], how, pictures, place, "colours", "test"))


def weighing(place: int, told: Any) -> Request:
    return Request((ROWS[place]["question"], told, pictures, place, "colours", "test"))


def test_the_entry_point_names_the_manifest_and_the_manifest_the_model(bridge: Any) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    module, name = project["project"]["entry-points"]["lmms_eval.models"]["visionflan"].split(":")
    assert module == BRIDGE
    manifest = getattr(bridge, name)
    module, name = manifest.simple_class_path.rsplit(".", 1)
    assert manifest.model_id == "visionflan"
    assert issubclass(getattr(sys.modules[module], name), StandIn)


def test_answers_are_those_that_the_checkpoint_gives_one_by_one(model: Any, folder: Path) -> None:
    checkpoint = load_checkpoint(folder, "cpu")
    questions = [
        "<image>\nWhat colour is the shape?",
        "how many are there?",
        "name the <image> and the <image>",
        "<image>\nWhat colour is the circle in the picture?",
    ]
    requests = [generating(place) for place in range(4)] + [generating(0, max_new_tokens=2)]
    alone = [
        generate_answers(
            checkpoint, [[Turn("user", words)]], [pictures(row) or []], max_new_tokens=6
        )[0].text
        for words, row in zip(questions, ROWS, strict=True)
    ]
    shorter = generate_answers(
        checkpoint, [[Turn("user", questions[0])]], [[RED]], max_new_tokens=2
    )[0].text
    assert model.generate_until(requests) == [*alone, shorter]
    assert len({*alone, shorter}) == 5
    assert model.generate_until([]) == []


def test_an_answer_ends_before_the_first_of_the_words_that_end_it(model: Any) -> None:
    whole = model.generate_until([generating(0)])[0]
    middle = whole[2:4]
    assert model.generate_until([generating(0, until=middle)]) == [whole[: whole.index(middle)]]
    assert model.generate_until([generating(0, until=["nowhere", middle])]) == [
        whole[: whole.index(middle)]
    ]
    assert model.generate_until([generating(0, until=[""])]) == [whole]


@pytest.mark.parametrize(
    "given",
    [
        {"temperature": 0.2},
        {"temperature": 0.2, "do_sample": False},
        {"temperature": None, "do_sample": True},
        {"num_beams": 3},
    ],
)
def test_answers_that_are_not_greedy_are_refused(model: Any, given: dict[str, Any]) -> None:
    with pytest.raises(EvaluationError, match="colours asks for answers that are drawn"):
        model.generate_until([generating(1), generating(0, **given)])


def test_settings_that_a_task_leaves_open_are_greedy(bridge: Any) -> None:
    assert bridge.writing({}, "task") == (1024, ())
    assert bridge.writing({"num_beams": None, "temperature": 0.0, "do_sample": True}, "task")
    assert bridge.writing({"until": "\n", "max_new_tokens": 5}, "task") == (5, ("\n",))


def test_given_answers_are_told_by_their_loss_the_likeliest_by_the_lowest(
    model: Any, folder: Path
) -> None:
    def own(row: dict[str, Any]) -> str:
        return f" {row['answer']}"

    requests = [weighing(0, " red"), weighing(3, own), weighing(0, " blue"), weighing(1, own)]
    told = model.loglikelihood(requests)
    asked = [("<image>\nWhat colour is the shape?", [RED], ["red", "blue"])]
    asked += [("<image>\nWhat colour is the circle in the picture?", [BLUE], ["blue"])]
    asked += [("how many are there?", [], ["two"])]
    found = candidate_logprobs(
        load_checkpoint(folder, "cpu"),
        [[Turn("user", words)] for words, _, _ in asked],
        [images for _, images, _ in asked],
        [texts for _, _, texts in asked],
    )
    expected = [found[0][0], found[1][0], found[0][1], found[2][0]]
    assert [loss for loss, _ in told] == pytest.approx([-each.sum_logprob for each in expected])
    assert [greedy for _, greedy in told] == [each.is_greedy for each in expected]


def test_what_this_model_does_not_do_is_refused_in_a_sentence(model: Any) -> None:
    with pytest.raises(EvaluationError, match=r"^colours asks back after an answer"):
        model.generate_until_multi_round([generating(0)])
    with pytest.raises(EvaluationError, match="without a question"):
        model.loglikelihood([Request(("", "red"))])
    model.task_dict = {"colours": {"test": [{"pictures": ["film.mp4"]}]}}
    with pytest.raises(EvaluationError, match=r"colours shows a str, .* leave out tasks of videos"):
        model.generate_until([generating(0)])


def test_a_checkpoint_is_asked_only_by_the_digest_of_what_it_holds(
    bridge: Any, folder: Path, tmp_path: Path
) -> None:
    right = digest(folder)
    for told in ("", right[:-1], right.removeprefix("sha256:"), f"{right[:-1]}x", f"{right}x"):
        with pytest.raises(EvaluationError, match=f"add `digest={right}` to --model_args"):
            bridge.VisionflanModel(str(folder), told, device="cpu")
    whole = f"sha256:{checkpoint_digest(folder)}"
    bridge.check_digest(folder, whole)
    with pytest.raises(EvaluationError, match=r"is not a checkpoint"):
        bridge.VisionflanModel(str(tmp_path), right)
    with pytest.raises(EvaluationError, match="batch size is 'auto'"):
        bridge.VisionflanModel(str(folder), right, batch_size="auto")


@pytest.mark.skipif(find_spec("lmms_eval") is None, reason="lmms-eval is not installed")
def test_lmms_eval_itself_asks_a_checkpoint_about_local_pictures(
    folder: Path, tmp_path: Path
) -> None:
    write_task(tmp_path)
    arguments = f"pretrained={folder},digest={digest(folder)}"
    words = ["--model", "visionflan", "--model_args", arguments, "--tasks", "colours"]
    words += ["--include_path", str(tmp_path), "--batch_size", "2", "--device", "cpu"]
    words += ["--log_samples", "--output_path", str(tmp_path / "out")]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")}
    subprocess.run(
        [sys.executable, "-m", "lmms_eval", *words], env={**os.environ, **offline}, check=True
    )
    kept = next(tmp_path.glob("out/**/*.jsonl")).read_text()
    told = [json.loads(line) for line in kept.splitlines()]
    checkpoint = load_checkpoint(folder, "cpu")
    turns = [Turn("user", "<image>\nWhat colour is the shape?")]
    for row, image in zip(told, (RED, BLUE), strict=True):
        said = generate_answers(checkpoint, [turns], [[image]], max_new_tokens=6)[0].text
        assert row["filtered_resps"] == said


def write_task(folder: Path) -> None:
    """Write a task of two pictures as lmms-eval reads it from a Parquet file."""
    from datasets import Dataset, Features, Value
    from datasets import Image as ImageLoader

    rows = [{"image": {"bytes": encoded(image), "path": None}} for image in (RED, BLUE)]
    told = [row | {"answer": "red"} for row in rows]
    features = Features({"image": ImageLoader(), "answer": Value("string")})
    Dataset.from_list(told, features=features).to_parquet(folder / "colours.parquet")
    (folder / "parts.py").write_text("def visual(doc):\n    return [doc['image'].convert('RGB')]\n")
    (folder / "colours.yaml").write_text(
        "task: colours\ndataset_path: parquet\ntest_split: test\noutput_type: generate_until\n"
        f"dataset_kwargs: {{data_files: {{test: {folder / 'colours.parquet'}}}}}\n"
        "doc_to_visual: !function parts.visual\ndoc_to_text: 'What colour is the shape?'\n"
        "doc_to_target: '{{answer}}'\n"
        "generation_kwargs: {max_new_tokens: 6, temperature: 0, do_sample: false}\n"
        "metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]\n"
    )


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
