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
    Parts,
    make_parts,
    write_bin_shards,
    write_safetensors,
    write_settings,
)
from tests.helpers.tiny_checkpoint import save_language_model, save_tower
from visionflan.errors import TrainingError
from visionflan.model.chat_templates import PLAIN, VICUNA
from visionflan.model.families import family_of, load_chat_tokenizer, load_model
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

TOWER = "openai/clip-vit-large-patch14-336"


@pytest.fixture(scope="module")
def tower(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tower(tmp_path_factory.mktemp("parts") / "clip")


@pytest.fixture
def source(tower: Path, tmp_path: Path) -> Path:
    parts = make_parts(tower)
    directory = write_settings(tmp_path / "source", parts)
    write_bin_shards(directory, parts.weights(with_tower=False))
    return directory


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


class Touch:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_code_in_a_weight_file_is_refused_and_not_run(
    source: Path, tower: Path, tmp_path: Path
) -> None:
    torch.save({"model.norm.weight": Touch(tmp_path / "ran")}, source / "pytorch_model.bin")
    with pytest.raises(TrainingError, match=r"pytorch_model\.bin has more than weights"):
        import_checkpoint(source, tmp_path / "out", vision_tower=tower)
    assert not (tmp_path / "ran").exists()


def remove_shard(source: Path) -> None:
    (source / "pytorch_model-00002-of-00003.bin").unlink()


def damage_shard(source: Path) -> None:
    shard = source / "pytorch_model-00002-of-00003.bin"
    shard.write_bytes(shard.read_bytes()[:100])


def remove_index(source: Path) -> None:
    (source / "pytorch_model.bin.index.json").unlink()


def leave_the_connector_alone(source: Path) -> None:
    remove_index(source)
    torch.save({"model.mm_projector.0.weight": torch.ones(1)}, source / "mm_projector.bin")


def damage_index(source: Path) -> None:
    (source / "pytorch_model.bin.index.json").write_text("{}")


def leave_the_directory(source: Path) -> None:
    index = {"weight_map": {"model.norm.weight": "../other.bin"}}
    (source / "pytorch_model.bin.index.json").write_text(json.dumps(index))


def remove_tokenizer(source: Path) -> None:
    for path in source.glob("tokenizer*"):
        path.unlink()


def add_adapter(source: Path) -> None:
    (source / "adapter_config.json").write_text("{}")


def change_shards(change: Callable[[dict[str, Tensor]], None]) -> Callable[[Path], None]:
    """Return what changes the weights of all shards."""

    def changed(source: Path) -> None:
        weights: dict[str, Tensor] = {}
        for path in sorted(source.glob("*.bin")):
            weights |= torch.load(path, weights_only=True)
        change(weights)
        write_bin_shards(source, weights)

    return changed


def remove_connector(weights: dict[str, Tensor]) -> None:
    for name in [name for name in weights if "mm_projector" in name]:
        del weights[name]


def remove_bias(weights: dict[str, Tensor]) -> None:
    del weights["model.mm_projector.2.bias"]


def remove_norm(weights: dict[str, Tensor]) -> None:
    del weights["model.norm.weight"]


def add_newline(weights: dict[str, Tensor]) -> None:
    weights["model.image_newline"] = torch.ones(3)


def cut_embeddings(weights: dict[str, Tensor]) -> None:
    weights["model.embed_tokens.weight"] = weights["model.embed_tokens.weight"][:-1].clone()


def add_part_of_a_tower(weights: dict[str, Tensor]) -> None:
    name = "model.vision_tower.vision_tower.vision_model.post_layernorm.weight"
    weights[name] = torch.ones(32)


def set_config(**changes: object) -> Callable[[Path], None]:
    """Return what changes the settings."""

    def changed(source: Path) -> None:
        file = source / "config.json"
        file.write_text(json.dumps(json.loads(file.read_bytes()) | changes))

    return changed


REFUSED: list[tuple[Callable[[Path], None], str]] = [
    (remove_shard, r"00002-of-00003\.bin is missing, which pytorch_model\.bin\.index\.json lists"),
    (damage_shard, r"00002-of-00003\.bin cannot be read"),
    (remove_index, r"must have the weights of the whole model.* has none"),
    (leave_the_connector_alone, r"has only those of the connector \(mm_projector\.bin\)"),
    (damage_index, r"index\.json is damaged"),
    (leave_the_directory, r"lists '\.\./other\.bin', which is no file beside it"),
    (remove_tokenizer, r"has no tokenizer\.json"),
    (add_adapter, r"has the weights of LoRA alone"),
    (change_shards(remove_connector), r"lacks the weight model\.mm_projector\.0\.weight"),
    (change_shards(remove_bias), r"lacks the weight model\.mm_projector\.2\.bias"),
    (change_shards(remove_norm), r"lacks the weight model\.norm\.weight"),
    (change_shards(add_newline), r"has the weight model\.image_newline, which LLaVA-1\.5"),
    (change_shards(cut_embeddings), r"embed_tokens\.weight of .* has the shape"),
    (change_shards(add_part_of_a_tower), r"lacks the weight model\.vision_tower\.vision_tower\."),
    (set_config(mm_projector_type="linear"), r"has mm_projector_type 'linear', and known is"),
    (set_config(image_aspect_ratio="anyres"), r"has image_aspect_ratio 'anyres'"),
    (set_config(mm_use_im_start_end=True), r"has mm_use_im_start_end True"),
    (set_config(architectures=["LlavaMptForCausalLM"]), r"its architecture is LlavaMptForCausalLM"),
    (set_config(model_type="llava_mpt"), r"is not in the form of LLaVA's own code"),
    (set_config(vocab_size=32000), r"a tokenizer of 469 for a vocabulary of 32,000"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_what_cannot_be_imported_is_refused_in_a_sentence(
    source: Path, tower: Path, tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    change(source)
    with pytest.raises(TrainingError, match=message) as refused:
        import_checkpoint(source, tmp_path / "out/checkpoint", vision_tower=tower)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_tower_of_another_width_is_refused(source: Path, tmp_path: Path) -> None:
    wide = save_tower(tmp_path / "wide", width=64)
    message = rf"features of width 64, and the connector of .* takes 32: .* {TOWER}"
    with pytest.raises(TrainingError, match=message):
        import_checkpoint(source, tmp_path / "out", vision_tower=wide)


def test_a_mistral_without_a_template_needs_a_name(tower: Path, tmp_path: Path) -> None:
    parts = make_parts(tower, "mistral")
    source = write_settings(tmp_path / "source", parts)
    write_safetensors(source, parts.weights())
    with pytest.raises(TrainingError, match="name the one that it was trained with"):
        import_checkpoint(source, tmp_path / "out", vision_tower=tower)


def test_a_run_starts_from_an_imported_model(source: Path, tower: Path, tmp_path: Path) -> None:
    import_checkpoint(source, tmp_path / "checkpoint", vision_tower=tower)
    init = InitConfig(checkpoint=tmp_path / "checkpoint", vision_tower=tower)
    assert open_initial_model(init, 0).source["weights_sha256"]


def test_a_directory_that_exists_is_kept(source: Path, tower: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(TrainingError, match="exists already"):
        import_checkpoint(source, tmp_path / "out", vision_tower=tower)
    with pytest.raises(TrainingError, match="exists already"):
        export_checkpoint(source, tmp_path / "out")


def test_a_run_that_starts_from_the_original_names_the_command(source: Path) -> None:
    for model_type in ("llava", "llava_llama"):
        set_config(model_type=model_type)(source)
        with pytest.raises(TrainingError, match=r"visionflan import-checkpoint .*source --vision"):
            family_of(source)


def save(directory: Path, vlm: Llava) -> Path:
    """Write a checkpoint as training does."""
    directory.mkdir()
    write_model(directory, vlm, TrainingModel(vlm, ()).state_dict(), "float32")
    return directory


def test_only_models_that_its_code_opens_are_exported(tower: Path, tmp_path: Path) -> None:
    save_language_model(tmp_path / "qwen2", "qwen2")
    save_language_model(tmp_path / "llama", "llama")
    siglip = save_tower(tmp_path / "siglip", "siglip")
    for name, (vision_tower, language_model) in {
        "qwen": (tower, "qwen2"),
        "siglip_llama": (siglip, "llama"),
    }.items():
        vlm = Llava.build(vision_tower, tmp_path / language_model, chat_template="vicuna")
        checkpoint = save(tmp_path / name, vlm)
        with pytest.raises(TrainingError, match=r"own code opens LLaVA-1\.5 with a Llama"):
            export_checkpoint(checkpoint, tmp_path / "out", vision_tower=TOWER)
    vlm = Llava.build(tower, tmp_path / "llama")
    checkpoint = save(tmp_path / "plain", vlm)
    with pytest.raises(TrainingError, match="name it by --vision-tower"):
        export_checkpoint(checkpoint, tmp_path / "out")
    vlm.model.config.vision_feature_layer = [-2, -1]
    vlm.model.config.save_pretrained(checkpoint)
    with pytest.raises(TrainingError, match="one layer of the tower"):
        export_checkpoint(checkpoint, tmp_path / "out", vision_tower=TOWER)
    vlm.model.config.vision_feature_layer = -2
    vlm.processor.tokenizer.add_tokens(["<box>"])
    with pytest.raises(TrainingError, match="has '<box>' after <image>"):
        export_checkpoint(save(tmp_path / "box", vlm), tmp_path / "out", vision_tower=TOWER)
    assert not (tmp_path / "out").exists()
