"""Language models of several kinds work from end to end, or are refused before the first step."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from tests.helpers.tiny_checkpoint import save_language_model, save_tower, write_build
from visionflan.errors import TrainingError
from visionflan.model.families.llava import Llava
from visionflan.model.generate import Checkpoint
from visionflan.train.config import InitConfig, RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.run import train

IMAGE = Image.new("RGB", (50, 30), (200, 30, 60))
QUESTION = "what color ?"


def config(parts: Path, language_model: Path) -> TrainConfig:
    return TrainConfig(
        name="kinds",
        build=parts / "build",
        init=InitConfig(
            vision_tower=parts / "tower", language_model=language_model, chat_template="vicuna"
        ),
        runtime=RuntimeConfig(device="cpu", num_threads=1),
        stages=tuple(
            StageConfig(name=name, learning_rate=1e-2, steps=2, batch_size=8)
            for name in ("base", "chat")
        ),
    )


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("parts")
    save_tower(directory / "tower")
    write_build(directory / "build", texts=2)
    return directory


@pytest.mark.parametrize("kind", ["gemma3_text", "gpt2", "opt", "qwen2", "qwen3"])
def test_what_was_trained_answers_the_same_in_transformers(
    parts: Path, tmp_path: Path, kind: str
) -> None:
    language_model = save_language_model(parts / kind, kind)
    path = train(config(parts, language_model), tmp_path)
    ours = Checkpoint.load(path, "cpu")
    answer = ours.answer(QUESTION, IMAGE, max_new_tokens=6)

    auto: Any = AutoModelForImageTextToText
    model, info = auto.from_pretrained(path, output_loading_info=True)
    assert not any(info.values())
    weights, expected = model.state_dict(), ours.vlm.model.state_dict()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    processor: Any = AutoProcessor.from_pretrained(path)
    content = [{"type": "image", "image": IMAGE}, {"type": "text", "text": QUESTION}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": content}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    generated = model.generate(**inputs, max_new_tokens=6)[0, inputs["input_ids"].shape[1] :]
    assert processor.decode(generated, skip_special_tokens=True).strip() == answer.text


@pytest.mark.parametrize("kind", ["gpt2", "opt"])
def test_a_head_that_cannot_be_tied_begins_as_a_copy(parts: Path, kind: str) -> None:
    from transformers import AutoModelForCausalLM

    language_model = save_language_model(parts / f"tied_{kind}", kind)
    text_model: Any = AutoModelForCausalLM.from_pretrained(language_model)
    assert text_model.config.tie_word_embeddings
    vlm = Llava.build(parts / "tower", language_model)
    head = vlm.model.get_output_embeddings().weight
    embeddings = vlm.model.get_input_embeddings().get_parameter("weight")
    assert head is not embeddings
    assert torch.equal(head, embeddings)
    rows = text_model.get_input_embeddings().weight
    assert torch.equal(embeddings[: len(rows)], rows)


def test_language_models_that_llava_cannot_use_are_refused(parts: Path, tmp_path: Path) -> None:
    from transformers import MambaConfig, MambaForCausalLM, OPTConfig, OPTForCausalLM

    narrow = save_language_model(tmp_path / "narrow", "opt")
    sizes: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 1, "vocab_size": 500}
    OPTForCausalLM(
        OPTConfig(**sizes, word_embed_proj_dim=16, num_attention_heads=2)
    ).save_pretrained(narrow)
    with pytest.raises(TrainingError, match=r"narrow has embeddings of width 16 .* width 32"):
        train(config(parts, narrow), tmp_path / "run")
    recurrent = save_language_model(tmp_path / "recurrent", "gpt2")
    MambaForCausalLM(MambaConfig(**sizes)).save_pretrained(recurrent)
    with pytest.raises(TrainingError, match="recurrent is recurrent"):
        train(config(parts, recurrent), tmp_path / "run")


def test_a_tower_without_a_fixed_size_is_refused(parts: Path, tmp_path: Path) -> None:
    from transformers import Siglip2VisionConfig, Siglip2VisionModel

    Siglip2VisionModel(
        Siglip2VisionConfig(
            hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2
        )
    ).save_pretrained(tmp_path)
    with pytest.raises(TrainingError, match=r"no fixed size .*NaFlex.*set init\.vision_tower"):
        Llava.build(tmp_path, save_language_model(parts / "llama"))
