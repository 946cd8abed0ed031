"""Set5: the five pictures on which super-resolution is tried, sharp and made small.

Layout: a folder for the pictures as they are (`original`), one cut so that their sides can be
divided by twelve (`GTmod12`), and one for each factor by which they were made smaller (`LRbicx2` to
`LRbicx16`), each with baby.png, bird.png, butterfly.png, head.png and woman.png
(Lornatang/SRGAN-PyTorch, data/README.md, and the page of BasicSR on data, which adds GTmod12). A
published instance of the paper's data bears the number 9, so the paper too took several sizes of
the five: all folders are read, with or without a folder `Set5` around them. Names as in other
copies (baby_GT.bmp, babyx2.png) are read as well, and so are copies that number the pictures, as
that of SelfExSR does (img_001_SRF_2_LR.png): their pixels were compared with the named ones, and
the numbers follow the alphabet, from 001 for the baby to 005 for the woman.

Five pictures in a few sizes make few rows, nearly alike: the builds will show that.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import BLACK, FRAME, RGB, SIZE, canvas
from visionflan.drawing.icons import icon
from visionflan.errors import ReleaseError
from visionflan.hashing import pick
from visionflan.layouts import is_image_file
from visionflan.layouts.fields import integer
from visionflan.specimens import write_image

SUBJECTS = ("baby", "bird", "butterfly", "head", "woman")
NAME = re.compile(rf"(?P<subject>{'|'.join(SUBJECTS)})(_GT|x\d+)?")
NUMBER = re.compile(r"(?:img_)?00(?P<number>[1-5])(?:_SRF_\d+_(?:HR|LR)|_GT|x\d+)?")


class Row(NamedTuple):
    key: str
    image: Path
    subject: str


dataset = Dataset[Row](
    title="Set5",
    homepage="http://people.rennes.inria.fr/Aline.Roumy/results/SR_BMVC12.html",
    license="unknown",
    terms="A copy on Kaggle is marked DbCL 1.0, but the owners themselves do not say so.",
    citation="Bevilacqua, Roumy, Guillemot and Alberi Morel (2012), Low-Complexity Single-Image "
    "Super-Resolution based on Nonnegative Neighbor Embedding, BMVC",
    obtain="""
        Download Set5 with its small images from a collection for super-resolution, such as that
        of BasicSR, and put its directories here.
    """,
    tree="""
        Set5/
            original/baby.png
            GTmod12/baby.png
            LRbicx2/baby.png
            LRbicx4/baby.png
            ...
    """,
    no_split="the five images are published undivided",
    group_field="subject",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    home = root / "Set5" if (root / "Set5").is_dir() else root
    pictures = sorted(filter(is_image_file, home.rglob("*")))
    if not pictures:
        raise ReleaseError(f"{home} contains no image such as original/baby.png: put Set5 here")
    for image in pictures:
        key = image.relative_to(home).as_posix()
        if subject := subject_of(image.stem):
            yield Row(key, image, subject)
        else:
            detail = f"the name of {image} does not begin with one of {', '.join(SUBJECTS)}"
            yield BrokenRow(key, "unknown_subject", detail)


def subject_of(stem: str) -> str:
    """Return the subject in the name of an image; empty if it has none."""
    if match := NAME.fullmatch(stem):
        return match["subject"]
    if match := NUMBER.fullmatch(stem):
        return SUBJECTS[integer(match.groupdict(), "number") - 1]
    return ""


@dataset.task(
    """
    Even though there are few pixels, you can recognize one of five subjects: a baby, a bird, a
    butterfly, a head or a woman. Which one is it? Answer with the noun alone.
    """,
    """
    Does this small image show a baby, a bird, a butterfly, a head or a woman? Write the noun
    without an article.
    """,
    """
    Answer with one noun: baby, bird, butterfly, head or woman. Choose the one that names the
    subject of this coarse image.
    """,
    """
    Researchers test their methods of enlarging images on five well-known pictures: of a bird, a
    woman, a baby, a butterfly and a head. This is one of them. Give the single noun that says
    which.
    """,
    """
    Identify the subject of the picture, even if it looks blocky. It can only be a head, a
    butterfly, a woman, a bird or a baby, and one of these nouns is the complete answer.
    """,
    title="Set5 object recognition in low resolution image",
    official_name="Set5+image_recognition",
    category="General Object",
    published_form='"The subject in the image is a X"',
)
def image_recognition(row: Row) -> Example:
    return Example(image=row.image, target=row.subject)


# How many times smaller than drawn the pictures of each folder are.
FOLDERS = {
    "LRbicx2": 2,
    "LRbicx3": 3,
    "LRbicx4": 4,
    "LRbicx8": 8,
    "LRbicx16": 16,
    "GTmod12": 1,
    "original": 1,
}
FULL = 4 * SIZE
SKIN: RGB = (235, 190, 160)
HAIR: RGB = (80, 50, 30)


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(min(count, len(SUBJECTS) * len(FOLDERS))):
        subject = SUBJECTS[index % len(SUBJECTS)]
        folder, factor = list(FOLDERS.items())[index // len(SUBJECTS)]
        image = drawn(subject).resize((FULL, FULL), Image.Resampling.BICUBIC)
        if folder == "GTmod12":
            image = image.crop((0, 0, FULL - 12, FULL - 12))
        small = image.resize((image.width // factor, image.height // factor))
        write_image(root / "Set5" / folder / f"{subject}.png", small)


def drawn(subject: str) -> Image.Image:
    """Draw one of the five subjects, always the same."""
    image = canvas("set5", subject)
    pen = ImageDraw.Draw(image)
    if subject in ("bird", "butterfly"):
        icon(
            image, subject, FRAME.part(0.05, 0.05, 0.95, 0.95), pick(("red", "blue"), 1, subject)[0]
        )
        return image
    if subject == "woman":
        pen.ellipse(FRAME.part(0.3, 0.02, 0.7, 0.6), fill=HAIR)
        pen.polygon(
            [FRAME.at(*at) for at in ((0.5, 0.38), (0.9, 1.0), (0.1, 1.0))], fill=(190, 30, 60)
        )
        face = FRAME.part(0.38, 0.1, 0.62, 0.42)
    elif subject == "head":
        pen.rectangle(FRAME.part(0.38, 0.7, 0.62, 1.0), fill=SKIN)
        pen.pieslice(FRAME.part(0.16, 0.02, 0.84, 0.8), 180, 360, fill=HAIR)
        face = FRAME.part(0.22, 0.14, 0.78, 0.9)
    else:
        pen.ellipse(FRAME.part(0.06, 0.02, 0.94, 0.98), fill=(120, 190, 240))
        face = FRAME.part(0.16, 0.2, 0.84, 0.9)
    pen.ellipse(face, fill=SKIN)
    for x in (0.28, 0.62):
        pen.ellipse(face.part(x, 0.36, x + 0.12, 0.48), fill=BLACK)
    if subject == "baby":
        pen.ellipse(face.part(0.36, 0.6, 0.64, 0.88), fill=(250, 220, 60), outline=BLACK)
    else:
        pen.ellipse(face.part(0.36, 0.72, 0.64, 0.8), fill=(190, 60, 60))
    return image
