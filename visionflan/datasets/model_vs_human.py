"""model-vs-human: pictures of sixteen kinds of things, altered in seventeen ways.

Layout: one archive for each alteration. Fourteen of the seventeen hold
`<alteration>/dnn/session-<n>/<number>_<code>_dnn_<condition>_<thing>_...png`; the owners take the
fourth part of the name for the condition (bethgelab/model-vs-human,
modelvshuman/datasets/{base,info_mappings,noise_generalisation,sketch,stylized}.py, and the image
names in raw-data/). The other three hold `<alteration>/<thing>/<picture>` (texture_shape.py).

Each experiment also shows pictures in a condition without its alteration (`c100` for contrast, no
rotation and so on, experiments.py and raw-data/). The paper's data call those by the alteration
too: the public sample has a picture `..._pow_dnn_0_...` answered with "power-equalization". Here
they are of no task, but for those of which it is clear that they are plain photographs in color.
The weakest eidolons (reach 1) are left out in the same way. The three eidolon experiments, which
differ in coherence, are one answer.

The rest of a name (`n04111531_14126`) is the picture that was altered, and many were altered in
several ways; of a cue conflict it is the picture before the hyphen, which gave the shape. All that
was made of one picture is held out together.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, jitter_box
from visionflan.drawing.styles import noise, styled_icon
from visionflan.hashing import pick
from visionflan.layouts import class_folders, existing_paths, is_image_file
from visionflan.specimens import write_image

COLOR = "color photograph"
STYLES = {
    "colour": "grayscale photograph",
    "contrast": "reduced contrast",
    "cue-conflict": "texture and shape in conflict",
    "edge": "edge drawing",
    "eidolonI": "eidolon distortion",
    "eidolonII": "eidolon distortion",
    "eidolonIII": "eidolon distortion",
    "false-colour": "false colors",
    "high-pass": "high-pass filter",
    "low-pass": "low-pass filter",
    "phase-scrambling": "phase scrambling",
    "power-equalisation": "power equalization",
    "rotation": "rotation",
    "silhouette": "silhouette",
    "sketch": "sketch",
    "stylized": "painted style",
    "uniform-noise": "uniform noise",
}
BY_THING = {"cue-conflict", "edge", "silhouette"}
CONDITION, PARTS_OF_NAME = 3, 6
# What each experiment calls the condition that leaves its pictures as they were.
UNALTERED = {
    "contrast": {"c100"},
    "eidolonI": {"1-10-10"},
    "eidolonII": {"1-3-10"},
    "eidolonIII": {"1-0-10"},
    "high-pass": {"inf"},
    "low-pass": {"0"},
    "phase-scrambling": {"0"},
    "power-equalisation": {"0"},
    "rotation": {"0"},
    "uniform-noise": {"0", "0.0", "0.00"},
}
IN_COLOR = {("colour", "cr"), ("false-colour", "true")}


class Row(NamedTuple):
    key: str
    image: Path
    style: str
    source: str = ""


dataset = Dataset[Row](
    title="model-vs-human",
    homepage="https://github.com/bethgelab/model-vs-human",
    license="non-commercial",
    terms="""
        Thirteen of the sets are made of ImageNet's images and under its terms, for non-commercial
        research; the sketches are MIT, and cue-conflict, edge and silhouette CC-BY-4.0.
    """,
    citation="Geirhos, Narayanappa, Mitzkus, Thieringer, Bethge, Wichmann, Brendel (2021), Partial "
    "Success in Closing the Gap between Human and Machine Vision, NeurIPS",
    obtain="""
        Download the archives of the release v0.1 at the homepage, such as colour.tar.gz, and unpack
        all of them here.
    """,
    tree="""
        colour/dnn/session-1/0001_cl_dnn_cr_oven_40_n04111531_14126.png
        sketch/dnn/session-1/0001_ske_dnn_0_boat_00_boat-0068-sketch-23.png
        edge/airplane/airplane1.png
        ...
    """,
    no_split="the experiments are published undivided",
    group_field="source",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    for folder in existing_paths(*(root / name for name in STYLES)):
        if folder.name in BY_THING:
            for key, image, thing in class_folders(folder):
                style = "" if is_coherent(folder.name, thing, image.stem) else STYLES[folder.name]
                yield Row(f"{folder.name}/{key}", image, style, image.stem.partition("-")[0])
        else:
            yield from sessions(folder)


def sessions(folder: Path) -> Iterator[Row | BrokenRow]:
    """Read the pictures of one experiment, whose names tell the condition."""
    for image in sorted(filter(is_image_file, (folder / "dnn").glob("session-*/*"))):
        key = f"{folder.name}/{image.parent.name}/{image.name}"
        parts = image.name.split("_")
        if len(parts) < PARTS_OF_NAME:
            detail = f"the name of {image} does not contain condition and thing"
            yield BrokenRow(key, "malformed_name", detail)
        else:
            style = style_of(folder.name, parts[CONDITION].casefold())
            source = "_".join(parts[PARTS_OF_NAME:]).removesuffix(image.suffix)
            yield Row(key, image, style, source)


def is_coherent(experiment: str, thing: str, stem: str) -> bool:
    """Return whether the texture of a cue conflict is that of the thing, so that none conflicts.

    The names are of the form `<thing><number>-<thing of the texture><number>`.
    """
    texture = re.sub(r"\d+$", "", stem.rpartition("-")[2])
    return experiment == "cue-conflict" and texture == thing


def style_of(experiment: str, condition: str) -> str:
    """Name the look of a picture; nothing where the experiment left it as it was."""
    if (experiment, condition) in IN_COLOR:
        return COLOR
    return "" if condition in UNALTERED.get(experiment, ()) else STYLES[experiment]


@dataset.task(
    """
    What was done to this picture, or how was it made? Answer with one of the following: color
    photograph, grayscale photograph, reduced contrast, false colors, uniform noise, low-pass filter
    (only soft, broad shapes remain), high-pass filter (only fine outlines remain), rotation, phase
    scrambling (shapes break up into cloudy streaks), power equalization (coarse and fine details
    are as strong as in an average picture), eidolon distortion (shapes dissolve locally), sketch,
    edge drawing, silhouette, painted style, or texture and shape in conflict (the shape of one
    thing with the surface of another).
    """,
    title="Model-vs-human image style classification",
    official_name="model-vs-human+image_style_classification",
    category="Image-Style Classification",
    published_form='the owners\' word, such as "power-equalisation"',
)
def image_style_classification(row: Row) -> Example | None:
    return Example(image=row.image, target=row.style) if row.style else None


THINGS = {
    "airplane": "blue",
    "bird": "red",
    "bottle": "green",
    "car": "red",
    "chair": "brown",
    "elephant": "gray",
    "truck": "orange",
}


def edges(image: Image.Image) -> Image.Image:
    """Reduce the picture to thin dark lines where colors meet."""
    return ImageOps.invert(image.convert("L").filter(ImageFilter.FIND_EDGES))


def silhouette(image: Image.Image) -> Image.Image:
    """Fill a thing on a plain ground with black."""
    ground = image.crop((0, 0, 1, 1)).resize(image.size)
    return ImageChops.difference(image, ground).convert("L").point(lambda value: 255 * (not value))


def blurred(image: Image.Image, radius: int) -> Image.Image:
    """Remove fine details."""
    return image.convert("L").filter(ImageFilter.GaussianBlur(radius))


def flat(image: Image.Image, contrast: float) -> Image.Image:
    """Draw all greys together."""
    return ImageEnhance.Contrast(image).enhance(contrast)


def details(image: Image.Image) -> Image.Image:
    """Keep only fine details."""
    return ImageChops.subtract(image.convert("L"), blurred(image, 2), offset=128)


def noisy(image: Image.Image, index: int) -> Image.Image:
    """Add to each point a grey of which each is as likely."""
    return ImageChops.add(
        flat(image.convert("L"), 0.5), noise(1, "model_vs_human", index), 1.4, -60
    )


def recolored(image: Image.Image) -> Image.Image:
    """Permute the colors."""
    red, green, blue = image.split()
    return Image.merge("RGB", (blue, red, green))


class Stimulus(NamedTuple):
    """How the specimen draws one condition: the style of the thing, and what is then done to it."""

    experiment: str
    condition: str
    style: str
    alter: Callable[[Image.Image, int], Image.Image]


STIMULI = (
    Stimulus("colour", "cr", "photo", lambda image, _: image),
    Stimulus("edge", "", "cartoon", lambda image, _: edges(image)),
    Stimulus("low-pass", "7", "photo", lambda image, _: blurred(image, 5)),
    Stimulus("silhouette", "", "cartoon", lambda image, _: silhouette(image)),
    Stimulus("sketch", "0", "sketch", lambda image, _: image),
    Stimulus("colour", "bw", "photo", lambda image, _: image.convert("L")),
    Stimulus("contrast", "c10", "photo", lambda image, _: flat(image.convert("L"), 0.15)),
    Stimulus("high-pass", "0.7", "photo", lambda image, _: details(image)),
    Stimulus("rotation", "180", "photo", lambda image, _: image.convert("L").rotate(180)),
    Stimulus("uniform-noise", "0.35", "photo", noisy),
    Stimulus("false-colour", "False", "photo", lambda image, _: recolored(image)),
    Stimulus("stylized", "0", "art painting", lambda image, _: image),
    Stimulus("rotation", "0", "photo", lambda image, _: image.convert("L")),
)


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        experiment, condition, style, alter = STIMULI[index % len(STIMULI)]
        thing, color = pick([*THINGS.items()], 1, "model_vs_human", index, "thing")[0]
        box = jitter_box(FRAME.part(0.04, 0.04, 0.96, 0.96), "model_vs_human", index, by=0.2)
        image = alter(styled_icon(thing, style, box, color, "model_vs_human", index), index)
        if experiment in BY_THING:
            place = Path(thing, f"{thing}{index}.png")
        else:
            name = f"{index + 1:04d}_spe_dnn_{condition}_{thing}_00_{thing}-{index}.png"
            place = Path("dnn", "session-1", name)
        write_image(root / experiment / place, image)
