"""Each family reads, trains and writes a model as the library does, and sees its pictures."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from tests.helpers.library_inputs import LOADABLE, library_inputs, library_processor
from tests.helpers.tiny_checkpoint import write_pictures
from tests.helpers.tiny_families import FAMILIES, save_tiny
from visionflan.model.chat_rendering import messages
from visionflan.model.generate import Checkpoint, generate_answers, tokenize_prompts
from visionflan.model.logprobs import candidate_logprobs
from visionflan.model.processor import FILES
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Turn
from visionflan.train.batch_sampler import MicroBatch
from visionflan.train.collator import Collator
from visionflan.train.config import InitConfig, RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.distributed import DistributedContext
from visionflan.train.run import train
from visionflan.train.stage import StageRunner
from visionflan.train.training_model import TrainingModel

DISTRIBUTED = DistributedContext(0, 1, torch.device("cpu"))
SIZES = ((40, 24), (16, 16), (20, 50), (64, 40))
QUESTIONS = (
    (Turn("user", "<image>\nwhat color is it ?"),),
    (Turn("user", "name it :\n<image>"),),
    (
        Turn("user", "<image>\n<image>\nwhich is red ?"),
        Turn("assistant", "the red circle."),
        Turn("user", "and blue ?"),
    ),
    (Turn("user", "how many are there ?"),),
)


def pictures(count: int, first: int) -> list[Image.Image]:
    return [
        Image.effect_noise(SIZES[(first + number) % 4], 60 + 40 * number).convert("RGB")
        for number in range(count)
    ]


IMAGES: tuple[list[Image.Image], ...] = (pictures(1, 0), pictures(1, 2), pictures(2, 0), [])


@pytest.fixture(scope="module", params=FAMILIES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def checkpoint(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp(name), name)


@pytest.fixture(scope="module")
def loaded(checkpoint: Path) -> Checkpoint:
    return Checkpoint.load(checkpoint, "cpu")


def with_images(turns: Sequence[Turn], images: Sequence[Image.Image]) -> list[dict[str, Any]]:
    """Return standard messages with the images in their places."""
    chat, rest = messages(turns), iter(images)
    for message in chat:
        for part in message["content"]:
            if part["type"] == "image":
                part["image"] = next(rest)
    return chat


def test_prompts_and_images_are_those_of_the_processor_of_the_library(
    name: str, checkpoint: Path, loaded: Checkpoint
) -> None:
    prompts = tokenize_prompts(loaded.chat_tokenizer, QUESTIONS, IMAGES)
    lengths = set()
    for turns, images, prompt in zip(QUESTIONS[:3], IMAGES, prompts, strict=False):
        chat = with_images(turns, images)
        expected = library_inputs(name, checkpoint, chat, add_generation_prompt=True)
        assert prompt.token_ids == expected["input_ids"][0].tolist()
        lengths.add(prompt.token_ids.count(loaded.chat_tokenizer.image_token_id))
        own = loaded.image_inputs([images])
        own |= loaded.vlm.generation_inputs(expected["input_ids"])
        assert own.keys() <= expected.keys()
        for key, value in own.items():
            torch.testing.assert_close(value, torch.as_tensor(expected[key]))
    assert len(lengths) > 1


def test_answers_are_those_of_the_generation_of_the_library(
    name: str, checkpoint: Path, loaded: Checkpoint
) -> None:
    own = generate_answers(loaded, QUESTIONS[:3], IMAGES[:3], max_new_tokens=6)
    model: Any = loaded.vlm.model
    for turns, images, answer in zip(QUESTIONS, IMAGES, own, strict=False):
        chat = with_images(turns, images)
        inputs = library_inputs(name, checkpoint, chat, add_generation_prompt=True)
        token_ids = model.generate(**inputs, max_new_tokens=6)[0, inputs["input_ids"].shape[1] :]
        text = loaded.chat_tokenizer.tokenizer.decode(token_ids, skip_special_tokens=True)
        assert answer.text == text.strip()
        if name in LOADABLE:
            processor = library_processor(name, checkpoint)
            pipe: Any = transformers.pipeline(
                "image-text-to-text", model=model, processor=processor
            )
            (result,) = pipe(text=chat, max_new_tokens=6)
            assert result["generated_text"][-1]["content"].strip().endswith(answer.text)


def test_likelihoods_are_those_of_the_logits_of_the_library(
    name: str, checkpoint: Path, loaded: Checkpoint
) -> None:
    candidates = [["red", "dark blue"], ["two"], ["red", "a b c", "one"], []]
    own = candidate_logprobs(loaded, QUESTIONS, IMAGES, candidates, batch_size=3)
    model: Any = loaded.vlm.model
    for turns, images, texts, scores in zip(QUESTIONS[:3], IMAGES, candidates, own, strict=False):
        for text, score in zip(texts, scores, strict=True):
            chat = with_images([*turns, Turn("assistant", text)], images)
            inputs = library_inputs(name, checkpoint, chat)
            with torch.no_grad():
                logprobs = model(**inputs).logits[0].log_softmax(-1)
            prompt = library_inputs(
                name, checkpoint, with_images(turns, images), add_generation_prompt=True
            )
            begin = prompt["input_ids"].shape[1]
            targets = inputs["input_ids"][0, begin : begin + score.num_tokens]
            expected = logprobs[begin - 1 :].gather(1, targets[:, None]).sum()
            assert score.sum_logprob == pytest.approx(float(expected), abs=1e-3)
            assert int(targets[-1]) in loaded.chat_tokenizer.end_token_ids


@pytest.fixture(scope="module")
def config(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    """Return two stages on eight rows that differ only in their picture."""
    return TrainConfig(
        name="pictures",
        build=write_pictures(tmp_path_factory.mktemp("pictures") / "build"),
        init=InitConfig(checkpoint=checkpoint),
        stages=(
            StageConfig(
                name="align", trainable=("connector",), learning_rate=1e-2, steps=2, batch_size=8
            ),
            StageConfig(name="base", learning_rate=3e-3, steps=36, batch_size=8),
        ),
        runtime=RuntimeConfig(device="cpu", num_threads=1),
    )


def test_losses_and_gradients_are_those_of_the_library(
    name: str, checkpoint: Path, config: TrainConfig, tmp_path: Path
) -> None:
    only_base = replace(config, stages=config.stages[1:])
    runner = StageRunner(only_base, only_base.stages[0], tmp_path, DISTRIBUTED)
    dataset = runner.tokenize()
    vlm: Any = runner.initial_model.vlm
    model = TrainingModel(vlm, ("vision_tower", "connector", "language_model"))
    collate = Collator(dataset, runner.chat_tokenizer, runner.images(dataset))
    rows = np.arange(3)
    own = model(collate(MicroBatch(rows, int(dataset.lengths[rows].max()))))
    own.sum().backward()
    gradients = {key: weight.grad for key, weight in vlm.model.named_parameters()}
    vlm.model.zero_grad(set_to_none=True)
    expected = []
    for row in rows:
        instance = dataset.instance(int(row))
        images = [Image.open(io.BytesIO(runner.build.image(i))) for i in instance.images]
        inputs = library_inputs(name, checkpoint, with_images(instance.turns, images))
        prompt = with_images(instance.turns[:1], images)
        begin = library_inputs(name, checkpoint, prompt, add_generation_prompt=True)["input_ids"]
        labels = inputs["input_ids"].clone()
        labels[:, : begin.shape[1]] = -100
        labels[:, begin.shape[1] + int(dataset.num_target_tokens[row]) :] = -100
        loss = vlm.model(**inputs, labels=labels).loss * int(dataset.num_target_tokens[row])
        loss.backward()
        expected.append(float(loss.detach()))
    assert float(own.detach().sum()) == pytest.approx(sum(expected), rel=1e-5)
    for key, weight in vlm.model.named_parameters():
        if weight.grad is None:
            assert gradients[key] is None or not gradients[key].any(), key
        else:
            scale = float(weight.grad.abs().max())
            torch.testing.assert_close(
                gradients[key], weight.grad, atol=1e-4 * scale + 1e-7, rtol=1e-3
            )


def test_a_blank_image_reaches_all_weights_that_other_images_reach(
    checkpoint: Path, config: TrainConfig, tmp_path: Path
) -> None:
    only_base = replace(config, stages=config.stages[1:])
    runner = StageRunner(only_base, only_base.stages[0], tmp_path, DISTRIBUTED)
    dataset = runner.tokenize()
    vlm = runner.initial_model.vlm
    model = TrainingModel(vlm, ("vision_tower", "connector", "language_model"))
    collate = Collator(dataset, runner.chat_tokenizer, runner.images(dataset))
    model(collate(MicroBatch(np.arange(2), int(dataset.lengths[:2].max())))).sum().backward()
    parts = {**vlm.part_weights("vision_tower"), **vlm.part_weights("connector")}
    reached = {key for key, weight in parts.items() if weight.grad is not None}
    assert reached >= set(vlm.part_weights("connector"))
    vlm.model.zero_grad(set_to_none=True)
    vlm.connect_blank_image().backward()
    assert {key for key, weight in parts.items() if weight.grad is not None} == reached
    assert all(weight.grad is None for weight in vlm.part_weights("language_model").values())


def test_a_trained_model_tells_pictures_apart_and_opens_in_the_plain_library(
    name: str, checkpoint: Path, config: TrainConfig, tmp_path: Path
) -> None:
    trained = train(config, tmp_path / "run")
    loaded = Checkpoint.load(trained, "cpu")
    assert config.build is not None
    build = BuildDirectory(config.build)
    rows = list(build.instances())
    images = [[Image.open(io.BytesIO(build.image(row.images[0])))] for row in rows]
    questions = [row.turns[:1] for row in rows]
    answers = [
        answer.text for answer in generate_answers(loaded, questions, images, max_new_tokens=8)
    ]
    assert answers == [row.target for row in rows]
    blank = [[Image.new("RGB", image.size, "gray")] for (image,) in images]
    (same,) = {a.text for a in generate_answers(loaded, questions, blank, max_new_tokens=8)}
    assert [row.target for row in rows].count(same) <= 1

    for file in FILES:
        assert (trained / file).is_file() == (checkpoint / file).is_file(), file
        if (trained / file).is_file():
            assert (trained / file).read_bytes() == (checkpoint / file).read_bytes(), file
    plain = getattr(transformers, type(loaded.vlm.model).__name__).from_pretrained(trained)
    inputs = library_inputs(name, trained, with_images(questions[0], images[0]))
    with torch.no_grad():
        torch.testing.assert_close(plain(**inputs).logits, loaded.vlm.model(**inputs).logits)
    tower = loaded.vlm.part_names.vision_tower[0]
    before = Checkpoint.load(checkpoint, "cpu").vlm.model.state_dict()
    for key, weight in loaded.vlm.model.state_dict().items():
        if key.startswith(f"{tower}.") and loaded.vlm.part_of(key) == "vision_tower":
            assert torch.equal(weight, before[key]), key
