"""Pick-a-Pic: pictures that text-to-image programs made of what users asked for, in pairs.

Layout: the owner's README (yuvalkirstain/PickScore) leads to the data set yuvalkirstain/pickapic_v1
at Hugging Face, whose card, like that of pickapic_v2, tells the columns: `caption` is the user's
prompt, `jpg_0` and `jpg_1` are the encoded pictures, `image_0_uid` and `image_1_uid` their names,
`label_0` and `label_1` which was preferred (0.5 each for a tie). The Parquet files lie in `data/`
as `<split>-<part>-of-<parts>-<digest>.parquet`; the splits train, validation and test all have
these columns, and validation_unique and test_unique repeat some of their rows. Files without
pictures, of pickapic_v1_no_images, are refused.

Of each pair the preferred picture is taken, as it comes nearer to the prompt; one that won several
times, or stands in two splits, is read once. All pictures that were made of one prompt are held out
together. The pictures stay in the Parquet files. Blanks around prompts and line ends in them are
fixed and noted.
"""

import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, jitter_box
from visionflan.drawing.styles import STYLES, styled_icon
from visionflan.errors import ReleaseError
from visionflan.hashing import pick, stable_hash
from visionflan.image_sources import ParquetCell
from visionflan.layouts.fields import identifier, number, read_records, text
from visionflan.layouts.official_splits import split_of

COLUMNS = ("caption", "image_0_uid", "image_1_uid", "label_0", "label_1")
PICTURES = ("jpg_0", "jpg_1")


class Row(NamedTuple):
    key: str
    image: ParquetCell
    prompt: str
    split: str = ""


dataset = Dataset[Row](
    title="Pick-a-Pic",
    homepage="https://github.com/yuvalkirstain/PickScore",
    license="MIT",
    terms="""
        The license is that of the owner's code, which the paper's authors record for the data; a
        co-author names it for a version of the data without images too. The data's own card names
        none. Prompts and images are what users asked for, and some are obscene or of real people.
    """,
    citation="Kirstain, Polyak, Singer, Matiana, Penna, Levy (2023), Pick-a-Pic: An Open Dataset "
    "of User Preferences for Text-to-Image Generation, NeurIPS",
    obtain="""
        Download files of the directory data of yuvalkirstain/pickapic_v1 (or pickapic_v2) from
        Hugging Face, with huggingface-cli or from the web page; one file is enough to begin with,
        all of version 1 are about 190 GB.
    """,
    tree="""
        data/
            train-00000-of-00645-b66ac786bf6fb553.parquet
            validation-00000-of-00014-....parquet
            test-00000-of-00014-....parquet
    """,
    split_field="split",
    group_field="prompt",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    files = sorted((root / "data").glob("*.parquet"))
    if not files:
        raise ReleaseError(f"{root}/data has no Parquet file: download one from Hugging Face")
    known: set[str] = set()
    for path in files:
        numbered = enumerate(enumerate(records(path)))
        for row in read_records(path, numbered, partial(preferred, path)):
            if row.key not in known:
                known.add(row.key)
                yield row


def records(path: Path) -> Iterator[dict[str, Any]]:
    """Read the rows of a file without their pictures."""
    from pyarrow import ArrowException, parquet

    try:
        # Python opens it: pyarrow waits for ever for a pipe, and knows no name that is not UTF-8.
        with path.open("rb") as stream, parquet.ParquetFile(stream) as table:
            lacking = {*COLUMNS, *PICTURES} - set(table.schema_arrow.names)
            if lacking:
                raise ReleaseError(f"{path} has no column {', '.join(sorted(lacking))}")
            for batch in table.iter_batches(columns=list(COLUMNS)):
                yield from batch.to_pylist()
    except (ArrowException, OSError) as error:
        raise ReleaseError(f"{path} is not a complete Parquet file: {error}") from error


def preferred(path: Path, numbered: tuple[int, dict[str, Any]]) -> Row:
    """Return the image that the user preferred; the first one of a tie."""
    index, record = numbered
    votes = [number(record, f"label_{side}") for side in (0, 1)]
    winner = 1 if votes[1] > votes[0] else 0
    name = identifier(record, f"image_{winner}_uid")
    image = ParquetCell(path, PICTURES[winner], index)
    return Row(name, image, text(record, "caption"), split_of(path.name))


@dataset.task(
    """
    A program generated this image from a line of text that a user typed. Reconstruct that prompt:
    say what is depicted and, if it stands out, the style, such as cartoon, oil painting or photo.
    """,
    title="PICKAPIC image prompt generation",
    official_name="PICKAPIC+image_short_description",
    category="Coarse-grained Captioning",
    metric="rouge_l",
)
def image_short_description(row: Row) -> Example:
    prompt = " ".join(row.prompt.split())
    repaired = ("trimmed_blanks",) if prompt != row.prompt else ()
    return Example(image=row.image, target=prompt, repaired=repaired)


THINGS = ("airplane", "bird", "boat", "cat", "guitar", "house", "tree", "umbrella")
COLORS = ("red", "green", "blue", "purple", "brown")
PARTS = ("train-00000-of-00001-0123456789abcdef", "test-00000-of-00001-fedcba9876543210")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    from pyarrow import parquet, table

    indices = range(count)
    (root / "data").mkdir(parents=True, exist_ok=True)
    for part, chosen in zip(PARTS, (indices[::2], indices[1::2]), strict=True):
        columns: dict[str, list[object]] = {name: [] for name in (*COLUMNS, *PICTURES)}
        for index in chosen:
            for name, value in pair(index).items():
                columns[name].append(value)
        parquet.write_table(table(columns), root / "data" / f"{part}.parquet", row_group_size=20)


def pair(index: int) -> dict[str, object]:
    """Draw what a prompt asks for, and a wrong thing beside it that loses; or twice the same."""
    thing = THINGS[index % len(THINGS)]
    style = list(STYLES)[stable_hash("pickapic", index, "style") % len(STYLES)]
    color = pick(COLORS, 1, "pickapic", index, "colour")[0]
    winner, tie = index % 2, index % 7 == 6
    drawn = [thing, thing]
    if not tie:
        drawn[1 - winner] = pick(THINGS, 1, "pickapic", index, "loser", avoid=[thing])[0]
    caption = f"{thing}, pencil sketch" if style == "sketch" else f"{color} {thing}, {style}"
    record: dict[str, object] = {"caption": caption + "\n" * (index % 3 == 2)}
    for side, name in enumerate(drawn):
        box = jitter_box(FRAME.part(0.05, 0.05, 0.95, 0.95), "pickapic", index, side, by=0.25)
        stream = io.BytesIO()
        image: Image.Image = styled_icon(name, style, box, color, "pickapic", index, side)
        image.convert("RGB").save(stream, "JPEG", quality=90)
        record[f"jpg_{side}"] = stream.getvalue()
        record[f"image_{side}_uid"] = f"{index:08x}-0000-4000-8000-{side:012x}"
        record[f"label_{side}"] = 0.5 if tie else float(side == winner)
    return record
