"""MVTec AD: industrial objects and surfaces of 15 kinds, flawless or with one of 73 defects.

Layout: openvinotoolkit/anomalib (src/anomalib/data/image/mvtec.py) reads
`<category>/train/good/000.png`, `<category>/test/<kind of defect>/000.png` with flawless ones in
`test/good`, and masks in `ground_truth`, which are not needed here. The archive's own folder,
`mvtec_anomaly_detection`, may be there or not. The kinds of defects are the names of folders, some
of which no person would write as an answer (`color`, `flip`, `pill_type`); those are reworded.

Three of four images are flawless, among them the whole training split, so the task on anomalies
uses the test split alone, in which about a quarter is. The release says of toothbrushes only that
they are defective, and of some objects that several defects are combined. The options are the kinds
of the object in the picture, which nobody could name in just these words without them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan import drawing, layouts, specimens
from visionflan.dataset import Dataset, Example
from visionflan.drawing.icons import icon
from visionflan.drawing.textures import texture
from visionflan.hashing import hash_fraction, pick, stable_hash
from visionflan.layouts.official_splits import split_of

GOOD = "good"
# The folders of defects of each category.
DEFECTS = {
    "bottle": "broken_large broken_small contamination",
    "cable": "bent_wire cable_swap combined cut_inner_insulation cut_outer_insulation "
    "missing_cable missing_wire poke_insulation",
    "capsule": "crack faulty_imprint poke scratch squeeze",
    "carpet": "color cut hole metal_contamination thread",
    "grid": "bent broken glue metal_contamination thread",
    "hazelnut": "crack cut hole print",
    "leather": "color cut fold glue poke",
    "metal_nut": "bent color flip scratch",
    "pill": "color combined contamination crack faulty_imprint pill_type scratch",
    "screw": "manipulated_front scratch_head scratch_neck thread_side thread_top",
    "tile": "crack glue_strip gray_stroke oil rough",
    "toothbrush": "defective",
    "transistor": "bent_lead cut_lead damaged_case misplaced",
    "wood": "color combined hole liquid scratch",
    "zipper": "broken_teeth combined fabric_border fabric_interior rough split_teeth "
    "squeezed_teeth",
}
CATEGORIES = tuple(DEFECTS)
# What a person says in place of the name of a folder; the others hold words between low lines.
SAID = {
    GOOD: "no defect",
    "broken_large": "large breakage",
    "broken_small": "small breakage",
    "cable_swap": "swapped cables",
    "color": "discoloration",
    "combined": "several defects",
    "fabric_border": "damaged fabric border",
    "fabric_interior": "damaged fabric interior",
    "flip": "flipped over",
    "glue_strip": "strip of glue",
    "gray_stroke": "gray stroke",
    "pill_type": "wrong type of pill",
    "poke": "poke mark",
    "poke_insulation": "poked insulation",
    "print": "printed mark",
    "rough": "rough spot",
    "scratch_head": "scratched head",
    "scratch_neck": "scratched neck",
    "squeeze": "squeezed",
    "thread": "loose thread",
    "thread_side": "damaged thread at the side",
    "thread_top": "damaged thread at the top",
}


class Row(NamedTuple):
    key: str
    image: Path
    category: str
    kind: str

    @property
    def split(self) -> str:
        """Return the official split, which the key names after the category."""
        return split_of(self.key.partition("/")[2])


dataset = Dataset[Row](
    title="MVTec AD",
    homepage="https://www.mvtec.com/company/research/datasets/mvtec-ad",
    license="CC-BY-NC-SA-4.0",
    citation="Bergmann, Fauser, Sattlegger, Steger (2019), MVTec AD: A Comprehensive Real-World "
    "Dataset for Unsupervised Anomaly Detection, CVPR",
    obtain="Fill in the form on the homepage, download the archive of all objects, unpack it here.",
    tree="""
        bottle/
            train/good/000.png
            test/good/000.png
            test/broken_large/000.png
        cable/    and so on for 15 categories
    """,
    split_field="split",
    no_group="the file names do not tell which images show one product",
)


@dataset.reader
def read(root: Path) -> Iterator[Row]:
    below = root / "mvtec_anomaly_detection"
    home = below if below.is_dir() else root
    for folder in layouts.existing_paths(*(home / category for category in CATEGORIES)):
        for split in layouts.existing_paths(folder / "test", folder / "train"):
            for name, image, kind in layouts.class_folders(split):
                yield Row(f"{folder.name}/{split.name}/{name}", image, folder.name, kind)


@dataset.task(
    """
    A camera inspects this object or surface at the end of a production line. Compare it with a
    flawless one, and choose the option that names what is wrong with it, or "no defect" if nothing
    is.
    """,
    title="MVTecAD object anomaly detection",
    official_name="MVTecAD+anomaly_detection",
    category="Anomaly Detection",
    published_form='"The anomaly is X."',
)
def anomaly_detection(row: Row) -> Example | None:
    if "/test/" not in row.key:
        return None
    kinds = dict.fromkeys((GOOD, *DEFECTS[row.category].split(), row.kind))
    options = tuple(map(in_words, kinds))
    return Example(image=row.image, target=in_words(row.kind), options=options)


def in_words(kind: str) -> str:
    return SAID.get(kind, kind.replace("_", " "))


@dataset.task(
    """
    Which product or material is being inspected here, flawless or not? It is one of these: bottle,
    cable, capsule, carpet, grid, hazelnut, leather, metal nut, pill, screw, tile, toothbrush,
    transistor, wood, zipper. Answer with that name.
    """,
    title="MVTecAD industrial item recognition",
    official_name="MVTecAD+image_classification",
    category="General Object",
    published_form='"The object is a X."',
)
def image_classification(row: Row) -> Example:
    return Example(image=row.image, target=row.category.replace("_", " "))


DRAWN = (
    ("pill", "crack"),
    ("tile", "oil"),
    ("metal_nut", GOOD),
    ("wood", "hole"),
    ("bottle", "contamination"),
    ("pill", "color"),
    ("metal_nut", "scratch"),
    ("carpet", "hole"),
    ("tile", "crack"),
    ("wood", GOOD),
    ("bottle", GOOD),
    ("metal_nut", "color"),
    ("wood", "scratch"),
    ("carpet", "color"),
    ("pill", "contamination"),
)


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        category, kind = DRAWN[(index + index // len(DRAWN)) % len(DRAWN)]
        split = (
            "train" if kind == GOOD and stable_hash("mvtec", index, "split") % 3 == 0 else "test"
        )
        image = product(category, index)
        if kind != GOOD:
            x, y = (0.36 + 0.14 * hash_fraction("mvtec", index, axis) for axis in "xy")
            flaw(image, kind, drawing.FRAME.part(x, y, x + 0.28, y + 0.28))
        specimens.write_image(root / category / split / kind / f"{index:03d}.png", image)


def product(category: str, index: int) -> Image.Image:
    """Draw a faultless piece that fills the middle of the picture."""
    picture = drawing.canvas("mvtec", index)
    pen = ImageDraw.Draw(picture)
    box = drawing.jitter_box(drawing.FRAME.part(0.04, 0.04, 0.96, 0.96), "mvtec", index, by=0.1)
    if category == "bottle":
        icon(picture, "bottle", box.part(-0.4, 0, 1.4, 1), pick(("green", "brown"), 1, index)[0])
    elif category == "pill":
        pen.ellipse(box.part(0, 0.18, 1, 0.82), fill=drawing.WHITE, outline=drawing.BLACK, width=3)
    elif category == "metal_nut":
        pen.polygon(drawing.regular_polygon(box, 6), fill=drawing.COLORS["gray"])
        pen.ellipse(box.part(0.37, 0.06, 0.63, 0.32), fill=drawing.WHITE)
    elif category == "tile":
        return texture("grid", drawing.COLORS["gray"], "mvtec", index)
    elif category == "wood":
        return texture("striped", (205, 160, 105), "mvtec", index)
    else:
        return texture("woven", (120, 140, 190), "mvtec", index)
    return picture


def flaw(picture: Image.Image, kind: str, box: drawing.Box) -> None:
    """Draw a defect into the box."""
    pen = ImageDraw.Draw(picture)
    if kind == "crack":
        jagged = [(0.5, -0.2), (0.3, 0.2), (0.7, 0.5), (0.35, 0.8), (0.6, 1.2)]
        pen.line(drawing.polygon(box, jagged), fill=drawing.BLACK, width=4)
    elif kind == "scratch":
        for x in (0.0, 0.4, 0.8):
            ends = drawing.polygon(box, [(x, 1.1), (x + 0.4, -0.1)])
            pen.line(ends, fill=drawing.WHITE, width=4)
    elif kind == "contamination":
        for column, row in ((0, 0), (0.6, 0.1), (0.1, 0.6), (0.7, 0.7)):
            spot = box.part(column, row, column + 0.4, row + 0.4)
            pen.ellipse(spot, fill=drawing.COLORS["purple"])
    elif kind == "oil":
        pen.ellipse(box.part(-0.5, -0.2, 1.4, 1.2), fill=(150, 120, 40))
    else:
        pen.ellipse(box, fill=drawing.BLACK if kind == "hole" else drawing.COLORS["red"])
