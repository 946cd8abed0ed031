"""ImageNet-R: 30,000 renditions of 200 of ImageNet's classes in art, craft and games.

Layout: `imagenet-r/<WordNet id>/<domain>_<number>.jpg`. tensorflow/datasets reads the folders
(tensorflow_datasets/datasets/imagenet_r/imagenet_r_dataset_builder.py). That the name begins with
the domain is shown by the file `misc_34.jpg` of the domain "misc" in the public sample of the
paper's data, whose instruction lists the fifteen domains below; a training code with the group
names art, cartoon, deviantart and so on to videogame has the same list without "misc". The owners'
page names two kinds more, patterns and plush objects, that are no domain of a file. All of it is a
test set, as tensorflow/datasets names it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import COLORS, SIZE
from visionflan.hashing import pick, stable_hash
from visionflan.layouts.wordnet import wordnet_folders
from visionflan.specimens import write_image
from visionflan.specimens.imagenet import THINGS, class_at, draw_class

DOMAINS = {
    "art": "art",
    "cartoon": "cartoon",
    "deviantart": "DeviantArt",
    "embroidery": "embroidery",
    "graffiti": "graffiti",
    "graphic": "graphic",
    "misc": "miscellaneous",
    "origami": "origami",
    "painting": "painting",
    "sculpture": "sculpture",
    "sketch": "sketch",
    "sticker": "sticker",
    "tattoo": "tattoo",
    "toy": "toy",
    "videogame": "video game",
}


class Row(NamedTuple):
    key: str
    image: Path
    label: str
    domain: str

    @property
    def split(self) -> str:
        """Return the official split."""
        return "test"


dataset = Dataset[Row](
    title="ImageNet-R",
    homepage="https://github.com/hendrycks/imagenet-r",
    license="MIT",
    terms="The images were gathered from Flickr and the web, and their makers keep the rights.",
    citation="Hendrycks, Basart, Mu, Kadavath, Wang, Dorundo, Desai, Zhu, Parajuli, Guo, Song, "
    "Steinhardt, Gilmer (2021), The Many Faces of Robustness: A Critical Analysis of "
    "Out-of-Distribution Generalization, ICCV",
    obtain="Download imagenet-r.tar through the link on the homepage and unpack it here.",
    tree="""
        imagenet-r/
            n01443537/
                art_0.jpg
                cartoon_0.jpg
                ...
            ...
    """,
    split_field="split",
    no_group="the release does not tell which images belong together",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    for labeled in wordnet_folders(root / "imagenet-r"):
        if isinstance(labeled, BrokenRow):
            yield labeled
        elif domain := DOMAINS.get(labeled.image.stem.rpartition("_")[0]):
            yield Row(labeled.key, labeled.image, labeled.label, domain)
        else:
            detail = f"the name of {labeled.image} starts with none of {', '.join(DOMAINS)}"
            yield BrokenRow(labeled.key, "unknown_label", detail)


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        identifier = class_at(index, list(THINGS), "imagenet_r")
        domain = list(RENDERED)[(index + index // len(THINGS)) % len(RENDERED)]
        image = RENDERED[domain](identifier, index)
        write_image(root / "imagenet-r" / identifier / f"{domain}_{index}.jpg", image)


def in_style(style: str) -> Callable[[str, int], Image.Image]:
    """Draw in a style of `drawing_styles.STYLES`."""
    return lambda identifier, index: draw_class(identifier, style, "imagenet_r", index)


def video_game(identifier: str, index: int) -> Image.Image:
    """Draw a few large pixels of few colors on black, under a score."""
    cartoon = draw_class(identifier, "cartoon", "imagenet_r", index)
    coarse = ImageOps.posterize(cartoon.resize((24, 24), Image.Resampling.BOX), 2)
    image = coarse.resize((SIZE, SIZE), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, SIZE, 11), fill=(0, 0, 0))
    for life in range(1 + stable_hash(index, "lives") % 4):
        pen.rectangle((4 + 12 * life, 3, 11 + 12 * life, 8), fill=COLORS["red"])
    return image


def embroidery(identifier: str, index: int) -> Image.Image:
    """Stitch the picture with short slanting threads on linen."""
    colors = draw_class(identifier, "cartoon", "imagenet_r", index)
    image = Image.new("RGB", (SIZE, SIZE), (222, 210, 186))
    pen = ImageDraw.Draw(image)
    for y in range(0, SIZE, 4):
        for x in range(0, SIZE, 4):
            thread = colors.crop((x, y, x + 4, y + 4)).resize((1, 1), Image.Resampling.BOX)
            red, green, blue = thread.tobytes()
            pen.line((x, y + 3, x + 3, y), fill=(red, green, blue), width=2)
    return image


def sticker(identifier: str, index: int) -> Image.Image:
    """Cut the thing out with a broad white rim and stick it on a plain colored thing."""
    lines = draw_class(identifier, "cartoon", "imagenet_r", index)
    plain = lines.crop((0, 0, 1, 1)).resize(lines.size)
    shape = ImageChops.difference(lines, plain).convert("L").point(lambda value: 255 * (value > 0))
    (color,) = pick([COLORS[name] for name in ("brown", "gray", "blue")], 1, index, "ground")
    image = Image.new("RGB", lines.size, color)
    image.paste((255, 255, 255), mask=shape.filter(ImageFilter.MaxFilter(9)))
    image.paste(lines, mask=shape)
    return image


RENDERED: dict[str, Callable[[str, int], Image.Image]] = {
    "cartoon": in_style("cartoon"),
    "embroidery": embroidery,
    "painting": in_style("art painting"),
    "sketch": in_style("sketch"),
    "sticker": sticker,
    "videogame": video_game,
}


@dataset.task(
    """
    This is an artistic rendering of a familiar thing or animal. Give its precise common name, such
    as "acoustic guitar" or "monarch butterfly"; for a dog, give the breed.
    """,
    title="ImageNet-R object recognition in diverse image domain",
    official_name="ImageNet-R+image_classification",
    category="General Object in Special Image Domain",
)
def image_classification(row: Row) -> Example:
    return Example(image=row.image, target=row.label)


@dataset.task(
    """
    Which of these kinds of depiction is this image: art, cartoon, DeviantArt (digital art by
    members of that website), embroidery, graffiti, graphic, origami, painting, sculpture, sketch,
    sticker, tattoo, toy or video game? Reply with the name of that kind alone, or with
    miscellaneous if none of them fits.
    """,
    title="ImageNet-R image style classification",
    official_name="ImageNet-R+image_domain_classification",
    category="Image-Style Classification",
    published_form='the label, "misc" for other',
)
def image_domain_classification(row: Row) -> Example:
    return Example(image=row.image, target=row.domain)
