"""Read photographs in which each piece of text is outlined and transcribed.

Such releases have one label file a picture. What they call a piece is a word or a line of text; a
piece that nobody could read, or that is not of the release's language, is transcribed as `#` or
`###`. They list the pieces in the order of annotation, which no reader of the picture could guess,
so the text of a picture is given row by row here: pieces that span the middle of each other's
height stand in one row, rows go from top to bottom, and pieces in a row from left to right.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow, Example
from visionflan.drawing import Box
from visionflan.errors import UnusableError
from visionflan.layouts import is_image_file, require

BETWEEN = "; "


class Piece(NamedTuple):
    """A word or line of text, and the upright box around its outline."""

    text: str
    box: Box


class TextRow(NamedTuple):
    """A picture with its pieces of text in the order of the label file."""

    key: str
    image: Path
    pieces: tuple[Piece, ...]


class Part(NamedTuple):
    """A part of a release: its name in the keys, its label files, the folder of its pictures."""

    name: str
    labels: list[Path]
    images: Path


def read_part(
    part: Part, picture_of: Callable[[str], str], parse: Callable[[Path], Iterable[Piece]]
) -> Iterator[TextRow | BrokenRow]:
    """Read a part; `picture_of` turns the stem of a label file into that of its picture.

    The suffixes of pictures differ in case and kind within one folder, so they are looked up.
    """
    found = filter(is_image_file, sorted(require(part.images).iterdir()))
    pictures = {path.stem: path for path in found}
    for path in part.labels:
        stem = picture_of(path.stem)
        key = f"{part.name}/{stem}"
        try:
            pieces = tuple(parse(path))
        except (ValueError, SyntaxError, TypeError) as fault:
            yield BrokenRow(key, "malformed_record", f"{path}: {fault}")
        else:
            yield TextRow(key, pictures.get(stem, part.images / f"{stem}.jpg"), pieces)


def around(xs: Iterable[float], ys: Iterable[float]) -> Box:
    """Give the upright box around the points of an outline."""
    across, down = list(xs), list(ys)
    if not across or len(across) != len(down):
        raise ValueError(f"an outline has {len(across)} places across and {len(down)} down")
    return Box(min(across), min(down), max(across), max(down))


def transcription(row: TextRow) -> Example:
    """Ask for all the legible text of a picture, row by row, with semicolons between the pieces."""
    written = [(piece.text, " ".join(piece.text.split())) for piece in reading_order(row.pieces)]
    texts = [text for _, text in written if text.strip("#")]
    if not texts:
        raise UnusableError("no_legible_text", "no piece of text is transcribed")
    if any(";" in text for text in texts):
        raise UnusableError("semicolon_in_text", "a piece holds the mark that separates pieces")
    mended = {
        "trimmed_blanks": any(raw != text for raw, text in written),
        "illegible_left_out": len(texts) < len(written),
    }
    return Example(
        image=row.image,
        target=BETWEEN.join(texts),
        repaired=tuple(name for name, happened in mended.items() if happened),
    )


def reading_order(pieces: Iterable[Piece]) -> list[Piece]:
    """Order pieces of text row by row, whatever order they come in."""
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: (middle(piece), piece.box.left, piece)):
        if rows and is_level(rows[-1][0], piece):
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [piece for row in rows for piece in sorted(row, key=lambda one: (one.box.left, one))]


def is_level(one: Piece, other: Piece) -> bool:
    """Whether two pieces span the middle of each other's height."""
    return (
        one.box.top <= middle(other) <= one.box.bottom
        and other.box.top <= middle(one) <= other.box.bottom
    )


def middle(piece: Piece) -> float:
    """Give the middle of a piece's height."""
    return (piece.box.top + piece.box.bottom) / 2
