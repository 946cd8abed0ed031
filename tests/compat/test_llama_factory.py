"""LLaMA-Factory finds each export with a list by it, and each conversation with its images."""

import sys
from argparse import Namespace
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.small_exports import Exports, write_exports
from visionflan.formats.exporting import export

pytest.importorskip("llamafactory")
datasets = pytest.importorskip("datasets")


def loads(name: str) -> bool:
    """Return whether a module can be imported."""
    try:
        import_module(name)
    except (ImportError, OSError, RuntimeError):
        return False
    return True


# Their builds on the registry are for PyTorch with CUDA and do not load beside that for the CPU.
# LLaMA-Factory imports torchaudio whether it is used or not; transformers does without torchvision.
if not loads("torchvision"):
    sys.modules["torchvision"] = None  # type: ignore[assignment]
if not loads("torchaudio"):
    sys.modules["torchaudio"] = module_from_spec(ModuleSpec("torchaudio", None))

pytestmark = pytest.mark.compat


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    exports = write_exports(tmp_path_factory.mktemp("exports"))
    export(exports.build, exports.llava.with_name("llama_factory"), "llama_factory")
    return exports


@pytest.mark.parametrize(
    ("form", "name"),
    [
        *(("llava", name) for name in ("train", "train_multi_image")),
        *(("llava", name) for name in ("held_out", "held_out_multi_image")),
        *(("llama_factory", name) for name in ("train", "held_out")),
    ],
)
def test_each_file_is_read(exports: Exports, tmp_path: Path, form: str, name: str) -> None:
    from llamafactory.data.converter import get_dataset_converter
    from llamafactory.data.parser import get_dataset_list

    directory = exports.llava.with_name(form)
    (attributes,) = get_dataset_list([name], str(directory))
    # The directory of the media is that of the list by default.
    media = directory / "images" if form == "llava" else directory
    arguments: Any = Namespace(media_dir=str(media))
    convert = get_dataset_converter(attributes.formatting, attributes, arguments)
    file = str(directory / attributes.dataset_name)
    table = datasets.load_dataset(
        "json", data_files=[file], split=attributes.split, cache_dir=str(tmp_path)
    )
    instances = {instance.id: instance for instance in exports.build.instances()}
    assert len(table)
    for row in table:
        instance, read = instances[row["id"]], convert(row)
        turns = [*read["_prompt"], *read["_response"]]
        assert [(turn["role"], turn["content"]) for turn in turns] == list(instance.turns)
        images = read["_images"] or []
        assert [Path(path).read_bytes() for path in images] == list(
            map(exports.build.image, instance.images)
        )
        markers = sum(turn["content"].count("<image>") for turn in turns)
        assert markers == len(images)
