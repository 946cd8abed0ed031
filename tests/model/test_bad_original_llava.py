"""What is no checkpoint of LLaVA's own code, or cannot be one, is refused in a sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.helpers.original_checkpoint import (
    TOWER,
    make_parts,
    write_bin_shards,
    write_safetensors,
    write_settings,
)
from tests.helpers.tiny_checkpoint import save_language_model, save_tower
from visionflan.errors import TrainingError
from visionflan.model.families import family_of
from visionflan.model.families.llava import Llava
from visionflan.train.checkpoint import write_model
from visionflan.train.original_checkpoint import export_checkpoint, import_checkpoint
from visionflan.train.training_model import TrainingModel


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
