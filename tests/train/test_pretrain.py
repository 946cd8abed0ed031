"""The parts of a tiny model are pretrained on the training split, both or none."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoTokenizer, CLIPVisionModel, LlamaForCausalLM

from visionflan import catalog
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.errors import TrainingError
from visionflan.model.base import ConnectorConfig
from visionflan.model.families.llava import Llava
from visionflan.recipes.tiny import tiny
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.trained_images import read_part_images
from visionflan.train.batch_sampler import BatchSampler
from visionflan.train.config import StageConfig, TrainConfig
from visionflan.train.pretrain import language_model
from visionflan.train.pretrain.fit import lr_factor
from visionflan.train.pretrain.language_model import (
    facts_by_image,
    new_language_model,
    tokenize_with_facts,
)
from visionflan.train.pretrain.tiny_model import pretrain_parts
from visionflan.train.pretrain.tokenizer import train_tokenizer
from visionflan.train.pretrain.vision_tower import QuestionSampler
from visionflan.train.pretrain_config import PretrainConfig

SHORT = PretrainConfig(
    hidden_size=32, num_layers=2, vocab_size=600, vision_steps=3, language_steps=3, batch_size=8
)
CONNECTOR = ConnectorConfig(feature_layer=-1)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    directory = tmp_path_factory.mktemp("pretrain")
    for name in ("caltech101", "tdiuc"):
        catalog.load(name).write_specimen(directory / "releases" / name, 40)
    build(
        directory / "releases", directory / "build", BuildSettings(hold_out_images=0.2), workers=1
    )
    return BuildDirectory(directory / "build")


def config(settings: PretrainConfig = SHORT, seed: int = 0) -> TrainConfig:
    recipe = tiny()
    runtime = replace(recipe.runtime, num_threads=1)
    return replace(recipe, pretrain=settings, seed=seed, runtime=runtime)


def pretrain(
    source: BuildDirectory, out: Path, settings: PretrainConfig = SHORT, seed: int = 0
) -> Path:
    pretrain_parts(config(settings, seed), source, out, lambda _: None)
    return out / "pretrain"


@pytest.fixture(scope="module")
def pretrained(source: BuildDirectory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pretrain(source, tmp_path_factory.mktemp("pretrained"))


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        (config(seed=1), "seed"),
        (config(replace(SHORT, vision_steps=4)), "settings"),
        (replace(config(), init=replace(config().init, connector=ConnectorConfig())), "connector"),
    ],
)
def test_finished_parts_are_not_taken_for_those_of_other_settings(
    pretrained: Path, source: BuildDirectory, changed: TrainConfig, name: str
) -> None:
    with pytest.raises(TrainingError, match=f"was pretrained with a different {name}: use the"):
        pretrain_parts(changed, source, pretrained.parent, lambda _: None)


def weights(directory: Path) -> list[str]:
    files = sorted(directory.glob("*/model.safetensors"))
    assert len(files) == 2
    return [sha256(file.read_bytes()).hexdigest() for file in files]


def test_transformers_opens_both_parts_and_they_join_into_a_llava(pretrained: Path) -> None:
    assert isinstance(CLIPVisionModel.from_pretrained(pretrained / "vision_tower"), CLIPVisionModel)
    language_model = LlamaForCausalLM.from_pretrained(pretrained / "language_model")
    tokenizer = AutoTokenizer.from_pretrained(pretrained / "language_model")
    assert language_model.config.vocab_size == len(tokenizer)
    vlm = Llava.build(
        pretrained / "vision_tower", pretrained / "language_model", connector=CONNECTOR
    )
    size = vlm.processor.image_processor.size
    assert vlm.model.config.image_seq_length == 16
    assert size["shortest_edge"] == SHORT.image_size


def test_both_parts_record_the_images_of_the_training_split(
    source: BuildDirectory, pretrained: Path
) -> None:
    ids = {image for images in source.instances("train").column("images") for image in images}
    for part in ("vision_tower", "language_model"):
        images = read_part_images(pretrained / part)
        assert images.phashes.keys() == ids
        assert images.builds == {source.digest: str(source.path.resolve())}


def test_the_same_seed_leads_to_the_same_weights_and_another_to_others(
    source: BuildDirectory, pretrained: Path, tmp_path: Path
) -> None:
    assert weights(pretrain(source, tmp_path / "again")) == weights(pretrained)
    assert weights(pretrain(source, tmp_path / "other", seed=1)) != weights(pretrained)


def test_complete_parts_are_not_pretrained_again(source: BuildDirectory, pretrained: Path) -> None:
    before = [file.stat().st_mtime_ns for file in sorted(pretrained.rglob("*.safetensors"))]
    pretrain(source, pretrained.parent)
    assert [file.stat().st_mtime_ns for file in sorted(pretrained.rglob("*.safetensors"))] == before


def test_a_stop_between_the_parts_leaves_nothing_and_the_next_run_pretrains_both(
    source: BuildDirectory, pretrained: Path, tmp_path: Path
) -> None:
    def stop(line: str) -> None:
        raise KeyboardInterrupt(line)

    with pytest.raises(KeyboardInterrupt, match="vision tower"):
        pretrain_parts(config(), source, tmp_path, stop)
    assert not (tmp_path / "pretrain").exists()
    assert weights(pretrain(source, tmp_path)) == weights(pretrained)


def test_it_records_its_losses_and_that_the_vision_tower_has_seen_labels(
    pretrained: Path, source: BuildDirectory
) -> None:
    lines = [json.loads(line) for line in (pretrained / "metrics.jsonl").read_text().splitlines()]
    for name in ("vision_tower_loss", "language_model_loss"):
        losses = [line[name] for line in lines if name in line]
        assert losses
        assert np.isfinite(losses).all()
    run = json.loads((pretrained / "run.json").read_text())
    assert run["data"]["digest"] == source.digest
    assert "labels" in run["description"]
    assert run["num_threads"] == config().runtime.num_threads


def test_nothing_of_the_held_out_split_is_counted(pretrained: Path, source: BuildDirectory) -> None:
    run = json.loads((pretrained / "run.json").read_text())
    assert run["data"]["instances"] == len(source.instances("train")) < len(source.instances())


def test_more_steps_lower_both_losses(source: BuildDirectory, tmp_path: Path) -> None:
    longer = replace(SHORT, vision_steps=60, language_steps=60, batch_size=16)
    directory = pretrain(source, tmp_path / "longer", longer)
    lines = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    for name in ("vision_tower_loss", "language_model_loss"):
        losses = [line[name] for line in lines if name in line]
        assert losses[-1] < 0.8 * losses[0]


def test_facts_replace_the_image_marker(source: BuildDirectory) -> None:
    instances = list(source.instances("train"))
    tokenizer = train_tokenizer(instances, 600)
    facts = facts_by_image(instances)
    for instance, row in zip(instances, tokenize_with_facts(tokenizer, instances), strict=True):
        text = tokenizer.decode(row.token_ids)
        assert "<image>" not in text
        for fact in facts[instance.images[0]][:1]:
            assert fact in text
        targets = [
            token for token, label in zip(row.token_ids, row.labels, strict=True) if label >= 0
        ]
        assert tokenizer.decode(targets) == f" {instance.answer}</s>"


def test_yes_and_no_are_no_facts(source: BuildDirectory) -> None:
    by_image = facts_by_image(list(source.instances()))
    facts = {fact.lower() for known in by_image.values() for fact in known}
    assert facts
    assert not {"yes", "no"} & facts


def test_every_image_is_used_once_before_one_is_used_again(source: BuildDirectory) -> None:
    questions = QuestionSampler(list(source.instances("train")), 0)
    rounds = len(questions.by_image) // 8
    used = [name for batch in questions.batches(rounds, 8) for name in batch.image_ids]
    assert len(used) == len(set(used)) == 8 * rounds


def test_the_order_of_images_follows_from_the_seed(source: BuildDirectory) -> None:
    instances = list(source.instances("train"))

    def order(seed: int) -> list[str]:
        batches = QuestionSampler(instances, seed).batches(8, 24)
        return [name for batch in batches for name in batch.image_ids]

    # With the seed 0, the order of a round depends on the step at which it begins alone.
    names = sorted({instance.images[0] for instance in instances})
    expected, queue = list[str](), list[str]()
    for step in range(8):
        if len(queue) < 24:
            random = np.random.RandomState(step)
            queue = [names[index] for index in random.permutation(len(names))]
        expected += queue[:24]
        queue = queue[24:]
    assert order(0) == expected
    assert len({tuple(order(seed)) for seed in range(4)}) == 4


def test_the_batches_of_the_language_model_follow_from_the_seed(
    source: BuildDirectory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    instances = list(source.instances("train"))
    tokenizer = train_tokenizer(instances, 600)
    batches: dict[int, list[Any]] = {0: [], 1: []}
    model = new_language_model(tokenizer, SHORT)
    real = language_model.mean_loss
    for seed, seen in batches.items():

        def record(model: Any, rows: Any, seen: list[Any] = seen) -> Any:
            seen.append(rows)
            return real(model, rows)

        monkeypatch.setattr(language_model, "mean_loss", record)
        language_model.pretrain_language_model(
            model, tokenizer, instances, SHORT, tmp_path / "metrics.jsonl", seed=seed
        )
    rows = list(tokenize_with_facts(tokenizer, instances))
    stage = StageConfig(name="language_model", learning_rate=1.0, steps=3, batch_tokens=2200)
    lengths = np.array([len(row.token_ids) for row in rows], np.int32)
    assert max(lengths) <= SHORT.max_seq_len
    for seed, seen in batches.items():
        expected = BatchSampler(lengths, stage, seed).from_step(0)
        assert seen == [[rows[index] for index in step] for step in expected]
    assert batches[0] != batches[1]


@pytest.mark.parametrize(("setting", "expected"), [(None, 1000), (0, 0), (12, 12)])
def test_pretraining_uses_the_conversations_of_a_stage_unless_it_has_its_own(
    source: BuildDirectory, tmp_path: Path, setting: int | None, expected: int
) -> None:
    settings = replace(SHORT, synthetic_conversations=setting, vision_steps=1, language_steps=1)
    run = json.loads((pretrain(source, tmp_path, settings) / "run.json").read_bytes())
    assert run["data"]["conversations"] <= expected
    assert bool(run["data"]["conversations"]) == bool(expected)
    assert run["data"]["written_from"] == ({"count": expected, "seed": 0} if expected else {})
    assert ("generated conversations" in run["description"]) == bool(expected)
    assert (tmp_path / "conversations").exists() == (setting is None)
    assert (tmp_path / "pretrain/conversations").exists() == bool(setting)


def test_a_negative_number_of_conversations_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"`pretrain\.synthetic_conversations` is -1, but must"):
        PretrainConfig(synthetic_conversations=-1)


def test_the_words_of_answers_are_marked(source: BuildDirectory) -> None:
    questions = QuestionSampler(list(source.instances("train")), 0)
    image_id, instances = next(iter(questions.by_image.items()))
    batch = questions.batch([image_id])
    by_id = {word_id: word for word, word_id in questions.answer_word_ids.items()}
    for row, instance in zip(batch.answers_qw, instances, strict=True):
        marked = {by_id[int(index)] for index in row.nonzero()}
        assert marked == set(instance.target.lower().split())


def test_the_learning_rate_rises_then_falls() -> None:
    factors = [lr_factor(step, 100) for step in range(100)]
    top = int(np.argmax(factors))
    assert max(factors) == 1.0
    assert top < 10
    assert factors[:top] == sorted(factors[:top])
    assert factors[top:] == sorted(factors[top:], reverse=True)
    assert min(factors) > 0
