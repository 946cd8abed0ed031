"""The log-probabilities of packed candidates are those of the plain model, one by one."""

from typing import Any

import pytest
import torch
from PIL import Image

from tests.helpers.tiny_requests import CONVERSATIONS, IMAGES, RED, save_checkpoint
from visionflan.model.candidates import CandidateRow
from visionflan.model.chat_rendering import messages
from visionflan.model.generate import Checkpoint
from visionflan.model.logprobs import batch_rows, candidate_logprobs, candidate_tokens
from visionflan.model.packing import (
    PADDING_SEGMENT,
    PROMPT_SEGMENT,
    pack_rows,
    packed_attention_mask,
)
from visionflan.storage.instance import Turn

CANDIDATES = [["red", "blue green"], ["circle", "a"], ["two"], ["one two three", "two"]]


@pytest.fixture(scope="module", params=["llama", "qwen2", "mistral"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    directory = save_checkpoint(tmp_path_factory.mktemp("checkpoint"), request.param)
    return Checkpoint.load(directory, "cpu")


def test_the_likelihood_of_an_answer_is_that_of_the_plain_model(checkpoint: Checkpoint) -> None:
    likelihoods = candidate_logprobs(checkpoint, CONVERSATIONS, IMAGES, CANDIDATES, batch_size=3)
    assert [len(question) for question in likelihoods] == [2, 2, 1, 2]
    processor = checkpoint.chat_tokenizer.processor
    questions = zip(CONVERSATIONS, IMAGES, CANDIDATES, likelihoods, strict=True)
    for turns, images, texts, question in questions:
        prompt_length = inputs(processor, turns, images, prompt=True)["input_ids"].shape[1]
        for text, likelihood in zip(texts, question, strict=True):
            complete = inputs(processor, [*turns, Turn("assistant", text)], images, prompt=False)
            logprobs = checkpoint.vlm.model(**complete).logits[0].log_softmax(-1)
            targets = complete["input_ids"][0, prompt_length:]
            target_logprobs = logprobs[prompt_length - 1 : -1].gather(1, targets[:, None])
            expected = target_logprobs.sum().item()
            assert likelihood.sum_logprob == pytest.approx(expected, rel=1e-5)
            assert likelihood.num_tokens == len(targets)
            assert likelihood.mean_logprob == pytest.approx(likelihood.sum_logprob / len(targets))


def inputs(processor: Any, turns: list[Turn], images: list[Image.Image], *, prompt: bool) -> Any:
    text = processor.apply_chat_template(messages(turns), add_generation_prompt=prompt)
    bos_token = processor.tokenizer.bos_token
    has_bos = bool(bos_token) and text.startswith(bos_token)
    image_inputs = {"images": images} if images else {}
    return processor(
        text=[text], return_tensors="pt", add_special_tokens=not has_bos, **image_inputs
    )


def test_a_candidate_does_not_attend_to_those_next_to_it(checkpoint: Checkpoint) -> None:
    texts = ["red", "blue", "green", "circle", "square", "one two", "two three", "three two one"]
    candidates = [texts, texts[:1], [], texts[2:5]]
    packed = candidate_logprobs(checkpoint, CONVERSATIONS, IMAGES, candidates)
    for batch_size in (1, 3, 100):
        other = candidate_logprobs(
            checkpoint, CONVERSATIONS, IMAGES, candidates, batch_size=batch_size
        )
        for question, expected in zip(other, packed, strict=True):
            assert [likelihood.num_tokens for likelihood in question] == [
                answer.num_tokens for answer in expected
            ]
            logprobs = [answer.sum_logprob for answer in expected]
            assert [likelihood.sum_logprob for likelihood in question] == pytest.approx(
                logprobs, abs=1e-5, rel=1e-6
            )
    assert len({likelihood.sum_logprob for likelihood in packed[0]}) == len(texts)
    assert candidate_logprobs(checkpoint, [], [], []) == []


def test_a_row_is_packed_as_the_drawing_of_it_shows() -> None:
    rows = [CandidateRow([20, 21, 22], [[30, 2], [31, 32, 2]], []), CandidateRow([20], [[2]], [])]
    first, second = pack_rows(rows, pad_token_id=9)
    assert [token.token_id for token in first] == [20, 21, 22, 30, 2, 31, 32, 2]
    assert [token.position for token in first] == [0, 1, 2, 3, 4, 3, 4, 5]
    assert [token.segment for token in first] == [PROMPT_SEGMENT] * 3 + [1] * 2 + [2] * 3
    assert [token.predictor for token in first[3:]] == [2, 3, 2, 5, 6]
    assert [token.segment for token in second] == [PROMPT_SEGMENT, 1] + [PADDING_SEGMENT] * 6
    assert {token.token_id for token in second[2:]} == {9}
    attends = packed_attention_mask(torch.tensor([[token.segment for token in first]]))[0]
    assert attends[4].tolist() == [True] * 5 + [False] * 3
    assert attends[6].tolist() == [True] * 3 + [False] * 2 + [True] * 2 + [False]


def test_an_answer_is_greedy_if_each_of_its_tokens_has_the_highest_probability(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, texts = CONVERSATIONS[0], ["red", "blue green"]
    tokenizer = checkpoint.chat_tokenizer
    prompt = tokenizer.expand_images(tokenizer.encode_prompts([turns])[0])
    red, blue_green = candidate_tokens(tokenizer, turns, [RED], prompt.token_ids, texts)
    head = FixedHead([*red, *blue_green[:-1], 1])
    monkeypatch.setattr(checkpoint.vlm.model, "lm_head", head)
    likelihoods = candidate_logprobs(checkpoint, [turns], [[RED]], [texts])[0]
    assert [likelihood.is_greedy for likelihood in likelihoods] == [True, False]


class FixedHead(torch.nn.Module):
    """A head that assigns the highest probability to these tokens, whatever it is given."""

    def __init__(self, tokens: list[int]) -> None:
        super().__init__()
        self.tokens = torch.tensor(tokens)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        assert len(hidden) == len(self.tokens)
        return torch.nn.functional.one_hot(self.tokens, 1000).float()


def test_a_batch_has_no_more_candidates_than_allowed() -> None:
    rows = [
        CandidateRow([0] * length, [[1]] * count, [])
        for length, count in ((9, 2), (5, 4), (7, 1), (6, 1), (8, 3))
    ]
    assert list(batch_rows(rows, 4)) == [[1], [3, 2], [4], [0]]
