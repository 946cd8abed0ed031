"""A checkpoint is asked: greedily in batches, and by the likelihood of given answers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tiny_parts import save_language_model, save_tower

from visionflan.build.instance import Turn
from visionflan.errors import EvaluationError, TrainingError, UnusableError
from visionflan.model.assemble import assemble
from visionflan.model.conversation import messages
from visionflan.model.generate import (
    Checkpoint,
    answer,
    candidate_logprobs,
    chosen_device,
    load_checkpoint,
)
from visionflan.model.identity import weights_digest

RED, BLUE = Image.new("RGB", (50, 30), "red"), Image.new("RGB", (20, 30), "blue")
CONVERSATIONS = [
    [Turn("user", "<image>\nWhat colour is the shape?")],
    [Turn("user", "Name it. The picture shows a circle, and questions are many\n<image>")],
    [Turn("user", "how many?")],
    [Turn("user", "how many?\n<image><image>"), Turn("assistant", "two"), Turn("user", "sure?")],
]
IMAGES = [[RED], [BLUE], [], [BLUE, RED]]


@pytest.fixture(scope="module", params=["llama", "qwen2"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("checkpoint")
    save_tower(folder / "tower")
    save_language_model(folder / "words", request.param)
    model, processor = assemble(folder / "tower", folder / "words")
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(3)
    model.save_pretrained(folder / "joined")
    processor.save_pretrained(folder / "joined")
    return load_checkpoint(folder / "joined", "cpu")


def test_answers_in_a_batch_are_those_given_one_by_one(checkpoint: Checkpoint) -> None:
    together = answer(checkpoint, CONVERSATIONS, IMAGES, max_new_tokens=8)
    alone = [
        answer(checkpoint, [turns], [images], max_new_tokens=8)[0]
        for turns, images in zip(CONVERSATIONS, IMAGES, strict=True)
    ]
    pairs = answer(checkpoint, CONVERSATIONS, IMAGES, max_new_tokens=8, batch_size=2)
    assert together == alone == pairs
    assert len({said.text for said in alone}) > 1
    assert all(said.finish_reason == "length" and said.tokens == 8 for said in alone)
    assert answer(checkpoint, [], []) == []


def test_an_answer_ends_at_the_end_token_and_never_holds_an_image(checkpoint: Checkpoint) -> None:
    tokenizer, head = checkpoint.encoder.tokenizer, checkpoint.model.lm_head
    kept = head.weight.detach().clone()
    bias = torch.zeros(len(head.weight))
    try:
        for token, reason, count in (
            (tokenizer.eos_token_id, "stop", 0),
            (checkpoint.encoder.image_token, "length", 3),
        ):
            bias.zero_()[token] = 1e6
            head.bias = torch.nn.Parameter(bias.clone())
            said = answer(checkpoint, CONVERSATIONS[:2], IMAGES[:2], max_new_tokens=3)
            assert [(one.finish_reason, one.tokens) for one in said] == [(reason, count)] * 2
            assert [bool(one.text) for one in said] == [reason == "length"] * 2
    finally:
        head.bias = None
        assert torch.equal(head.weight, kept)


def test_the_likelihood_of_an_answer_is_that_of_the_plain_model(checkpoint: Checkpoint) -> None:
    candidates = [["red", "blue green"], ["circle", "a"], ["two"], ["one two three", "two"]]
    found = candidate_logprobs(checkpoint, CONVERSATIONS, IMAGES, candidates, batch_size=3)
    assert [len(row) for row in found] == [2, 2, 1, 2]
    processor = checkpoint.encoder.processor
    for turns, images, texts, weighed in zip(CONVERSATIONS, IMAGES, candidates, found, strict=True):
        prompt = inputs(processor, turns, images, prompt=True)["input_ids"].shape[1]
        for text, likelihood in zip(texts, weighed, strict=True):
            whole = inputs(processor, [*turns, Turn("assistant", text)], images, prompt=False)
            chances = checkpoint.model(**whole).logits[0].log_softmax(-1)
            tokens = whole["input_ids"][0, prompt:]
            expected = chances[prompt - 1 : -1].gather(1, tokens[:, None]).sum().item()
            assert likelihood.summed == pytest.approx(expected, abs=1e-3)
            assert likelihood.tokens == len(tokens)
            assert likelihood.mean == pytest.approx(likelihood.summed / len(tokens))


def inputs(processor: Any, turns: list[Turn], images: list[Image.Image], *, prompt: bool) -> Any:
    text = processor.apply_chat_template(messages(turns), add_generation_prompt=prompt)
    begun = bool(processor.tokenizer.bos_token) and text.startswith(processor.tokenizer.bos_token)
    shown = {"images": images} if images else {}
    return processor(text=[text], return_tensors="pt", add_special_tokens=not begun, **shown)


def test_what_cannot_be_asked_is_refused(checkpoint: Checkpoint) -> None:
    with pytest.raises(EvaluationError, match="must end with a user's turn"):
        answer(checkpoint, [[Turn("user", "a"), Turn("assistant", "b")]], [[]])
    with pytest.raises(UnusableError, match="image_count: 1 image markers and 0 images"):
        answer(checkpoint, [[Turn("user", "<image>\na")]], [[]])
    with pytest.raises(TrainingError, match="holds no LLaVA checkpoint"):
        load_checkpoint(Path("nowhere"), "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is an accelerator")
def test_an_accelerator_that_is_not_there_is_told_in_a_sentence() -> None:
    assert chosen_device("auto").type == "cpu"
    with pytest.raises(TrainingError, match="no accelerator is to be found"):
        chosen_device("cuda")


def test_the_digest_of_weights_follows_their_files(checkpoint: Checkpoint, tmp_path: Path) -> None:
    file = checkpoint.path / "model.safetensors"
    (tmp_path / file.name).write_bytes(file.read_bytes())
    assert weights_digest(tmp_path) == checkpoint.weights
    (tmp_path / file.name).write_bytes(file.read_bytes()[:-1] + b"\x7f")
    assert weights_digest(tmp_path) != checkpoint.weights
