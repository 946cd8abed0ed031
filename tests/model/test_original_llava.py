"""Checkpoints of LLaVA's own code are imported and exported without a change to any weight."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer
from tokenizers.pre_tokenizers import Metaspace
from torch import Tensor
from transformers import AutoProcessor, LlavaForConditionalGeneration

from tests.helpers.original_checkpoint import (
    TOWER,
    Parts,
    make_parts,
    write_bin_shards,
    write_safetensors,
    write_settings,
)
from tests.helpers.tiny_checkpoint import save_language_model
from visionflan.model.chat_templates import PLAIN, VICUNA
from visionflan.model.families import load_chat_tokenizer, load_model
from visionflan.model.families.llava import Llava
from visionflan.model.fingerprint import fingerprint_model, weights_digest
from visionflan.model.image_processing import preprocess
from visionflan.model.image_prompt import ImageSize
from visionflan.storage.instance import Turn
from visionflan.storage.trained_images import read_trained_images
from visionflan.train.checkpoint import open_initial_model, read_run_json, write_model
from visionflan.train.config import InitConfig
from visionflan.train.original_checkpoint import export_checkpoint, import_checkpoint
from visionflan.train.training_model import TrainingModel


def change_tower(parts: Parts) -> None:
    """Change the tower, as one that was trained with the rest."""
    for weight in parts.tower.parameters():
        weight.mul_(1.5)


def write_projector_apart(directory: Path, weights: dict[str, Tensor]) -> None:
    """Write the connector to its own file, and the rest to a single file of PyTorch."""
    names = [name for name in weights if "mm_projector" in name]
    torch.save({name: weights.pop(name) for name in names}, directory / "mm_projector.bin")
    torch.save(weights, directory / "pytorch_model.bin")


def assert_same_logits(parts: Parts, checkpoint: Path) -> None:
    """Compare with the checkpoint as it is loaded here, and by `transformers` alone."""
    vlm = load_model(checkpoint)
    assert isinstance(vlm, Llava)
    image = Image.effect_noise((50, 30), 90).convert("RGB")
    pixel_values = preprocess(vlm.processor, [image])
    before, after = torch.tensor([[1, 270, 300]]), torch.tensor([[280, 290, 260, 270]])
    expected = parts.logits(before, pixel_values, after)
    num_tokens = vlm.tokens_per_image(vlm.processor)
    image_id = vlm.processor.tokenizer.convert_tokens_to_ids("<image>")
    tokens = torch.cat([before, torch.full((1, num_tokens), image_id), after], dim=1)
    positions = (tokens.flatten() == image_id).nonzero().flatten()
    vlm.model.eval()
    hidden = vlm.hidden_states(tokens, positions, {"pixel_values": pixel_values})
    vocab_size = expected.shape[-1]
    assert torch.equal(vlm.logits(hidden)[..., :vocab_size], expected)
    untyped: Any = LlavaForConditionalGeneration
    model = untyped.from_pretrained(checkpoint)
    logits = model(
        input_ids=tokens, pixel_values=pixel_values, attention_mask=torch.ones_like(tokens)
    ).logits
    torch.testing.assert_close(logits[..., :vocab_size], expected)
    assert model.config.image_token_index == image_id


@pytest.mark.parametrize("kind", ["llama", "mistral"])
@pytest.mark.parametrize("with_tower", [True, False])
@pytest.mark.parametrize("write", [write_bin_shards, write_safetensors, write_projector_apart])
def test_an_imported_model_computes_what_its_parts_do(
    tower: Path, tmp_path: Path, kind: str, with_tower: bool, write: Callable[..., None]
) -> None:
    parts = make_parts(tower, kind)
    if with_tower:
        change_tower(parts)
    source = write_settings(tmp_path / "source", parts)
    write(source, parts.weights(with_tower=with_tower))
    out = tmp_path / "checkpoint"
    import_checkpoint(source, out, vision_tower=tower, chat_template="vicuna")
    with torch.no_grad():
        assert_same_logits(parts, out)
    assert AutoProcessor.from_pretrained(out).chat_template == VICUNA


def test_types_and_names_of_other_versions_are_known(tower: Path, tmp_path: Path) -> None:
    parts = make_parts(tower)
    source = write_settings(tmp_path / "source", parts, model_type="llava", architectures=None)
    weights = parts.weights()
    weights["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(6)
    embeddings = "model.vision_tower.vision_tower.vision_model.embeddings"
    weights[f"{embeddings}.position_ids"] = torch.arange(17)[None]
    class_token = weights.pop(f"{embeddings}.class_embedding")
    weights[f"{embeddings}.class_embedding".replace("vision_model.", "")] = class_token
    write_safetensors(source, weights)
    import_checkpoint(source, tmp_path / "checkpoint", vision_tower=tower)
    with torch.no_grad():
        assert_same_logits(parts, tmp_path / "checkpoint")


def test_shards_of_safetensors_are_written_and_read(
    tower: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = make_parts(tower)
    source = write_settings(tmp_path / "source", parts)
    write_safetensors(source, parts.weights())
    import_checkpoint(source, tmp_path / "checkpoint", vision_tower=tower)
    save = partial(huggingface_hub.save_torch_state_dict, max_shard_size=100_000)
    monkeypatch.setattr(huggingface_hub, "save_torch_state_dict", save)
    export_checkpoint(tmp_path / "checkpoint", tmp_path / "shards", vision_tower=TOWER)
    assert len(list((tmp_path / "shards").glob("model-*-of-*.safetensors"))) > 2
    import_checkpoint(tmp_path / "shards", tmp_path / "again", vision_tower=tower)
    assert weights_digest(tmp_path / "again") == weights_digest(tmp_path / "checkpoint")


def test_half_precision_stays_as_it_is(tower: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    parts = make_parts(tower, dtype=torch.float16)
    source = write_settings(tmp_path / "source", parts)
    write_bin_shards(source, parts.weights())
    import_checkpoint(source, tmp_path / "checkpoint", vision_tower=tower)
    saved = load_file(tmp_path / "checkpoint/model.safetensors")
    assert {weight.dtype for weight in saved.values()} == {torch.float16}
    head = parts.weights()["lm_head.weight"]
    assert torch.equal(saved["language_model.lm_head.weight"][: len(head)], head)
    assert torch.equal(
        saved["multi_modal_projector.linear_2.weight"],
        parts.weights()["model.mm_projector.2.weight"],
    )


def test_settings_of_images_and_templates_are_taken_over(tower: Path, tmp_path: Path) -> None:
    parts = make_parts(tower)
    source = write_settings(
        tmp_path / "source",
        parts,
        image_aspect_ratio=None,
        mm_vision_select_feature="cls_patch",
        mm_vision_select_layer=-1,
    )
    write_safetensors(source, parts.weights())
    import_checkpoint(source, tmp_path / "vicuna", vision_tower=tower)
    vlm = Llava.load(tmp_path / "vicuna")
    assert not vlm.processor.image_processor.do_pad
    assert vlm.feature_settings == (-1, "full")
    assert vlm.tokens_per_image(vlm.processor) == 17
    assert "ASSISTANT:" in vlm.processor.chat_template
    (source / "chat_template.jinja").write_text(PLAIN)
    import_checkpoint(source, tmp_path / "own", vision_tower=tower)
    assert Llava.load_processor(tmp_path / "own").chat_template == PLAIN
    import_checkpoint(source, tmp_path / "named", vision_tower=tower, chat_template="vicuna")
    assert Llava.load_processor(tmp_path / "named").chat_template == VICUNA


@pytest.mark.parametrize("legacy", [False, True])
def test_a_prompt_has_the_tokens_that_llava_makes_of_it(
    source: Path, tower: Path, tmp_path: Path, legacy: bool
) -> None:
    """There the texts around images are tokenized apart (`tokenizer_image_token`)."""
    scheme: Any = "always" if legacy else "first"
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.pre_tokenizer = Metaspace(prepend_scheme=scheme, split=False)
    tokenizer.save(str(source / "tokenizer.json"))
    file = source / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | {"legacy": legacy}))
    system = (
        "A chat between a curious user and an artificial intelligence assistant. The assistant "
        "gives helpful, detailed, and polite answers to the user's questions. "
    )
    question = "<image>\nwhat color is it ?"
    first, *others = (
        tokenizer.encode(text).ids
        for text in f"{system}USER: {question} ASSISTANT: red</s>".split("<image>")
    )
    import_checkpoint(source, tmp_path / "checkpoint", vision_tower=tower)
    chat = load_chat_tokenizer(tmp_path / "checkpoint")
    expected = first + [token for ids in others for token in (chat.image_token_id, *ids[1:])]
    turns = Turn("user", question), Turn("assistant", "red")
    (encoded,) = chat.encode_conversations([turns], [[ImageSize(50, 30)]])
    assert encoded.token_ids == expected
    assert (chat.chat_template == VICUNA) == legacy


def test_a_scaled_rotary_embedding_is_taken_over_and_written_back(
    tower: Path, tmp_path: Path
) -> None:
    parts = make_parts(tower)
    scaling = {"type": "linear", "factor": 2.0}
    source = write_settings(tmp_path / "source", parts, rope_scaling=scaling)
    write_safetensors(source, parts.weights())
    import_checkpoint(source, tmp_path / "checkpoint", vision_tower=tower)
    rope = Llava.load(tmp_path / "checkpoint").model.config.text_config.rope_parameters
    assert rope == {"rope_theta": 5000.0, "rope_type": "linear", "factor": 2.0}
    export_checkpoint(tmp_path / "checkpoint", tmp_path / "again", vision_tower=TOWER)
    written = json.loads((tmp_path / "again/config.json").read_bytes())
    assert written["rope_scaling"] == scaling
    assert written["rope_theta"] == 5000.0


def test_run_json_tells_where_the_weights_come_from(
    source: Path, tower: Path, tmp_path: Path
) -> None:
    out = tmp_path / "checkpoint"
    import_checkpoint(source, out, vision_tower=tower)
    run = read_run_json(out)
    assert run["imported"]["path"] == str(source)
    assert len(run["imported"]["weights_sha256"]) == 64
    assert run["imported"]["vision_tower"]["weights_sha256"] == weights_digest(tower)
    assert run["weights_sha256"] == weights_digest(out)
    assert run["fingerprint"] == fingerprint_model(load_model(out))._asdict()
    assert not read_trained_images(out).is_complete


@pytest.mark.parametrize("kind", ["llama", "mistral"])
def test_what_is_exported_is_imported_with_the_same_weights(
    tower: Path, tmp_path: Path, kind: str
) -> None:
    save_language_model(tmp_path / kind, kind)
    vlm = Llava.build(tower, tmp_path / kind, chat_template="plain")
    (tmp_path / "checkpoint").mkdir()
    write_model(tmp_path / "checkpoint", vlm, TrainingModel(vlm, ()).state_dict(), "bfloat16")
    export_checkpoint(tmp_path / "checkpoint", tmp_path / "original", vision_tower=TOWER)
    import_checkpoint(tmp_path / "original", tmp_path / "again", vision_tower=tower)
    first, second = Llava.load(tmp_path / "checkpoint"), Llava.load(tmp_path / "again")
    weights, others = first.model.state_dict(), second.model.state_dict()
    count = first.processor.tokenizer.convert_tokens_to_ids("<image>")
    assert weights.keys() == others.keys()
    for name, weight in weights.items():
        rows = slice(count if name.endswith(("embed_tokens.weight", "lm_head.weight")) else None)
        assert torch.equal(weight[rows], others[name][rows]), name
    text = "what color is it?\n<image>USER: x"
    tokenizers = first.processor.tokenizer, second.processor.tokenizer
    assert tokenizers[0](text).input_ids == tokenizers[1](text).input_ids
    assert second.processor.chat_template == PLAIN
    assert second.model.config.vision_config.to_dict() == first.model.config.vision_config.to_dict()


def test_an_export_has_the_names_and_settings_of_the_original(
    source: Path, tower: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    import_checkpoint(source, tmp_path / "checkpoint", vision_tower=tower)
    export_checkpoint(tmp_path / "checkpoint", tmp_path / "again", vision_tower=TOWER)
    expected = make_parts(tower).weights()
    written = load_file(tmp_path / "again/model.safetensors")
    assert written.keys() == expected.keys()
    assert all(torch.equal(written[name], expected[name]) for name in expected)
    before = json.loads((source / "config.json").read_bytes())
    after = json.loads((tmp_path / "again/config.json").read_bytes())
    left_out = {"tokenizer_padding_side", "transformers_version", "tune_mm_mlp_adapter"}
    assert {name: after.get(name) for name in before if name not in left_out} == {
        name: value for name, value in before.items() if name not in left_out
    }
    tokenizer = (tmp_path / "again/tokenizer.json").read_text()
    assert "<image>" not in tokenizer
    assert "<image>" not in (tmp_path / "again/tokenizer_config.json").read_text()


def test_a_run_starts_from_an_imported_model(source: Path, tower: Path, tmp_path: Path) -> None:
    import_checkpoint(source, tmp_path / "checkpoint", vision_tower=tower)
    init = InitConfig(checkpoint=tmp_path / "checkpoint", vision_tower=tower)
    assert open_initial_model(init, 0).source["weights_sha256"]
