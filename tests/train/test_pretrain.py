"""The parts of a tiny model are made from the training split, whole or not at all."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer, CLIPVisionModel, LlamaForCausalLM

from visionflan import catalog
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.model.base import ConnectorConfig
from visionflan.model.families.llava import Llava
from visionflan.recipes.tiny import tiny
from visionflan.storage.directory import BuildDirectory
from visionflan.train.config import PretrainConfig, TrainConfig
from visionflan.train.pretrain.fit import factor
from visionflan.train.pretrain.language_model import encoded, facts
from visionflan.train.pretrain.tiny_model import pretrain_parts
from visionflan.train.pretrain.tokenizer import train_tokenizer
from visionflan.train.pretrain.vision_tower import Questions

SHORT = PretrainConfig(
    hidden_size=32, num_layers=2, vocab_size=600, vision_steps=3, language_steps=3, batch_size=8
)
JOINT = ConnectorConfig(feature_layer=-1)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    folder = tmp_path_factory.mktemp("pretrain")
    for name in ("caltech101", "tdiuc"):
        catalog.load(name).write_specimen(folder / "releases" / name, 40)
    build(folder / "releases", folder / "build", BuildSettings(hold_out_images=0.2), workers=1)
    return BuildDirectory(folder / "build")


def config(settings: PretrainConfig = SHORT, seed: int = 0) -> TrainConfig:
    recipe = tiny()
    runtime = replace(recipe.runtime, num_threads=1)
    return replace(recipe, pretrain=settings, seed=seed, runtime=runtime)


def make(
    source: BuildDirectory, out: Path, settings: PretrainConfig = SHORT, seed: int = 0
) -> Path:
    pretrain_parts(config(settings, seed), source, out, lambda _: None)
    return out / "pretrain"


@pytest.fixture(scope="module")
def made(source: BuildDirectory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(source, tmp_path_factory.mktemp("made"))


def weights(folder: Path) -> list[str]:
    files = sorted(folder.glob("*/model.safetensors"))
    assert len(files) == 2
    return [sha256(file.read_bytes()).hexdigest() for file in files]


def test_the_parts_are_ordinary_folders_that_join_into_a_llava(made: Path) -> None:
    assert isinstance(CLIPVisionModel.from_pretrained(made / "tower"), CLIPVisionModel)
    model = LlamaForCausalLM.from_pretrained(made / "language_model")
    tokenizer = AutoTokenizer.from_pretrained(made / "language_model")
    assert model.config.vocab_size == len(tokenizer)
    vlm = Llava.build(made / "tower", made / "language_model", connector=JOINT)
    size = vlm.processor.image_processor.size
    assert vlm.model.config.image_seq_length == 16
    assert size["shortest_edge"] == SHORT.image_size


def test_the_same_seed_gives_the_same_weights_and_another_gives_others(
    source: BuildDirectory, made: Path, tmp_path: Path
) -> None:
    assert weights(make(source, tmp_path / "again")) == weights(made)
    assert weights(make(source, tmp_path / "other", seed=1)) != weights(made)


def test_parts_that_are_there_are_not_made_again(source: BuildDirectory, made: Path) -> None:
    before = [file.stat().st_mtime_ns for file in sorted(made.rglob("*.safetensors"))]
    make(source, made.parent)
    assert [file.stat().st_mtime_ns for file in sorted(made.rglob("*.safetensors"))] == before


def test_a_stop_between_the_parts_leaves_nothing_and_the_next_run_makes_both(
    source: BuildDirectory, made: Path, tmp_path: Path
) -> None:
    def stop(line: str) -> None:
        raise KeyboardInterrupt(line)

    with pytest.raises(KeyboardInterrupt, match="tower"):
        pretrain_parts(config(), source, tmp_path, stop)
    assert not (tmp_path / "pretrain").exists()
    assert weights(make(source, tmp_path)) == weights(made)


def test_it_tells_its_losses_and_that_the_tower_has_seen_labels(
    made: Path, source: BuildDirectory
) -> None:
    lines = [json.loads(line) for line in (made / "metrics.jsonl").read_text().splitlines()]
    for name in ("tower_loss", "language_model_loss"):
        losses = [line[name] for line in lines if name in line]
        assert losses
        assert np.isfinite(losses).all()
    told = json.loads((made / "run.json").read_text())
    assert told["data"]["digest"] == source.digest
    assert "labels" in told["about"]


def test_nothing_of_the_held_out_split_is_counted(made: Path, source: BuildDirectory) -> None:
    told = json.loads((made / "run.json").read_text())
    assert told["data"]["instances"] == len(source.instances("train")) < len(source.instances())


def test_more_steps_teach_both_parts(source: BuildDirectory, tmp_path: Path) -> None:
    longer = replace(SHORT, vision_steps=60, language_steps=60, batch_size=16)
    folder = make(source, tmp_path / "longer", longer)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for name in ("tower_loss", "language_model_loss"):
        losses = [line[name] for line in lines if name in line]
        assert losses[-1] < 0.8 * losses[0]


def test_facts_stand_where_the_picture_was(source: BuildDirectory) -> None:
    instances = list(source.instances("train"))
    tokenizer = train_tokenizer(instances, 600)
    told = facts(instances)
    for instance, row in zip(instances, encoded(tokenizer, instances), strict=True):
        text = tokenizer.decode(row.tokens)
        assert "<image>" not in text
        for fact in told[instance.images[0]][:1]:
            assert fact in text
        learned = [token for token, label in zip(row.tokens, row.labels, strict=True) if label >= 0]
        assert tokenizer.decode(learned) == f" {instance.answer}</s>"


def test_yes_and_no_are_no_facts(source: BuildDirectory) -> None:
    told = [fact.lower() for known in facts(list(source.instances())).values() for fact in known]
    assert told
    assert not {"yes", "no"} & set(told)


def test_every_picture_is_dealt_before_one_is_dealt_again(source: BuildDirectory) -> None:
    questions = Questions(list(source.instances("train")))
    rounds = len(questions.asked) // 8
    dealt = [name for batch in questions.batches(rounds, 8) for name in batch.images]
    assert len(dealt) == len(set(dealt)) == 8 * rounds


def test_answers_are_marked_by_their_words(source: BuildDirectory) -> None:
    questions = Questions(list(source.instances("train")))
    name, asked = next(iter(questions.asked.items()))
    batch = questions.batch([name])
    words = {number: word for word, number in questions.answers.items()}
    for row, instance in zip(batch.answers_qw, asked, strict=True):
        marked = {words[int(place)] for place in row.nonzero()}
        assert marked == set(instance.target.lower().split())


def test_the_rate_rises_then_falls() -> None:
    rates = [factor(step, 100) for step in range(100)]
    top = int(np.argmax(rates))
    assert max(rates) == 1.0
    assert top < 10
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert min(rates) > 0
