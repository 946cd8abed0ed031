from pathlib import Path

from PIL import Image

from visionflan.dataset import BrokenRow
from visionflan.datasets import imagenet_r
from visionflan.specimens import write_image


def test_the_instruction_lists_every_domain() -> None:
    instruction = imagenet_r.dataset.tasks["image_domain_classification"].instruction
    assert len(imagenet_r.DOMAINS) == 15
    for domain in imagenet_r.DOMAINS.values():
        assert domain in instruction


def test_the_domain_is_what_the_name_begins_with(tmp_path: Path) -> None:
    for name in ("deviantart_12.jpg", "misc_34.jpg", "photo_1.jpg"):
        write_image(tmp_path / "imagenet-r/n01443537" / name, Image.new("RGB", (8, 8)))
    first, second, broken = imagenet_r.read(tmp_path)
    assert isinstance(first, imagenet_r.Row)
    assert isinstance(second, imagenet_r.Row)
    assert (first.label, first.domain) == ("goldfish", "DeviantArt")
    assert second.domain == "miscellaneous"
    assert isinstance(broken, BrokenRow)
    assert broken.key == "n01443537/photo_1.jpg"
