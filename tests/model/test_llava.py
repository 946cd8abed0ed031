"""Two folders of parts become a LLaVA that `transformers` opens again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.helpers.tiny_checkpoint import save_language_model, save_tower
from visionflan.errors import TrainingError
from visionflan.model.chat_templates import VICUNA
from visionflan.model.chat_tokenizer import ChatTokenizer
from visionflan.model.forward import encode_images
from visionflan.model.image_processing import preprocess
from visionflan.model.llava import ConnectorConfig, build_llava, open_llava

KINDS = [("clip", "llama"), ("siglip", "qwen2"), ("clip", "mistral")]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    for kind in ("clip", "siglip"):
        save_tower(folder / kind, kind)
    for kind in ("llama", "qwen2", "mistral"):
        save_language_model(folder / kind, kind)
    return folder


@pytest.mark.parametrize(("tower", "language_model"), KINDS)
def test_what_is_joined_and_saved_opens_with_the_same_weights(
    parts: Path, tmp_path: Path, tower: str, language_model: str
) -> None:
    model, processor = build_llava(parts / tower, parts / language_model)
    assert not any(weight.is_meta for weight in (*model.parameters(), *model.buffers()))
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    opened, again = open_llava(tmp_path)
    before, after = model.state_dict(), opened.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert again.chat_template == processor.chat_template
    picture = [Image.new("RGB", (50, 30), "red")]
    assert torch.equal(preprocess(processor, picture), preprocess(again, picture))


@pytest.mark.parametrize(("tower", "language_model"), KINDS)
@pytest.mark.parametrize("features", ["patches", "all"])
def test_an_image_has_as_many_tokens_as_the_tower_gives_features(
    parts: Path, tower: str, language_model: str, features: str
) -> None:
    joint = ConnectorConfig(feature_select="patches" if features == "patches" else "all")
    model, processor = build_llava(parts / tower, parts / language_model, joint=joint)
    seen = encode_images(model, preprocess(processor, [Image.new("RGB", (50, 30))]))
    assert (
        seen.shape[1] == ChatTokenizer(processor).tokens_per_image == model.config.image_seq_length
    )
    assert seen.shape[1] == 16 + (features == "all" and tower == "clip")


def test_the_parts_keep_their_weights_and_the_layer_told_is_taken(parts: Path) -> None:
    from transformers import CLIPVisionModel, LlamaForCausalLM

    model, processor = build_llava(
        parts / "clip", parts / "llama", joint=ConnectorConfig(feature_layer=-1)
    )
    tower = CLIPVisionModel.from_pretrained(parts / "clip")
    speech = LlamaForCausalLM.from_pretrained(parts / "llama")
    values = preprocess(processor, [Image.new("RGB", (32, 32), "red")])
    with torch.no_grad():
        hidden = tower(values, output_hidden_states=True).hidden_states
    assert torch.equal(encode_images(model, values), hidden[-1][:, 1:])
    assert not torch.equal(encode_images(model, values), hidden[-2][:, 1:])
    rows = speech.lm_head.weight.shape[0]
    assert torch.equal(model.lm_head.weight[:rows], speech.lm_head.weight)


def test_a_folder_that_holds_a_text_part_too_serves_as_a_tower(parts: Path, tmp_path: Path) -> None:
    from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

    sizes: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    CLIPModel(
        CLIPConfig(
            text_config=CLIPTextConfig(**sizes, num_hidden_layers=1, vocab_size=50).to_dict(),
            vision_config=CLIPVisionConfig(
                **sizes, num_hidden_layers=2, image_size=16, patch_size=8
            ).to_dict(),
        )
    ).save_pretrained(tmp_path)
    settings = "preprocessor_config.json"
    (tmp_path / settings).write_bytes((parts / "clip" / settings).read_bytes())
    model, processor = build_llava(tmp_path, parts / "llama")
    assert ChatTokenizer(processor).tokens_per_image == 4
    assert model.model.multi_modal_projector.linear_1.in_features == 16


def test_what_is_missing_is_added_to_the_vocabulary_once(parts: Path, tmp_path: Path) -> None:
    model, processor = build_llava(parts / "clip", parts / "llama")
    words = len(processor.tokenizer)
    assert processor.tokenizer.pad_token == "<pad>"
    assert model.lm_head.weight.shape[0] % 64 == 0
    assert model.lm_head.weight.shape[0] >= words
    from transformers import LlamaForCausalLM

    speech = LlamaForCausalLM.from_pretrained(parts / "llama")
    speech.resize_token_embeddings(1000)
    speech.save_pretrained(tmp_path)
    processor.tokenizer.save_pretrained(tmp_path)
    again, joined = build_llava(parts / "clip", tmp_path)
    assert len(joined.tokenizer) == words
    assert again.lm_head.weight.shape[0] == 1000


def test_only_the_connector_is_drawn_and_by_its_own_seed(parts: Path) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    models = [build_llava(parts / "clip", parts / "llama", seed=seed)[0] for seed in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), before)
    same, again, other = (model.model.multi_modal_projector.linear_1.weight for model in models)
    assert torch.equal(same, again)
    assert not torch.equal(same, other)
    assert same.abs().max() > 0.1, "drawn as narrowly as the library would"


def test_a_picture_is_padded_to_a_square_with_the_mean_color(parts: Path) -> None:
    _, processor = build_llava(parts / "clip", parts / "llama")
    wide = Image.effect_noise((64, 32), 80).convert("RGB")
    mean = tuple(int(value * 255) for value in processor.image_processor.image_mean)
    square = Image.new("RGB", (64, 64), mean)
    square.paste(wide, (0, 16))
    scaled = np.asarray(square.resize((32, 32), Image.Resampling.BICUBIC), np.float32) / 255
    expected = (scaled - processor.image_processor.image_mean) / processor.image_processor.image_std
    found = preprocess(processor, [wide])[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_template_told_is_taken_before_the_one_that_comes_along(
    parts: Path, tmp_path: Path
) -> None:
    own = VICUNA.replace("USER", "Human")
    save_language_model(tmp_path / "llama")
    (tmp_path / "llama" / "chat_template.jinja").write_text(own)
    assert build_llava(parts / "clip", parts / "llama")[1].chat_template == VICUNA
    assert build_llava(parts / "clip", tmp_path / "llama")[1].chat_template == own
    told = build_llava(parts / "clip", tmp_path / "llama", template_name="vicuna")[1]
    assert told.chat_template == VICUNA
    with pytest.raises(TrainingError, match="neither a file nor one of vicuna"):
        build_llava(parts / "clip", parts / "llama", template_name="vicuna2")


def test_a_folder_that_is_no_part_is_refused_in_a_sentence(parts: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"holds no vision tower: there is no config\.json"):
        build_llava(tmp_path, parts / "llama")
    save_tower(tmp_path)
    (tmp_path / "preprocessor_config.json").unlink()
    with pytest.raises(TrainingError, match=r"no preprocessor_config\.json beside it"):
        build_llava(tmp_path, parts / "llama")
    with pytest.raises(TrainingError, match=r"language model in .* cannot be opened"):
        build_llava(parts / "clip", parts / "siglip")


def test_a_language_model_without_a_fast_tokenizer_is_refused_in_a_sentence(
    parts: Path, tmp_path: Path
) -> None:
    save_language_model(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "tokenizer.model").write_bytes(b"no such model")
    with pytest.raises(TrainingError, match=r"the tokenizer in .* cannot be opened"):
        build_llava(parts / "clip", tmp_path)


def test_weights_that_are_missing_are_refused_and_not_drawn(parts: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    save_tower(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    lost = sorted(weights)[-1]
    del weights[lost]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(TrainingError, match="lacks 1 of its weights"):
        build_llava(tmp_path, parts / "llama")
