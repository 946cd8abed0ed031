"""nocaps: photographs of things that other sets of captions hardly have, with ten captions each.

Layout: `nocaps_val_4500_captions.json` is in the format of COCO, with `images` that have `id` and
`file_name` and `annotations` that have `image_id` and `caption`. Witnesses: the owners' page for
`nocaps_val_image_info.json`, which has no captions yet (nocaps-org/nocaps-org.github.io,
_pages/download.md); the reader in open-mmlab/mmpretrain (mmpretrain/datasets/nocaps.py), which
takes pictures from `images`; and OpenGVLab/InternVL, whose README names where the captions are and
puts them beside `images`. Other training code has the pictures in `val`, `val_imgs`, `images/val`
or, as a part of Open Images, `validation`; all of these are read. The captions of the test split,
10,600 pictures, are kept private.

The set was made to evaluate models that have not seen it: who trains on it can no longer report on
it. The published example of the task lists the captions as `Caption 1: ...` in the order of the
file, as here, but in one line; here each has its own. A picture with fewer than ten different
captions is not used.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import SIZE
from visionflan.layouts import inside, require
from visionflan.layouts.captions import make_numbered_example
from visionflan.layouts.coco import read_captions
from visionflan.specimens import write_image, write_json
from visionflan.specimens.scenes import draw_scene

CAPTIONS = 10
FILE = "nocaps_val_4500_captions.json"
FOLDERS = ("images/val", "images", "val", "val_imgs", "validation")


class Row(NamedTuple):
    key: str
    image: Path
    captions: tuple[str, ...]

    @property
    def split(self) -> str:
        """Return the official split: only the captions of this one are public."""
        return "validation"


dataset = Dataset[Row](
    title="nocaps",
    homepage="https://nocaps.org/",
    license="CC-BY-2.0",
    terms="""
        The license is that of the photographs, which come from Open Images, and the one on the
        card of the copy at HuggingFaceM4/NoCaps; the owners state none for the captions. It is an
        evaluation set, whose captions the owners kept private at first to discourage training.
    """,
    citation="H. Agrawal, K. Desai, Y. Wang, X. Chen, R. Jain, M. Johnson, D. Batra, D. Parikh, S. "
    "Lee and P. Anderson (2019), nocaps: novel object captioning at scale, ICCV",
    obtain="""
        Download https://nocaps.s3.amazonaws.com/nocaps_val_4500_captions.json and, from the
        addresses in it, the images into the directory images.
    """,
    tree="""
        nocaps_val_4500_captions.json
        images/0013ea2087020901.jpg
    """,
    split_field="split",
    no_group="nothing in the release connects its images",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    path = require(root / FILE, root / "annotations" / FILE)
    folders = [root / name for name in FOLDERS]
    folder = next((folder for folder in folders if folder.is_dir()), folders[1])
    for image in read_captions(path, lambda annotation: True):
        if isinstance(image, BrokenRow):
            yield image
        else:
            name, captions = image
            yield Row(name, inside(folder, name), captions)


@dataset.task(
    """
    Look closely at this photo, including anything unusual in it, and use exact words. Write ten
    short captions for it, no two alike and one to a line. Begin each line in the form "Caption 1:",
    with its own number.
    """,
    official_name="NOCAPS+image_caption",
    title="NOCAPS multiple short captions generation",
    category="Coarse-grained Captioning",
    metric="cider",
    published_form='"Caption 1: A Caption 2: B", in one line',
)
def image_caption(row: Row) -> Example:
    return make_numbered_example(row.image, row.captions, CAPTIONS, "Caption")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index in range(count):
        drawn, name = draw_scene("nocaps", index), f"{index + 1:016x}.jpg"
        write_image(root / "images" / name, drawn.image)
        images.append(
            {
                "id": index,
                "open_images_id": name.removesuffix(".jpg"),
                "file_name": name,
                "width": SIZE,
                "height": SIZE,
                "domain": "near-domain",
            }
        )
        annotations += [
            {"id": CAPTIONS * index + number, "image_id": index, "caption": caption}
            for number, caption in enumerate(drawn.captions(CAPTIONS))
        ]
    write_json(root / FILE, {"licenses": [], "images": images, "annotations": annotations})
