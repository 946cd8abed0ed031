"""A model family is one file: it is found, built, trained and evaluated without another change."""

import re
from logging import ERROR
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers.utils import logging

import visionflan
from tests.helpers.tiny_checkpoint import save_language_model, save_tower, write_build
from tests.helpers.tiny_requests import CONVERSATIONS, IMAGES
from tests.helpers.toy_family import VipLlava
from visionflan.errors import DefinitionError, TrainingError, UnknownNameError
from visionflan.evaluate.models.checkpoint import CheckpointModel
from visionflan.model import families
from visionflan.model.families.llava import Llava
from visionflan.model.generate import Checkpoint, generate_answers
from visionflan.model.logprobs import candidate_logprobs
from visionflan.plugins import Plugin, PluginWarning
from visionflan.storage.instance import Turn
from visionflan.train.config import InitConfig, RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.run import train

PACKAGE = Path(visionflan.__file__).parent
OWN = [
    "gemma3",
    "idefics3",
    "internvl",
    "llava",
    "llava_next",
    "llava_onevision",
    "qwen2_5_vl",
    "qwen2_vl",
    "qwen3_vl",
    "smolvlm",
]


@pytest.fixture
def toy_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        families.FAMILIES, "installed", {"toy": Plugin("tests.helpers.toy_family", "lab")}
    )


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("parts")
    save_tower(directory / "tower")
    save_language_model(directory / "language_model")
    return directory


@pytest.fixture(scope="module")
def checkpoint(parts: Path) -> Path:
    vlm = VipLlava.build(parts / "tower", parts / "language_model")
    with torch.no_grad():
        for weight in vlm.model.parameters():
            weight.mul_(3)
    vlm.model.save_pretrained(parts / "joined")
    vlm.processor.save_pretrained(parts / "joined")
    return parts / "joined"


@pytest.mark.usefixtures("toy_is_installed")
def test_a_family_is_found_by_its_entry_point_and_by_the_type_of_a_checkpoint(
    checkpoint: Path,
) -> None:
    assert families.names() == [*OWN, "toy"]
    assert families.load_family("toy") is families.family_of(checkpoint) is VipLlava
    assert families.load_family(families.DEFAULT_FAMILY) is Llava
    with pytest.raises(
        UnknownNameError, match="no model family is named 'lava': did you mean llava"
    ):
        families.load_family("lava")
    with pytest.raises(UnknownNameError, match=r"named 'zzz': there is gemma3, .*, toy"):
        families.load_family("zzz")


@pytest.mark.usefixtures("toy_is_installed")
def test_a_tokenizer_that_is_loaded_alone_prints_no_warnings_of_the_library(
    checkpoint: Path,
) -> None:
    logging.set_verbosity_warning()
    families.load_chat_tokenizer(checkpoint)
    assert logging.get_verbosity() == ERROR


def test_a_checkpoint_of_no_family_is_refused_by_its_type(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"type 'vipllava', which none .*llava.* can load"):
        families.family_of(checkpoint)
    with pytest.raises(TrainingError, match=r"is not a checkpoint: config\.json is missing"):
        families.family_of(tmp_path)


def test_a_file_without_a_family_and_a_name_twice_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        families.FAMILIES, "installed", {"toy": Plugin("tests.helpers.tiny_requests", "lab")}
    )
    with pytest.raises(DefinitionError, match="toy must define `FAMILY`"):
        families.load_family("toy")
    monkeypatch.setattr(families.FAMILIES, "installed", {"llava": Plugin("elsewhere", "lab")})
    with pytest.warns(PluginWarning, match="the model family llava of the package lab"):
        assert families.names() == OWN


@pytest.mark.usefixtures("toy_is_installed")
def test_a_checkpoint_of_another_family_answers_as_its_own_model(checkpoint: Path) -> None:
    loaded = Checkpoint.load(checkpoint, "cpu")
    assert isinstance(loaded.vlm, VipLlava)
    model: Any = loaded.vlm.model
    answer = generate_answers(loaded, CONVERSATIONS[:1], IMAGES[:1], max_new_tokens=6)[0]
    model_to_evaluate = CheckpointModel(checkpoint, "cpu")
    assert model_to_evaluate.generate(CONVERSATIONS[:1], IMAGES[:1], 6)[0] == answer
    complete = [*CONVERSATIONS[0], Turn("assistant", "red")]
    tokenizer = loaded.chat_tokenizer
    token_ids = tokenizer.expand_images(tokenizer.encode_conversations([complete])[0]).token_ids
    pixel_values = loaded.vlm.processor.image_processor(IMAGES[0], return_tensors="pt")
    logits = model(input_ids=torch.tensor([token_ids]), **pixel_values).logits[0]
    likelihood = candidate_logprobs(loaded, CONVERSATIONS[:1], IMAGES[:1], [["red"]])[0][0]
    targets = torch.tensor(token_ids)[-likelihood.num_tokens :]
    logprobs = logits.log_softmax(-1)[-likelihood.num_tokens - 1 : -1]
    expected = logprobs.gather(1, targets[:, None]).sum().item()
    assert likelihood.sum_logprob == pytest.approx(expected, rel=1e-5)


@pytest.mark.usefixtures("toy_is_installed")
@pytest.mark.parametrize("image_cache", ["none", "features"])
def test_another_family_is_trained_by_its_name(
    parts: Path, tmp_path: Path, image_cache: Any
) -> None:
    write_build(tmp_path / "build")
    init = InitConfig(
        vision_tower=parts / "tower", language_model=parts / "language_model", family="toy"
    )
    config = TrainConfig(
        name="toy",
        stages=(StageConfig(name="align", learning_rate=1e-2, steps=2, batch_size=4),),
        init=init,
        build=tmp_path / "build",
        runtime=RuntimeConfig(device="cpu", num_threads=1, image_cache=image_cache),
    )
    trained = Checkpoint.load(train(config, tmp_path / "run"), "cpu").vlm
    assert isinstance(trained, VipLlava)
    start = VipLlava.build(parts / "tower", parts / "language_model")
    name = "linear_1.weight"
    weight, before = (vlm.connector.get_parameter(name) for vlm in (trained, start))
    assert weight.shape[1] == trained.feature_size == 64
    assert not torch.equal(weight, before)


def test_only_the_files_of_families_name_classes_and_attributes_of_their_models() -> None:
    own = re.compile(r"Llava|Qwen[23]\w*VL|Idefics|SmolVLM|InternVLFor|Gemma3|vision_feature")
    directory = PACKAGE / "model/families"
    assert all(own.search((directory / f"{name}.py").read_text()) for name in OWN)
    # The file format of that name has classes of its own, and so has LLaVA's own code.
    others = {PACKAGE / "formats/llava.py", *(PACKAGE / "model/original_llava").glob("*.py")}
    files = [f for f in PACKAGE.rglob("*.py") if f.parent != directory and f not in others]
    assert len(files) > 300
    assert [str(file) for file in files if own.search(file.read_text())] == []


@pytest.mark.parametrize("name", [name for name in OWN if name != "llava"])
def test_a_family_that_joins_no_parts_says_so(name: str, tmp_path: Path) -> None:
    family: Any = families.load_family(name)
    with pytest.raises(TrainingError, match=r"are not joined from .*: set init.checkpoint to one"):
        family.build(tmp_path, tmp_path)
    with pytest.raises(TrainingError, match=r"are not joined from .*: set init.checkpoint to one"):
        family.build_processor(tmp_path, None, None, None)
