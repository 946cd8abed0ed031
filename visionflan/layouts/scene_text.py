"""Read scene text: photographs in which each piece of text is outlined and transcribed.

Such releases have one label file per image. What they call a piece is a word or a line of text; an
illegible piece, or one that is not in the release's language, is transcribed as `#` or `###`. They
list the pieces in the order of annotation, which cannot be inferred from the image, so the text of
an image is sorted row by row here: pieces that span the middle of each other's height are in one
row, rows go from top to bottom, and pieces in a row from left to right.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow, Example
from visionflan.drawing import Box
from visionflan.errors import UnusableError
from visionflan.layouts import is_image_file, require
from visionflan.layouts.fields import parse_record
from visionflan.layouts.official_splits import split_of
from visionflan.plural import counted

SEPARATOR = "; "


class Piece(NamedTuple):
    """A word or line of text, and the upright box around its outline."""

    text: str
    box: Box


class TextRow(NamedTuple):
    """An image with its pieces of text in the order of the label file."""

    key: str
    image: Path
    pieces: tuple[Piece, ...]

    @property
    def split(self) -> str:
        """Return the official split, which is the name of the part."""
        return split_of(self.key)


class Part(NamedTuple):
    """A part of a release: its name in the keys, its label files, its image directory."""

    name: str
    labels: list[Path]
    images: Path


def read_part(
    part: Part, image_stem: Callable[[str], str], parse: Callable[[Path], Iterable[Piece]]
) -> Iterator[TextRow | BrokenRow]:
    """Yield the images of a part; `image_stem` maps the stem of a label file to its image's.

    The suffixes of images differ in case and type within one directory, so they are looked up.
    """
    paths = filter(is_image_file, sorted(require(part.images).iterdir()))
    images = {path.stem: path for path in paths}
    for path in part.labels:
        stem = image_stem(path.stem)
        key = f"{part.name}/{stem}"
        pieces = parse_record(key, f"{path}", lambda label: tuple(parse(label)), path)
        if isinstance(pieces, BrokenRow):
            yield pieces
        else:
            yield TextRow(key, images.get(stem, part.images / f"{stem}.jpg"), pieces)


def bounding_box(xs: Iterable[float], ys: Iterable[float]) -> Box:
    """Return the axis-aligned box around the points of an outline."""
    x_list, y_list = list(xs), list(ys)
    if not x_list or len(x_list) != len(y_list):
        problem = (
            f"{counted(len(x_list), 'x coordinate')} and {counted(len(y_list), 'y coordinate')}"
        )
        raise ValueError(f"an outline has {problem}")
    return Box(min(x_list), min(y_list), max(x_list), max(y_list))


def transcription(row: TextRow) -> Example:
    """Make an example whose target is all legible text of an image, separated by semicolons."""
    trimmed = [(piece.text, " ".join(piece.text.split())) for piece in reading_order(row.pieces)]
    texts = [text for _, text in trimmed if text.strip("#")]
    if not texts:
        raise UnusableError("no_legible_text", "no piece of text is transcribed")
    if any(";" in text for text in texts):
        raise UnusableError("semicolon_in_text", "a piece contains the separator of pieces")
    repairs = {
        "trimmed_blanks": any(raw != text for raw, text in trimmed),
        "illegible_left_out": len(texts) < len(trimmed),
    }
    return Example(
        image=row.image,
        target=SEPARATOR.join(texts),
        repaired=tuple(name for name, happened in repairs.items() if happened),
    )


def reading_order(pieces: Iterable[Piece]) -> list[Piece]:
    """Sort pieces of text row by row, independent of the input order."""
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: (middle(piece), piece.box.left, piece)):
        if rows and in_same_row(rows[-1][0], piece):
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [
        piece for row in rows for piece in sorted(row, key=lambda piece: (piece.box.left, piece))
    ]


def in_same_row(piece: Piece, reference: Piece) -> bool:
    """Return whether two pieces span the middle of each other's height."""
    return (
        piece.box.top <= middle(reference) <= piece.box.bottom
        and reference.box.top <= middle(piece) <= reference.box.bottom
    )


def middle(piece: Piece) -> float:
    """Return the y coordinate of the middle of a piece."""
    return (piece.box.top + piece.box.bottom) / 2
