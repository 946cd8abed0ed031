"""`visionflan chat` reports images that it cannot open in one sentence."""

from pathlib import Path

import pytest

from visionflan.cli.main import main


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        (b"words", "is not an image"),
        (b"", "cannot be used (the file is empty)"),
    ],
)
def test_an_image_that_cannot_be_opened_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, message: str
) -> None:
    path = tmp_path / "image.png"
    if content is not None:
        path.write_bytes(content)
    assert main(["chat", "checkpoint", str(path), "--ask", "What is it?"]) == 1
    assert capsys.readouterr().err == f"error: {path} {message}: name an image file\n"
