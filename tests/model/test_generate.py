"""A checkpoint generates answers, greedily and in batches."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.helpers.tiny_requests import CONVERSATIONS, IMAGES, save_checkpoint
from visionflan.errors import EvaluationError, TrainingError, UnusableError
from visionflan.model.fingerprint import weights_digest
from visionflan.model.generate import (
    Checkpoint,
    generate_answers,
    resolve_device,
)
from visionflan.storage.instance import Turn


@pytest.fixture(scope="module", params=["llama", "qwen2"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    directory = save_checkpoint(tmp_path_factory.mktemp("checkpoint"), request.param)
    return Checkpoint.load(directory, "cpu")


def test_answers_in_a_batch_are_those_generated_one_by_one(checkpoint: Checkpoint) -> None:
    together = generate_answers(checkpoint, CONVERSATIONS, IMAGES, max_new_tokens=8)
    alone = [
        generate_answers(checkpoint, [turns], [images], max_new_tokens=8)[0]
        for turns, images in zip(CONVERSATIONS, IMAGES, strict=True)
    ]
    pairs = generate_answers(checkpoint, CONVERSATIONS, IMAGES, max_new_tokens=8, batch_size=2)
    assert together == alone == pairs
    assert len({answer.text for answer in alone}) > 1
    assert all(answer.finish_reason == "length" and answer.num_tokens == 8 for answer in alone)
    assert generate_answers(checkpoint, [], []) == []


def test_an_answer_ends_at_the_end_token_and_has_no_image_token(checkpoint: Checkpoint) -> None:
    tokenizer = checkpoint.chat_tokenizer.tokenizer
    head: Any = checkpoint.vlm.model.get_output_embeddings()
    original = head.weight.detach().clone()
    bias = torch.zeros(len(head.weight))
    try:
        for token, reason, count in (
            (tokenizer.eos_token_id, "stop", 0),
            (checkpoint.chat_tokenizer.image_token_id, "length", 3),
        ):
            bias.zero_()[token] = 1e6
            head.bias = torch.nn.Parameter(bias.clone())
            answers = generate_answers(checkpoint, CONVERSATIONS[:2], IMAGES[:2], max_new_tokens=3)
            assert [(answer.finish_reason, answer.num_tokens) for answer in answers] == [
                (reason, count)
            ] * 2
            assert [bool(answer.text) for answer in answers] == [reason == "length"] * 2
    finally:
        head.bias = None
        assert torch.equal(head.weight, original)


def test_prompts_that_cannot_be_answered_are_refused(checkpoint: Checkpoint) -> None:
    with pytest.raises(EvaluationError, match="must end with a user's turn"):
        generate_answers(checkpoint, [[Turn("user", "a"), Turn("assistant", "b")]], [[]])
    with pytest.raises(UnusableError, match="image_token_mismatch: 1 image marker and 0 images"):
        generate_answers(checkpoint, [[Turn("user", "<image>\na")]], [[]])
    with pytest.raises(TrainingError, match="nowhere is not a checkpoint: it does not exist"):
        Checkpoint.load(Path("nowhere"), "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_reported_in_a_sentence() -> None:
    assert resolve_device("auto").type == "cpu"
    with pytest.raises(TrainingError, match="no GPU is available"):
        resolve_device("cuda")


def test_the_digest_of_weights_follows_their_files(checkpoint: Checkpoint, tmp_path: Path) -> None:
    file = checkpoint.path / "model.safetensors"
    (tmp_path / file.name).write_bytes(file.read_bytes())
    assert weights_digest(tmp_path) == weights_digest(checkpoint.path)
    (tmp_path / file.name).write_bytes(file.read_bytes()[:-1] + b"\x7f")
    assert weights_digest(tmp_path) != weights_digest(checkpoint.path)
