"""DeepFashion, benchmark of categories and attributes: photographs of clothes, with their texture.

Layout: open-mmlab/mmfashion (docs/dataset/ATTR_DATASET.md and its configurations) reads
`Anno_fine/<split>.txt` with the name of an image on each line, and beside it
`Anno_fine/<split>_attr.txt` with a 0 or 1 on the same line for each attribute of
`list_attr_cloth.txt`, which after two lines of heading gives the name and type of each. Type 1 are
the textures, seven of 26 attributes, as many training codes list them. Only these fine annotations
are read, since the 1,000 attributes of `Anno_coarse` were taken from the words of shops. The names
begin with `img/`; the archive of large images, which the paper's name of the task speaks of,
unpacks to `img_highres` and is preferred, else the small ones are read.

The owners' folder, `Category and Attribute Prediction Benchmark`, may be there or not. An image
without exactly one texture is noted in the ledger.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan import drawing, layouts, specimens
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing.textures import texture
from visionflan.errors import ReleaseError
from visionflan.hashing import pick, stable_hash
from visionflan.layouts.official_splits import split_of
from visionflan.plural import counted

SPLITS = ("train", "val", "test")
TEXTURE_TYPE = "1"
BENCHMARK = "Category and Attribute Prediction Benchmark"


class Row(NamedTuple):
    key: str
    image: Path
    texture: str
    split: str = ""


dataset = Dataset[Row](
    title="DeepFashion",
    homepage="https://liuziwei7.github.io/projects/DeepFashion.html",
    license="non-commercial",
    terms="""
        The owners do not own the images, which may be used for non-commercial research and
        teaching; they give the password of the archives on request.
    """,
    citation="Liu, Luo, Qiu, Wang, Tang (2016), DeepFashion: Powering Robust Clothes Recognition "
    "and Retrieval with Rich Annotations, CVPR",
    obtain="""
        Ask the owners for access as the homepage says, download Anno_fine and Img/img_highres.zip
        of the Category and Attribute Prediction Benchmark, and unpack them here.
    """,
    tree="""
        Anno_fine/
            list_attr_cloth.txt
            train.txt
            train_attr.txt    and the same for val and test
        Img/img_highres/Sheer_Pleated-Front_Blouse/img_00000001.jpg
    """,
    split_field="split",
    no_group="a directory holds what a product name found, which can be several products",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    below = root / BENCHMARK
    home = below if below.is_dir() else root
    names = attributes(home / "Anno_fine" / "list_attr_cloth.txt")
    large = home / "Img" / "img_highres"
    images = large if large.is_dir() else home / "Img" / "img"
    lists = (home / "Anno_fine" / f"{split}.txt" for split in SPLITS)
    for path in layouts.existing_paths(*lists):
        labels = path.with_name(f"{path.stem}_attr.txt")
        keys, flags = layouts.text_lines(path), layouts.text_lines(labels)
        if len(keys) != len(flags):
            raise ReleaseError(
                f"{path} names {counted(len(keys), 'image')}, but {labels} has "
                f"{counted(len(flags), 'line')}"
            )
        for key, line in zip(keys, flags, strict=True):
            if len(values := line.split()) != len(names):
                detail = f"{counted(len(values), 'value')} for {counted(len(names), 'attribute')}"
                yield BrokenRow(key, "malformed_line", f"{labels}: {detail}")
                continue
            present = [names[i] for i, value in enumerate(values) if value == "1"]
            yield read_row(key, images, present, split_of(path.stem))


def attributes(path: Path) -> list[str]:
    """Read the names of the attributes in order; those that are no texture are left empty."""
    parts = (line.rsplit(maxsplit=1) for line in layouts.text_lines(path)[2:])
    try:
        return [name if kind == TEXTURE_TYPE else "" for name, kind in parts]
    except ValueError as error:
        raise ReleaseError(f"{path} has a line that is not an attribute and its type") from error


def read_row(key: str, images: Path, present: list[str], split: str) -> Row | BrokenRow:
    textures = [name for name in present if name]
    if len(textures) != 1:
        return BrokenRow(key, "no_single_texture", f"{key} has the textures {textures}")
    return Row(key, layouts.inside(images, key.removeprefix("img/")), textures[0], split)


@dataset.task(
    """
    Look at the fabric of the garment in the middle of the photograph. Is it floral, graphic,
    striped, embroidered, pleated, solid or lattice? Graphic means a large print or motif, solid
    means plain, and lattice means crossing lines. Answer with the one word that describes it best.
    """,
    title="DeepFashion cloth texture classification",
    official_name="DeepFashion_highres_Attribute_and_Category+Cloth_Classification",
    category="Texture Classification",
)
def cloth_classification(row: Row) -> Example:
    return Example(image=row.image, target=row.texture)


TEXTURES = ("floral", "graphic", "striped", "embroidered", "pleated", "solid", "lattice")
OTHERS = ("long_sleeve 2", "short_sleeve 2", "cotton 5")
# Textures that the textures of specimens hold, under the names there.
REPEATED = {"striped": "striped", "lattice": "grid"}
# The outlines of garments as fractions of the picture.
SHIRT = [
    (0.3, 0.0),
    (0.7, 0.0),
    (1.0, 0.2),
    (0.9, 0.45),
    (0.76, 0.36),
    (0.76, 1.0),
    (0.24, 1.0),
    (0.24, 0.36),
    (0.1, 0.45),
    (0.0, 0.2),
]
DRESS = [(0.32, 0.0), (0.68, 0.0), (0.7, 0.4), (1.0, 1.0), (0.0, 1.0), (0.3, 0.4)]
INKS = ("red", "blue", "green", "purple", "orange", "brown")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    anno = root / "Anno_fine"
    rows: dict[str, list[tuple[str, str]]] = {split: [] for split in SPLITS}
    for index in range(count):
        name = TEXTURES[(index + index // len(TEXTURES)) % len(TEXTURES)]
        where = f"Plain_Garment_{index % 5}/img_{index + 1:08d}.jpg"
        specimens.write_image(root / "Img/img_highres" / where, garment(name, index))
        flags = " ".join("1" if name == other else "0" for other in TEXTURES) + " 0 1 0"
        rows[SPLITS[index % len(SPLITS)]].append((f"img/{where}", flags))
    named = [f"{name} {TEXTURE_TYPE}" for name in TEXTURES]
    heading = [str(len(TEXTURES) + len(OTHERS)), "attribute_name attribute_type"]
    specimens.write_lines(anno / "list_attr_cloth.txt", [*heading, *named, *OTHERS])
    for split, pairs in rows.items():
        specimens.write_lines(anno / f"{split}.txt", (name for name, _ in pairs))
        specimens.write_lines(anno / f"{split}_attr.txt", (flags for _, flags in pairs))


def garment(name: str, index: int) -> Image.Image:
    """Cut a shirt or a dress out of the cloth, and lay it on a dark ground."""
    identity = ("deepfashion", index)
    picture = Image.new("RGB", (drawing.SIZE, drawing.SIZE), (70, 74, 84))
    box = drawing.jitter_box(drawing.FRAME.part(0.04, 0.04, 0.96, 0.96), *identity, by=0.14)
    mask = Image.new("L", picture.size)
    outline = drawing.polygon(box, (SHIRT, DRESS)[stable_hash(*identity, "cut") % 2])
    ImageDraw.Draw(mask).polygon(outline, fill=255)
    picture.paste(cloth(name, pick(INKS, 1, *identity, "ink")[0], box, index), mask=mask)
    return picture


def cloth(name: str, ink: str, box: drawing.Box, index: int) -> Image.Image:
    """Draw a whole picture of the cloth; a motif or a seam is placed within the box."""
    color = drawing.COLORS[ink]
    picture = drawing.canvas("deepfashion", index)
    pen = ImageDraw.Draw(picture)
    if name in REPEATED:
        return texture(REPEATED[name], color, "deepfashion", index)
    if name == "solid":
        pen.rectangle(drawing.FRAME, fill=color)
    elif name == "graphic":
        drawing.shape(picture, "star", ink, box.part(0.26, 0.34, 0.74, 0.8))
    elif name == "floral":
        scatter_flowers(picture, ink)
    elif name == "pleated":
        for x in range(0, drawing.SIZE, 6):
            pen.rectangle((x, 0, x + 2, drawing.SIZE), fill=(190, 190, 196))
    else:
        embroider(pen, color, box)
    return picture


def scatter_flowers(picture: Image.Image, ink: str) -> None:
    pen = ImageDraw.Draw(picture)
    for place in range(25):
        x, y = 10 + 19 * (place % 5), 10 + 19 * (place // 5)
        drawing.shape(picture, "star", ink, drawing.Box(x - 8, y - 8, x + 8, y + 8))
        pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=drawing.COLORS["yellow"])


def embroider(pen: ImageDraw.ImageDraw, color: drawing.RGB, box: drawing.Box) -> None:
    """Sew zigzag borders along the neck and the hem."""
    for y in (0.06, 0.16, 0.84, 0.94):
        zigzag = [box.at(step / 16, y + 0.05 * (step % 2)) for step in range(17)]
        pen.line(zigzag, fill=color, width=3)
