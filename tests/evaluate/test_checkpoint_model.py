"""A real checkpoint is evaluated from the command line, in its run."""

import json
import re
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from tests.helpers.tiny_checkpoint import decided_llava, png, write_build
from tests.helpers.tiny_evaluation import tiny_build
from visionflan.builder.demo import specimens
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.cli.main import main
from visionflan.evaluate.demo import specimen_release
from visionflan.evaluate.models.checkpoint import CheckpointModel, checkpoint_digest
from visionflan.evaluate.plan import EvalSelection, OpenedRelease, plan_evaluations
from visionflan.evaluate.records.files import RECORDS
from visionflan.evaluate.records.header import read_header
from visionflan.evaluate.records.paths import checkpoints
from visionflan.evaluate.records.record import Record, read_records
from visionflan.model import logprobs
from visionflan.storage.instance import Turn


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("runs") / "run"
    vlm = decided_llava(directory)
    for stage in ("align", "base"):
        vlm.model.save_pretrained(directory / stage / "checkpoint")
        vlm.processor.save_pretrained(directory / stage / "checkpoint")
    tiny_build(directory / "build", num_images=3)
    (directory / "config.json").write_text(
        json.dumps({"build": str(directory / "build"), "stages": []})
    )
    return directory


OPTIONS = ("--tasks", "shapes/*", "--limit", "4", "--max-new-tokens", "5", "--device", "cpu")


def test_a_run_is_evaluated_in_its_own_directory(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(run), *OPTIONS, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["stage"] == "base"
    assert scores["failed"] == 0
    records = read_records(run / "evaluation/base" / RECORDS)
    assert {record.checkpoint for record in records} == {checkpoint_digest(run / "base/checkpoint")}
    assert {record.num_tokens for record in records} <= set(range(6))
    assert json.loads(records[0].generation_config) == {
        "max_new_tokens": 5,
        "precision": "float32",
        "sampling": "greedy",
    }
    stored = (run / "evaluation/base" / RECORDS).read_bytes()
    assert main(["evaluate", str(run / "base/checkpoint"), *OPTIONS, "--batch-size", "3"]) == 0
    assert (run / "evaluation/base" / RECORDS).read_bytes() == stored


def test_answers_do_not_depend_on_the_batch(run: Path, tmp_path: Path) -> None:
    build = ("--build", str(run / "build"))
    for size in ("1", "16"):
        args = ["evaluate", str(run / "base/checkpoint"), *OPTIONS, *build, "--batch-size", size]
        args.append("--no-cache")
        assert main([*args, "--out", str(tmp_path / size)]) == 0
    one, many = (read_records(tmp_path / size / RECORDS) for size in ("1", "16"))
    assert [plain(record) for record in one] == [plain(record) for record in many]
    assert len({record.response for record in one}) > 1
    values = [value for record in one for value in record.logprobs]
    assert values == pytest.approx([v for r in many for v in r.logprobs], abs=1e-4)
    assert len(set(values)) > 20


def plain(record: Record) -> Record:
    """Drop what depends on the order of summation."""
    return record._replace(logprobs=())


def test_benchmarks_are_run_once_and_stored_in_the_run(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("pope", "cifar10"):
        specimen_release(name, tmp_path / name)
    args = ["evaluate", str(run), "--benchmarks", "pope,cifar10", "--data-root", str(tmp_path)]
    args += ["--max-new-tokens", "4", "--device", "cpu"]
    assert main([*args, "--json"]) == 0
    pope, cifar = json.loads(capsys.readouterr().out)
    assert [pope["benchmark"], pope["prompt_style"], cifar["benchmark"]] == [
        "pope",
        "llava",
        "cifar10",
    ]
    assert pope["notes"] == ["training data, build: no record of decontamination against pope"]
    assert pope["headline"]["metric"] == "mean F1"
    assert cifar["coverage"] == {"official": 1.0, "lenient": 1.0, "likelihood": 1.0}
    directory = run / "benchmarks/base/cifar10"
    records = read_records(directory / RECORDS)
    assert {len(record.logprobs) for record in records} == {10}
    assert {record.condition for record in records} == {"original"}
    stored = (directory / RECORDS).read_bytes()
    assert main(args) == 0
    assert "accuracy" in capsys.readouterr().out
    assert (directory / RECORDS).read_bytes() == stored
    assert main([*args, "--prompt-style", "official"]) == 1
    assert "cifar10 has no prompt style 'official'" in capsys.readouterr().err
    assert not (run / "benchmarks/base/pope@official").exists()
    one = [*args[:2], "--benchmarks", "pope", *args[4:]]
    assert main([*one, "--prompt-style", "official", "--limit", "2"]) == 0
    assert read_header(run / "benchmarks/base/pope@official").prompt_style == "official"
    before = (run / "benchmarks/base/pope" / RECORDS).read_bytes()
    assert main([*one, "--prompt-style", "llava"]) == 0
    assert (run / "benchmarks/base/pope" / RECORDS).read_bytes() == before
    assert not (run / "benchmarks/base/pope@llava").exists()
    capsys.readouterr()
    assert main([*one, "--tasks", "pope/nonsense"]) == 1
    assert "no task is named 'pope/nonsense'" in capsys.readouterr().err
    assert main(["score", str(directory), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == cifar


def test_a_benchmark_whose_images_were_trained_on_says_so(tmp_path: Path) -> None:
    release = specimen_release("cifar10", tmp_path / "cifar10")
    opened = OpenedRelease(release, release.eval_set())
    run = tmp_path / "run"
    (run / "base/checkpoint").mkdir(parents=True)
    (run / "base/checkpoint/config.json").write_text("{}")
    (paths,) = checkpoints(run)
    (evaluation,) = plan_evaluations(EvalSelection(benchmarks=("cifar10",)), paths, [opened])
    assert "training datasets are not known here; cinic10" in evaluation.eval_set.notes[0]
    with specimens(["cinic10/*"]) as data_root:
        build(data_root, tmp_path / "build", BuildSettings())
    config = {"build": str(tmp_path / "build"), "stages": []}
    (run / "config.json").write_text(json.dumps(config))
    (evaluation,) = plan_evaluations(EvalSelection(benchmarks=("cifar10",)), paths, [opened])
    assert evaluation.eval_set.notes == (
        "trained on cinic10: It holds all of CIFAR-10, the test set included.",
        "training data, build: no record of decontamination against cifar10",
    )


def test_questions_of_which_none_is_closed_are_answered_with_the_cache(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    specimen_release("mm_vet", tmp_path / "mm_vet")
    args = ["evaluate", str(run / "base"), "--benchmarks", "mm_vet", "--data-root", str(tmp_path)]
    assert main([*args, "--max-new-tokens", "3", "--batch-size", "1", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["failed"] == 0
    assert scores["headline"]["value"] is None
    assert main(["score", str(run / "benchmarks/base/mm_vet")]) == 0
    assert "this benchmark needs an LLM judge" in capsys.readouterr().out


def test_a_truncated_image_is_refused_by_its_file(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    specimen_release("pope", tmp_path / "pope")
    args = ["evaluate", str(run), "--benchmarks", "pope", "--data-root", str(tmp_path)]
    path = next((tmp_path / "pope/val2014").iterdir())
    content = path.read_bytes()
    for broken in (content[: len(content) // 2], b"no picture", b""):
        path.write_bytes(broken)
        assert main([*args, "--out", str(tmp_path / "cut")]) == 1
        assert f"pope: {path} is not an image or is truncated" in capsys.readouterr().err
        assert not (tmp_path / "cut").exists()


@pytest.mark.parametrize(
    "args",
    [
        ("--batch-size", "0"),
        ("--limit", "-3"),
        ("--max-new-tokens", "none"),
        ("--benchmarks", " ,"),
        ("--benchmarks", "pope"),
        ("--prompt-style", "llava"),
        ("--data-root", "."),
    ],
)
def test_wrong_usage_ends_with_its_own_code(run: Path, args: tuple[str, ...]) -> None:
    try:
        code = main(["evaluate", str(run), *args])
    except SystemExit as ended:  # so argparse ends
        code = int(str(ended.code))
    assert code == 2


def test_candidates_that_do_not_fit_are_scored_in_smaller_batches(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    real = logprobs.candidate_logprobs

    def out_of_memory(*args: Any, batch_size: int) -> Any:
        sizes.append(batch_size)
        if batch_size > 3:
            raise MemoryError("no room")
        return real(*args, batch_size=batch_size)

    turns = [[Turn("user", "what color is the shape ?")]]
    model = CheckpointModel(run / "base/checkpoint", "cpu", batch_size=16)
    expected = model.loglikelihood(turns, [[]], [["red", "green", "blue"]])
    monkeypatch.setattr(logprobs, "candidate_logprobs", out_of_memory)
    halved = model.loglikelihood(turns, [[]], [["red", "green", "blue"]])
    assert sizes == [16, 8, 4, 2]
    assert [candidate.sum_logprob for candidate in halved[0]] == pytest.approx(
        [candidate.sum_logprob for candidate in expected[0]], abs=1e-4
    )


def test_a_changed_weight_changes_the_digest_and_run_json_does_not(run: Path) -> None:
    checkpoint = run / "align/checkpoint"
    before = CheckpointModel(checkpoint).digest
    (checkpoint / "run.json").write_text("{}")
    assert CheckpointModel(checkpoint).digest == before
    weights = load_file(checkpoint / "model.safetensors")
    name = next(iter(weights))
    weights[name] = weights[name] + 1e-3
    save_file(weights, checkpoint / "model.safetensors", metadata={"format": "pt"})
    assert CheckpointModel(checkpoint).digest != before


def test_what_is_no_checkpoint_is_refused_in_a_sentence(
    tmp_path: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copytree(run / "base/checkpoint", tmp_path / "alone")
    assert main(["evaluate", str(tmp_path / "alone"), "--out", str(tmp_path / "out")]) == 1
    assert "does not record the builds it was trained on" in capsys.readouterr().err
    build = ("--build", str(run / "build"))
    assert main(["evaluate", str(tmp_path), "--out", str(tmp_path / "out"), *build]) == 1
    assert "is not a checkpoint" in capsys.readouterr().err
    assert main(["evaluate", str(run), "--stages", "chat"]) == 1
    assert "has no checkpoint of chat: its stages are align, base" in capsys.readouterr().err
    assert main(["evaluate", str(tmp_path / "nowhere")]) == 1
    assert f"{tmp_path / 'nowhere'} does not exist" in capsys.readouterr().err
    assert main(["score", str(run / "config.json")]) == 1
    assert "is not a table of records" in capsys.readouterr().err
    assert main(["evaluate", str(tmp_path)]) == 1
    assert "set the directory for records with `--out`" in capsys.readouterr().err


def cut(content: bytes) -> bytes:
    return content[:-9]


def mistyped(content: bytes) -> bytes:
    return content.replace(b'"hidden_size": 32', b'"hidden_size": "x"')


DAMAGES = {
    "model.safetensors": (cut, "checkpoint in .* cannot be loaded"),
    "tokenizer.json": (cut, "processor in .* cannot be loaded"),
    "config.json": (mistyped, "configuration in .* cannot be read: .*'hidden_size'"),
}


@pytest.mark.parametrize("file", DAMAGES)
@pytest.mark.parametrize("command", ["evaluate", "chat", "train"])
def test_a_damaged_checkpoint_is_refused_in_one_sentence_and_leaves_no_answers(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, file: str
) -> None:
    checkpoint, out = copytree(run / "base/checkpoint", tmp_path / "damaged"), tmp_path / "out"
    (damage, message), content = DAMAGES[file], (checkpoint / file).read_bytes()
    (checkpoint / file).write_bytes(damage(content))
    assert (checkpoint / file).read_bytes() != content
    picture = tmp_path / "picture.png"
    picture.write_bytes(png((220, 20, 20), (32, 32)))
    build = run / "build" if command == "evaluate" else write_build(tmp_path / "build", count=2)
    settings = [f"init.checkpoint={checkpoint}", f"stages.chat.data.build={build}"]
    data = ["--build", str(build), "--out", str(out)]
    arguments = {
        "evaluate": [str(checkpoint), *data, *OPTIONS],
        "chat": [str(checkpoint), str(picture)],
        "train": ["finetune", *data, *(part for text in settings for part in ("--set", text))],
    }
    assert main([command, *arguments[command]]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert re.search(f"^error: the .*{message}", last)
    assert not [path for path in out.rglob("*") if path.name in {RECORDS, "checkpoint"}]
