"""Two directories of parts become a LLaVA that `transformers` loads again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.helpers.tiny_checkpoint import save_language_model, save_tower
from visionflan.errors import TrainingError
from visionflan.model.base import ConnectorConfig
from visionflan.model.chat_templates import VICUNA
from visionflan.model.families.llava import Llava
from visionflan.model.image_processing import preprocess

KINDS = [("clip", "llama"), ("siglip", "qwen2"), ("clip", "mistral")]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("parts")
    for kind in ("clip", "siglip"):
        save_tower(directory / kind, kind)
    for kind in ("llama", "qwen2", "mistral"):
        save_language_model(directory / kind, kind)
    return directory


@pytest.mark.parametrize(("tower", "language_model"), KINDS)
def test_what_is_joined_and_saved_opens_with_the_same_weights(
    parts: Path, tmp_path: Path, tower: str, language_model: str
) -> None:
    saved = Llava.build(parts / tower, parts / language_model)
    weights = saved.model.state_dict()
    assert not any(weight.is_meta for weight in (*weights.values(), *saved.model.buffers()))
    saved.model.save_pretrained(tmp_path)
    saved.processor.save_pretrained(tmp_path)
    loaded = Llava.load(tmp_path)
    loaded_weights = loaded.model.state_dict()
    assert weights.keys() == loaded_weights.keys()
    assert all(torch.equal(weights[name], loaded_weights[name]) for name in weights)
    assert loaded.processor.chat_template == saved.processor.chat_template
    image = [Image.new("RGB", (50, 30), "red")]
    assert torch.equal(preprocess(saved.processor, image), preprocess(loaded.processor, image))


@pytest.mark.parametrize(("tower", "language_model"), KINDS)
@pytest.mark.parametrize("feature_select", ["patches", "all"])
def test_an_image_has_as_many_tokens_as_the_tower_gives_features(
    parts: Path, tower: str, language_model: str, feature_select: Any
) -> None:
    connector = ConnectorConfig(feature_select=feature_select)
    vlm = Llava.build(parts / tower, parts / language_model, connector=connector)
    features = vlm.encode_images(preprocess(vlm.processor, [Image.new("RGB", (50, 30))]))
    num_tokens = vlm.tokens_per_image(vlm.processor)
    assert features.shape[1] == num_tokens == vlm.model.config.image_seq_length
    assert features.shape[1] == 16 + (feature_select == "all" and tower == "clip")
    assert features.shape[2] == vlm.feature_size


def test_the_parts_keep_their_weights_and_the_chosen_layer_is_used(parts: Path) -> None:
    from transformers import CLIPVisionModel, LlamaForCausalLM

    vlm = Llava.build(parts / "clip", parts / "llama", connector=ConnectorConfig(feature_layer=-1))
    tower = CLIPVisionModel.from_pretrained(parts / "clip")
    language_model = LlamaForCausalLM.from_pretrained(parts / "llama")
    values = preprocess(vlm.processor, [Image.new("RGB", (32, 32), "red")])
    with torch.no_grad():
        hidden = tower(values, output_hidden_states=True).hidden_states
    assert torch.equal(vlm.encode_images(values), hidden[-1][:, 1:])
    assert not torch.equal(vlm.encode_images(values), hidden[-2][:, 1:])
    head = vlm.model.get_output_embeddings().weight
    rows = language_model.lm_head.weight.shape[0]
    assert torch.equal(head[:rows], language_model.lm_head.weight)


def test_a_directory_with_a_text_model_too_serves_as_a_tower(parts: Path, tmp_path: Path) -> None:
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
    config = "preprocessor_config.json"
    (tmp_path / config).write_bytes((parts / "clip" / config).read_bytes())
    vlm = Llava.build(tmp_path, parts / "llama")
    assert vlm.tokens_per_image(vlm.processor) == 4
    assert vlm.feature_size == 16


def test_what_is_missing_is_added_to_the_vocabulary_once(parts: Path, tmp_path: Path) -> None:
    from transformers import LlamaForCausalLM

    first = Llava.build(parts / "clip", parts / "llama")
    tokenizer = first.processor.tokenizer
    num_embeddings = first.model.get_output_embeddings().weight.shape[0]
    assert tokenizer.pad_token == "<pad>"
    assert num_embeddings % 64 == 0
    assert num_embeddings >= len(tokenizer)
    language_model = LlamaForCausalLM.from_pretrained(parts / "llama")
    language_model.resize_token_embeddings(1000)
    language_model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    second = Llava.build(parts / "clip", tmp_path)
    assert len(second.processor.tokenizer) == len(tokenizer)
    assert second.model.get_output_embeddings().weight.shape[0] == 1000


def test_only_the_connector_is_drawn_and_by_its_own_seed(parts: Path) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    models = [Llava.build(parts / "clip", parts / "llama", seed=seed) for seed in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), before)
    first, again, other = (vlm.connector.get_parameter("linear_1.weight") for vlm in models)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.abs().max() > 0.1, "drawn as narrowly as the library would"


def test_an_image_is_padded_to_a_square_with_the_mean_color(parts: Path) -> None:
    processor = Llava.build(parts / "clip", parts / "llama").processor
    wide = Image.effect_noise((64, 32), 80).convert("RGB")
    mean = tuple(int(value * 255) for value in processor.image_processor.image_mean)
    square = Image.new("RGB", (64, 64), mean)
    square.paste(wide, (0, 16))
    scaled = np.asarray(square.resize((32, 32), Image.Resampling.BICUBIC), np.float32) / 255
    expected = (scaled - processor.image_processor.image_mean) / processor.image_processor.image_std
    pixel_values = preprocess(processor, [wide])[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(pixel_values, expected, atol=1e-5)


def test_a_named_template_is_used_before_the_one_that_is_stored(
    parts: Path, tmp_path: Path
) -> None:
    own = VICUNA.replace("USER", "Human")
    save_language_model(tmp_path / "llama")
    (tmp_path / "llama" / "chat_template.jinja").write_text(own)
    tower = parts / "clip"
    assert Llava.build(tower, parts / "llama").processor.chat_template == VICUNA
    assert Llava.build(tower, tmp_path / "llama").processor.chat_template == own
    named = Llava.build(tower, tmp_path / "llama", chat_template="vicuna")
    assert named.processor.chat_template == VICUNA
    with pytest.raises(TrainingError, match="neither a file nor one of vicuna"):
        Llava.build(tower, parts / "llama", chat_template="vicuna2")


def test_a_directory_without_a_part_is_refused_in_a_sentence(parts: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"is not a vision tower: config\.json is missing"):
        Llava.build(tmp_path, parts / "llama")
    save_tower(tmp_path)
    (tmp_path / "preprocessor_config.json").unlink()
    with pytest.raises(TrainingError, match=r"no preprocessor_config\.json"):
        Llava.build(tmp_path, parts / "llama")
    with pytest.raises(TrainingError, match=r"language model in .* cannot be loaded"):
        Llava.build(parts / "clip", parts / "siglip")


def test_a_language_model_without_a_fast_tokenizer_is_refused_in_a_sentence(
    parts: Path, tmp_path: Path
) -> None:
    save_language_model(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "tokenizer.model").write_bytes(b"no such model")
    with pytest.raises(TrainingError, match=r"the tokenizer in .* cannot be loaded"):
        Llava.build(parts / "clip", tmp_path)


def test_weights_that_are_missing_are_refused_and_not_drawn(parts: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    save_tower(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights[sorted(weights)[-1]]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(TrainingError, match="lacks 1 weight"):
        Llava.build(tmp_path, parts / "llama")
