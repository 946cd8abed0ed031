"""Localized Narratives: what people said while they pointed at the parts of a picture.

Layout: JSON lines with `dataset_id`, `image_id`, `annotator_id` and `caption`, for each part of
four other releases, as the owners' loader names the files (google/localized-narratives,
localized_narratives.py) and their page, which also offers the captions alone as
`<part>_captions.jsonl` (index.html). These are read where they are there, the far larger ones with
traces and times otherwise. The pictures come from the other releases and have their names there:
- COCO: `image_id` is the number in `train2017` and `val2017`, without the zeros before it; these
  folders are looked for here, then in the release `coco` beside this one;
- Flickr30k: `<image_id>.jpg` in `flickr30k-images` here, then in the release `flickr30k`;
- ADE20K: `<image_id>.jpg` in the folders of ADEChallengeData2016, not in those of the full release,
  as a loading script has it that takes the narratives from a copy in facebook/pmd;
- Open Images: `<image_id>.jpg` in `train`, `validation` and `test`, the names of its owners, which
  are put into a folder `open_images` here.

Of a picture that several people described each narrative is a row; the build keeps one of them,
since they answer the same question. Blanks are trimmed. The test parts have captions too, and are
read.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.errors import UnusableError
from visionflan.layouts import coco_image, inside, is_folder, json_lines, require
from visionflan.layouts.captions import flickr30k_images
from visionflan.layouts.fields import identifier, integer, read_records, text
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_lines
from visionflan.specimens.scenes import draw_scene


class Row(NamedTuple):
    key: str
    image: Path
    source: str
    narrative: str

    @property
    def split(self) -> str:
        """Return the split of the part, which is that of the other release."""
        return split_of(self.key.removeprefix(f"{self.source}_"))


dataset = Dataset[Row](
    title="Localized Narratives",
    homepage="https://google.github.io/localized-narratives/",
    license="CC-BY-4.0",
    terms="""
        The license is that of the annotations. The images are those of COCO, Flickr30k, ADE20K
        and Open Images, each under the terms of its owners; those of Flickr30k and ADE20K exclude
        commercial use.
    """,
    citation="J. Pont-Tuset, J. Uijlings, S. Changpinyo, R. Soricut and V. Ferrari (2020), "
    "Connecting Vision and Language with Localized Narratives, ECCV",
    obtain="""
        Download the files of the textual captions from the homepage. Get the images from COCO
        (2017), Flickr30k, ADE20K (ADEChallengeData2016.zip) and Open Images and unpack them here;
        those of COCO and Flickr30k are also found in their own releases beside this one.
    """,
    tree="""
        coco_{train,val}_captions.jsonl
        flickr30k_{train,val,test}_captions.jsonl
        open_images_{train_v6,validation,test}_captions.jsonl
        ade20k_{train,validation}_captions.jsonl
        {train2017,val2017}/000000010449.jpg
        flickr30k-images/3182161610.jpg
        open_images/{train,validation,test}/0013ea2087020901.jpg
        ADEChallengeData2016/images/{training,validation}/ADE_train_00004721.jpg
    """,
    split_field="split",
    no_group="rows belong together only by their image",
    neighbors=("coco", "flickr30k"),
)


def of_coco(root: Path, split: str, image_id: str) -> Path:
    return coco_image(root, split, integer((image_id,), 0))


def of_flickr30k(root: Path, split: str, image_id: str) -> Path:
    own = root / split
    folder = own if is_folder(own) else flickr30k_images(root.parent / "flickr30k")
    return inside(folder, f"{image_id}.jpg")


def of_folder(root: Path, split: str, image_id: str) -> Path:
    return inside(root / split, f"{image_id}.jpg")


ADE20K = "ADEChallengeData2016/images"


class Part(NamedTuple):
    """The narratives of one part of another release: how their files begin, where pictures are."""

    name: str
    source: str
    folder: str
    picture: Callable[[Path, str, str], Path]


PARTS = (
    Part("coco_train", "coco", "train2017", of_coco),
    Part("coco_val", "coco", "val2017", of_coco),
    Part("flickr30k_train", "flickr30k", "flickr30k-images", of_flickr30k),
    Part("flickr30k_val", "flickr30k", "flickr30k-images", of_flickr30k),
    Part("flickr30k_test", "flickr30k", "flickr30k-images", of_flickr30k),
    Part("open_images_train_v6", "open_images", "open_images/train", of_folder),
    Part("open_images_validation", "open_images", "open_images/validation", of_folder),
    Part("open_images_test", "open_images", "open_images/test", of_folder),
    Part("ade20k_train", "ade20k", f"{ADE20K}/training", of_folder),
    Part("ade20k_validation", "ade20k", f"{ADE20K}/validation", of_folder),
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    part_files = [(part, path) for part in PARTS for path in files(root, part)]
    if not part_files:
        require(*(root / f"{part.name}_captions.jsonl" for part in PARTS))
    for part, path in part_files:
        yield from read_records(path, json_lines(path), partial(to_row, root, part))


def files(root: Path, part: Part) -> list[Path]:
    """Return the file of captions alone, or else those with everything."""
    captions = root / f"{part.name}_captions.jsonl"
    if captions.is_file():
        return [captions]
    return sorted(root.glob(f"{part.name}_localized_narratives*.jsonl"))


def to_row(root: Path, part: Part, record: Any) -> Row:
    image_id, narrative = identifier(record, "image_id"), text(record, "caption")
    key = f"{part.name}/{image_id}/{identifier(record, 'annotator_id')}"
    return Row(key, part.picture(root, part.folder, image_id), part.source, narrative)


def narrated(row: Row, source: str) -> Example | None:
    """Make an example that asks for the narrative, if the picture is from this release."""
    if row.source != source:
        return None
    narrative = " ".join(row.narrative.split())
    if not narrative:
        raise UnusableError("no_caption", "the narrative has no words")
    repaired = () if narrative == row.narrative else ("trimmed_blanks",)
    return Example(image=row.image, target=narrative, repaired=repaired)


@dataset.task(
    """
    Describe the photograph as if you were pointing at one thing after another: say what each one
    is, where it is and what it looks like, and end with the background. Write two to five plain
    sentences.
    """,
    official_name="LOC_NARRATIVES+coco_images_caption",
    title="Localized Narratives COCO detailed image captioning",
    category="Fine-grained Captioning",
    metric="cider",
)
def coco_images_caption(row: Row) -> Example | None:
    return narrated(row, "coco")


@dataset.task(
    """
    Who or what is in this snapshot? Write a detailed caption of a few sentences about those taking
    part, their clothes, what they hold and do, and the surroundings.
    """,
    official_name="LOC_NARRATIVES+flickr30k_images_caption",
    title="Localized Narratives flickr30k detailed image captioning",
    category="Fine-grained Captioning",
    metric="cider",
)
def flickr30k_images_caption(row: Row) -> Example | None:
    return narrated(row, "flickr30k")


@dataset.task(
    """
    Tell a listener who cannot see the image everything that is visible in it, first the main
    subject and then whatever is around and behind it. Use full sentences, in one short paragraph.
    """,
    official_name="LOC_NARRATIVES+open_images_caption",
    title="Localized Narratives open images detailed image captioning",
    category="Fine-grained Captioning",
    metric="cider",
)
def open_images_caption(row: Row) -> Example | None:
    return narrated(row, "open_images")


@dataset.task(
    """
    This image shows a place, indoors or outdoors. Describe the scene in a few sentences: its large
    parts, such as walls, floor, buildings, ground or sky, and the objects and people in it.
    """,
    official_name="LOC_NARRATIVES+ade20k_images_caption",
    title="Localized Narratives ade20k detailed image captioning",
    category="Fine-grained Captioning",
    metric="cider",
)
def ade20k_images_caption(row: Row) -> Example | None:
    return narrated(row, "ade20k")


# Of each source, a part, what its records call it, and how it names its pictures.
NAMES = {
    "coco_train": ("mscoco_train2017", "{:d}", "train2017/{:0>12}.jpg"),
    "flickr30k_train": ("Flick30k_train", "{:d}", "flickr30k-images/{}.jpg"),
    "open_images_validation": (
        "open_images_validation",
        "{:016x}",
        "open_images/validation/{}.jpg",
    ),
    "ade20k_train": ("ADE20k_train", "ADE_train_{:08d}", f"{ADE20K}/training/{{}}.jpg"),
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lines: dict[str, list[str]] = {part: [] for part in NAMES}
    for index in range(count):
        part = list(NAMES)[index % len(NAMES)]
        dataset_id, form, picture = NAMES[part]
        image_id, drawn = form.format(1000 + index), draw_scene("narratives", index)
        write_image(root / picture.format(image_id), drawn.image)
        record = {
            "dataset_id": dataset_id,
            "image_id": image_id,
            "annotator_id": index % 3,
            "caption": drawn.narrative(),
        }
        lines[part].append(json.dumps(record))
    for part, records in lines.items():
        if records:
            write_lines(root / f"{part}_captions.jsonl", records)
