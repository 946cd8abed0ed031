"""A language model is exchanged with its settings, if it has the same vocabulary."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer

from tests.helpers.exchanged_parts import (
    PARTS,
    Models,
    logits,
    mix_part,
    save_checkpoint,
    save_plain,
    second_of,
    vary,
)
from tests.helpers.tiny_checkpoint import save_language_model, save_tower
from visionflan.analysis.weights.surgery import interpolate_part, replace_part
from visionflan.errors import TrainingError
from visionflan.model.families.llava import Llava
from visionflan.storage.trained_images import (
    read_trained_images,
)
from visionflan.train.checkpoint import read_run_json

DEEPER = {
    "num_hidden_layers": 3,
    "rope_parameters": {"rope_type": "default", "rope_theta": 50.0},
}


@pytest.mark.parametrize("settings", [{}, DEEPER, {"num_hidden_layers": 1}])
def test_a_plain_language_model_takes_its_own_settings_and_leaves_the_rows_of_added_tokens(
    models: Models, tmp_path: Path, settings: dict[str, Any]
) -> None:
    donor = save_plain(tmp_path / "donor", models, **settings)
    out = replace_part(models.first, donor, "language_model", tmp_path / "out")
    first = Llava.load(models.first)
    # Built as a model with the donor would be, then given the parts and rows of the checkpoint.
    vlm = Llava.build(models.parts / "tower", donor, chat_template="vicuna")
    for part in PARTS[:2]:
        mix_part(vlm, first, part, second_of)
    num_tokens = len(vlm.processor.tokenizer) - 2
    for get in ("get_input_embeddings", "get_output_embeddings"):
        rows, kept_rows = (getattr(model.model, get)().weight for model in (vlm, first))
        rows.data[num_tokens:] = kept_rows.data[num_tokens:]
    loaded = Llava.load(out)
    assert torch.equal(logits(loaded), logits(vlm))
    assert len(load_file(out / "model.safetensors")) == len(loaded.model.state_dict())
    assert read_trained_images(out).builds.keys() == {"first"}
    assert read_trained_images(out).is_complete
    assert (out / "config.json").read_text().count(str(tmp_path)) == 0


def test_only_rows_of_tokens_are_taken_from_padded_embeddings(
    models: Models, tmp_path: Path
) -> None:
    num_tokens = len(AutoTokenizer.from_pretrained(models.parts / "language_model"))
    donor = save_plain(tmp_path / "donor", models, vocab_size=num_tokens + 9)
    out = replace_part(models.first, donor, "language_model", tmp_path / "out")
    after, before, other = (
        load_file(path / "model.safetensors") for path in (out, models.first, donor)
    )
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        rows, kept_rows = (weights[f"language_model.{name}"] for weights in (after, before))
        assert len(other[name]) > num_tokens
        assert torch.equal(rows[:num_tokens], other[name][:num_tokens])
        assert torch.equal(rows[num_tokens:], kept_rows[num_tokens:])


def test_a_language_model_ends_answers_with_its_own_tokens_too(
    models: Models, tmp_path: Path
) -> None:
    donor = save_plain(tmp_path / "donor", models)
    (donor / "generation_config.json").write_text(json.dumps({"eos_token_id": [7, 9]}))
    out = replace_part(models.first, donor, "language_model", tmp_path / "out")
    model: Any = Llava.load(out).model
    assert model.generation_config.eos_token_id == [2, 7, 9]


def test_another_chat_template_is_refused_unless_one_is_chosen(
    models: Models, tmp_path: Path
) -> None:
    donor = save_plain(tmp_path / "donor", models)
    (donor / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    with pytest.raises(TrainingError, match=r"chat template of .*donor is another than .*first"):
        replace_part(models.first, donor, "language_model", tmp_path / "out")
    out = replace_part(
        models.first, donor, "language_model", tmp_path / "out", chat_template="plain"
    )
    assert "Q: " in str(Llava.load(out).processor.chat_template)
    assert read_run_json(out)["surgery"]["chat_template"] == "plain"
    with pytest.raises(TrainingError, match=r"chat template of .*out is another than .*first"):
        interpolate_part(models.first, out, "language_model", 0.5, tmp_path / "mixed")


def test_a_tied_head_stays_tied(tmp_path: Path) -> None:
    tower = save_tower(tmp_path / "tower", "siglip")
    language_model = save_language_model(tmp_path / "qwen2", "qwen2")
    paths = []
    for seed in range(2):
        vlm = Llava.build(tower, language_model, chat_template="vicuna")
        paths.append(save_checkpoint(tmp_path / str(seed), vary(vlm, seed)))
    out = replace_part(paths[0], paths[1], "language_model", tmp_path / "out")
    assert "language_model.lm_head.weight" not in load_file(out / "model.safetensors")
    expected = mix_part(Llava.load(paths[0]), Llava.load(paths[1]), "language_model", second_of)
    assert torch.equal(logits(Llava.load(out)), logits(expected))
    out = replace_part(paths[0], language_model, "language_model", tmp_path / "plain")
    assert logits(Llava.load(out)).isfinite().all()
    untied = save_language_model(tmp_path / "untied", "qwen3")
    with pytest.raises(TrainingError, match=r"/0 ties its output head .*untied does not"):
        replace_part(paths[0], untied, "language_model", tmp_path / "no")
    assert not (tmp_path / "no").exists()


def edit_tokenizer(directory: Path, edit: Callable[[dict[str, Any]], object]) -> Path:
    """Change the content of tokenizer.json."""
    file = directory / "tokenizer.json"
    content = json.loads(file.read_bytes())
    edit(content)
    file.write_text(json.dumps(content))
    return directory


def test_a_vocabulary_in_which_a_token_has_another_id_is_refused(
    models: Models, tmp_path: Path
) -> None:
    def swap_ids(content: dict[str, Any]) -> None:
        vocabulary = content["model"]["vocab"]
        vocabulary["<0x41>"], vocabulary["<0x42>"] = vocabulary["<0x42>"], vocabulary["<0x41>"]

    def rename(content: dict[str, Any]) -> None:
        vocabulary = content["model"]["vocab"]
        vocabulary["new"] = vocabulary.pop("<0x41>")

    def add_token(content: dict[str, Any]) -> None:
        used = {token["id"] for token in content["added_tokens"]}
        token_id = max(*used, *content["model"]["vocab"].values()) + 1
        token = {**content["added_tokens"][0], "content": "<|end|>", "id": token_id}
        content["added_tokens"].append(token)

    plain = save_plain(tmp_path / "plain", models)
    for index, (edit, message) in enumerate(
        (
            (swap_ids, "'<0x42>' has the id 68 in .*0, but the id 69 in .*first"),
            (rename, "'new' has the id 68 in .*1, but no id in .*first"),
            # Its id is that of the image token in the checkpoint.
            (add_token, r"'<\|end\|>' has the id 469 in .*2, but no id in .*first"),
        )
    ):
        donor = edit_tokenizer(shutil.copytree(plain, tmp_path / str(index)), edit)
        with pytest.raises(TrainingError, match=f"the token {message}"):
            replace_part(models.first, donor, "language_model", tmp_path / "out")
    less = edit_tokenizer(shutil.copytree(plain, tmp_path / "less"), drop_last_token)
    with pytest.raises(TrainingError, match=r"less lacks the token '.*' of .*first"):
        replace_part(models.first, less, "language_model", tmp_path / "out")
    other = edit_tokenizer(shutil.copytree(models.second, tmp_path / "other"), add_token)
    with pytest.raises(TrainingError, match=r"'<\|end\|>' has the id 471 in .*other, but no id"):
        replace_part(models.first, other, "language_model", tmp_path / "out")


def drop_last_token(content: dict[str, Any]) -> None:
    """Remove the last token and the merge that makes it."""
    vocabulary = content["model"]["vocab"]
    last = max(vocabulary, key=vocabulary.get)
    del vocabulary[last]
    content["model"]["merges"] = [
        merge for merge in content["model"]["merges"] if "".join(merge) != last
    ]
