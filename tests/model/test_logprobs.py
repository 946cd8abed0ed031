"""Given answers are weighed as the plain model weighs each by itself."""

from typing import Any

import pytest
import torch
from PIL import Image

from tests.helpers.tiny_requests import CONVERSATIONS, IMAGES, RED, save_checkpoint
from visionflan.model.chat_tokenizer import messages
from visionflan.model.generate import Checkpoint, load_checkpoint
from visionflan.model.logprobs import CandidateRow, batch_rows, candidate_logprobs, candidate_tokens
from visionflan.storage.instance import Turn

CANDIDATES = [["red", "blue green"], ["circle", "a"], ["two"], ["one two three", "two"]]


@pytest.fixture(scope="module", params=["llama", "qwen2", "mistral"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = save_checkpoint(tmp_path_factory.mktemp("checkpoint"), request.param)
    return load_checkpoint(folder, "cpu")


def test_the_likelihood_of_an_answer_is_that_of_the_plain_model(checkpoint: Checkpoint) -> None:

    found = candidate_logprobs(checkpoint, CONVERSATIONS, IMAGES, CANDIDATES, batch_size=3)
    assert [len(row) for row in found] == [2, 2, 1, 2]
    processor = checkpoint.chat_tokenizer.processor
    for turns, images, texts, weighed in zip(CONVERSATIONS, IMAGES, CANDIDATES, found, strict=True):
        prompt = inputs(processor, turns, images, prompt=True)["input_ids"].shape[1]
        for text, likelihood in zip(texts, weighed, strict=True):
            whole = inputs(processor, [*turns, Turn("assistant", text)], images, prompt=False)
            chances = checkpoint.vlm.model(**whole).logits[0].log_softmax(-1)
            tokens = whole["input_ids"][0, prompt:]
            expected = chances[prompt - 1 : -1].gather(1, tokens[:, None]).sum().item()
            assert likelihood.sum_logprob == pytest.approx(expected, rel=1e-5)
            assert likelihood.num_tokens == len(tokens)
            assert likelihood.mean_logprob == pytest.approx(likelihood.sum_logprob / len(tokens))


def inputs(processor: Any, turns: list[Turn], images: list[Image.Image], *, prompt: bool) -> Any:
    text = processor.apply_chat_template(messages(turns), add_generation_prompt=prompt)
    begun = bool(processor.tokenizer.bos_token) and text.startswith(processor.tokenizer.bos_token)
    shown = {"images": images} if images else {}
    return processor(text=[text], return_tensors="pt", add_special_tokens=not begun, **shown)


def test_a_candidate_does_not_see_those_that_stand_beside_it(checkpoint: Checkpoint) -> None:
    words = ["red", "blue", "green", "circle", "square", "one two", "two three", "three two one"]
    many = [words, words[:1], [], words[2:5]]
    together = candidate_logprobs(checkpoint, CONVERSATIONS, IMAGES, many)
    for size in (1, 3, 100):
        found = candidate_logprobs(checkpoint, CONVERSATIONS, IMAGES, many, batch_size=size)
        for row, other in zip(found, together, strict=True):
            assert [each.num_tokens for each in row] == [each.num_tokens for each in other]
            summed = [each.sum_logprob for each in other]
            assert [each.sum_logprob for each in row] == pytest.approx(summed, abs=1e-5, rel=1e-6)
    assert len({each.sum_logprob for each in together[0]}) == len(words)
    assert candidate_logprobs(checkpoint, [], [], []) == []


def test_an_answer_is_greedy_if_each_of_its_tokens_is_the_likeliest(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, texts = CONVERSATIONS[0], ["red", "blue green"]
    encoder = checkpoint.chat_tokenizer
    prompt = encoder.expand_image_tokens(encoder.encode_prompts([turns])[0])
    red, blue_green = candidate_tokens(encoder, turns, prompt, texts)
    monkeypatch.setattr(checkpoint.vlm.model, "lm_head", Likeliest([*red, *blue_green[:-1], 1]))
    found = candidate_logprobs(checkpoint, [turns], [[RED]], [texts])[0]
    assert [each.is_greedy for each in found] == [True, False]


class Likeliest(torch.nn.Module):
    """A head that holds these tokens for the likeliest, whatever is behind it."""

    def __init__(self, tokens: list[int]) -> None:
        super().__init__()
        self.tokens = torch.tensor(tokens)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        assert len(hidden) == len(self.tokens)
        return torch.nn.functional.one_hot(self.tokens, 1000).float()


def test_a_batch_holds_no_more_candidates_than_it_may() -> None:
    rows = [
        CandidateRow([0] * length, [[1]] * count, [])
        for length, count in ((9, 2), (5, 4), (7, 1), (6, 1), (8, 3))
    ]
    assert list(batch_rows(rows, 4)) == [[1], [3, 2], [4], [0]]
