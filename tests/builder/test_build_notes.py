"""What is changed in a row that is kept has a note in the ledger."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.helpers.bad_rows import PNG, Bad, build_with, line, written
from visionflan.builder.ledger_reasons import NOTES_OF_BUILD

pytestmark = pytest.mark.usefixtures("board")


def test_a_wrong_suffix_is_noted_and_the_image_kept(tmp_path: Path) -> None:
    directory, entries = build_with(tmp_path, {"bad": written("images/really_png.jpg", PNG)})
    entry = entries["bad"]
    assert (entry["kind"], entry["reason"]) == ("note", "suffix_differs")
    assert entry["file"] == "board/images/really_png.jpg"
    assert "png" in entry["detail"]
    (instance,) = [i for i in directory.instances() if i.key == "bad"]
    assert directory.image(instance.images[0]) == PNG
    assert directory.image_header(instance.images[0])[2] == "png"
    assert directory.manifest["tasks"]["board/ask"]["notes"] == {"suffix_differs": 1}


def test_what_a_dataset_file_repairs_is_noted(tmp_path: Path) -> None:
    _, entries = build_with(tmp_path, {"bad": line(repaired=["trimmed_blanks"])})
    entry = entries["bad"]
    assert (entry["kind"], entry["reason"]) == ("note", "trimmed_blanks")


def test_images_of_any_color_mode_are_kept(tmp_path: Path) -> None:
    defects: dict[str, Bad] = {}
    for mode in ("L", "P", "RGBA", "LA", "1", "I;16", "CMYK"):
        image_format = "JPEG" if mode == "CMYK" else "PNG"
        buffer = io.BytesIO()
        gray = Image.open(io.BytesIO(PNG)).convert("L" if mode == "I;16" else "RGB")
        gray.convert(mode).save(buffer, image_format)
        defects[mode] = written(
            f"images/{mode}.{'jpg' if image_format == 'JPEG' else 'png'}", buffer.getvalue()
        )
    directory, entries = build_with(tmp_path, defects)
    assert [(key, entry["reason"]) for key, entry in entries.items()] == [("I;16", "depth_scaled")]
    assert len(directory.instances()) == 20 + len(defects)


def saved(image: Image.Image, image_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def upside_down() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 3
    return saved(Image.open(io.BytesIO(PNG)), "JPEG", exif=exif)


def clear() -> bytes:
    image = Image.open(io.BytesIO(PNG)).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 40, 40))
    return saved(image, "PNG")


def animated() -> bytes:
    image = Image.open(io.BytesIO(PNG))
    return saved(image, "WEBP", save_all=True, append_images=[image.rotate(90)])


# An image that is not stored as it is released, by the note that says so.
NOTED: dict[str, Bad] = {
    "orientation_applied": written("images/up.jpg", upside_down()),
    "alpha_flattened": written("images/clear.png", clear()),
    "depth_scaled": written(
        "images/deep.png", saved(Image.open(io.BytesIO(PNG)).convert("L").convert("I;16"), "PNG")
    ),
    "first_frame_only": written("images/moves.webp", animated()),
}


def test_what_is_changed_in_an_image_is_noted_with_its_file(tmp_path: Path) -> None:
    directory, entries = build_with(tmp_path, NOTED)
    assert {key: entry["reason"] for key, entry in entries.items()} == {key: key for key in NOTED}
    assert {entry["kind"] for entry in entries.values()} == {"note"}
    assert entries["first_frame_only"]["file"] == "board/images/moves.webp"
    assert directory.manifest["tasks"]["board/ask"]["notes"] == dict.fromkeys(NOTED, 1)
    by_key = {instance.key: instance.images[0] for instance in directory.instances()}
    formats = {key: directory.image_header(by_key[key])[2] for key in NOTED}
    assert formats == dict.fromkeys(NOTED, "png") | {"orientation_applied": "jpeg"}


def test_every_note_is_tried_somewhere() -> None:
    of_imports = {"answer_first", "question_last", "literal_image_token"}
    of_imports |= {"columns_left_out", "sampled"}
    assert set(NOTES_OF_BUILD) == {"suffix_differs", *of_imports, *NOTED}
