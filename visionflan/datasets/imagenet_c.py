"""ImageNet-C: ImageNet's validation photographs, each spoiled in many ways at five severities.

Layout: `<corruption>/<severity>/<WordNet id>/<picture>`: the owners' own script writes and their
own test reads these folders (hendrycks/robustness, ImageNet-C/create_c/make_imagenet_c.py and
ImageNet-C/test.py, which also has the names of the nineteen corruptions). The archives are one for
each group, and people keep the group as a folder above (Wang-jun-jjie/adversarial,
data/restricted_imagenet_c.sh: `imagenet-c/noise/gaussian_noise`) or leave it out
(mr-eggplant/FOA, dataset/README.md); both forms are read.

The owners test on it; a photograph is there once for each corruption and severity, all of which are
held out together. The archive `extra` holds a fourth kind of noise and one more corruption of each
other group, meant for validation. They are rows of the coarse task; the finer tasks keep to the
fifteen of the benchmark, so that no two options are as alike as defocus and Gaussian blur. The
group of each of the four was not confirmed by a witness other than the owners' paper.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing.corruptions import corrupt
from visionflan.layouts import class_folders, existing_paths
from visionflan.specimens import write_image
from visionflan.specimens.imagenet import THINGS, class_at, draw_class

BLUR = {
    "defocus_blur": "defocus blur",
    "glass_blur": "frosted glass blur",
    "motion_blur": "motion blur",
    "zoom_blur": "zoom blur",
}
NOISE = {
    "gaussian_noise": "Gaussian noise",
    "impulse_noise": "impulse noise",
    "shot_noise": "shot noise",
}
WEATHER = {"brightness": "brightness", "fog": "fog", "frost": "frost", "snow": "snow"}
DIGITAL = ("contrast", "elastic_transform", "jpeg_compression", "pixelate")
GROUPS = {
    "blur": "blur",
    "digital": "digital processing",
    "noise": "noise",
    "weather": "weather",
}
GROUP_OF = (
    dict.fromkeys((*BLUR, "gaussian_blur"), "blur")
    | dict.fromkeys((*NOISE, "speckle_noise"), "noise")
    | dict.fromkeys((*WEATHER, "spatter"), "weather")
    | dict.fromkeys((*DIGITAL, "saturate"), "digital")
)
ARCHIVES = (*GROUPS, "extra")
EXTRA = ("gaussian_blur", "speckle_noise", "spatter", "saturate")


class Row(NamedTuple):
    key: str
    image: Path
    corruption: str

    @property
    def split(self) -> str:
        """Return the official split."""
        return "validation" if self.corruption in EXTRA else "test"

    @property
    def photo(self) -> str:
        """Return the photograph of ImageNet that is corrupted."""
        return self.key.split("/", 2)[2]


dataset = Dataset[Row](
    title="ImageNet-C",
    homepage="https://github.com/hendrycks/robustness",
    license="CC-BY-4.0",
    terms="The photographs are those of ImageNet, whose own terms apply to them.",
    citation="Hendrycks, Dietterich (2019), Benchmarking Neural Network Robustness to Common "
    "Corruptions and Perturbations, ICLR",
    obtain="""
        Download blur.tar, digital.tar, noise.tar, weather.tar and, if you want it, extra.tar from
        https://zenodo.org/record/2235448, and unpack each in a directory of its name.
    """,
    tree="""
        blur/defocus_blur/1/n01440764/ILSVRC2012_val_00000293.JPEG
        digital/contrast/1/...
        extra/gaussian_blur/1/...
        noise/gaussian_noise/1/...
        weather/brightness/1/...
    """,
    split_field="split",
    group_field="photo",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    homes = (root, *(root / archive for archive in ARCHIVES))
    for folder in existing_paths(*(home / name for name in sorted(GROUP_OF) for home in homes)):
        for severity in sorted(path for path in folder.iterdir() if path.is_dir()):
            for key, image, _ in class_folders(severity):
                yield Row(f"{folder.name}/{severity.name}/{key}", image, folder.name)


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    turns = [
        name
        for turn in range(4)
        for names in (BLUR, NOISE, WEATHER, DIGITAL)
        for name in [*names][turn : turn + 1]
    ]
    for index in range(count):
        corruption = turns[index % len(turns)]
        identifier = class_at(index // len(turns), list(THINGS), corruption)
        clean = draw_class(identifier, "photo", "imagenet_c", index)
        image = corrupt(clean, corruption, "imagenet_c", index)
        place = root / GROUP_OF[corruption] / corruption / str(1 + index % 5) / identifier
        write_image(place / f"ILSVRC2012_val_{index + 1:08d}.JPEG", image)


def corruption_of(row: Row, names: dict[str, str]) -> Example | None:
    """Make an example that asks which corruption of one group the picture has."""
    if row.corruption not in names:
        return None
    return Example(image=row.image, target=names[row.corruption], options=tuple(names.values()))


@dataset.task(
    """
    Something has damaged this photograph. Did it lose its sharpness, was it sprinkled with random
    dots, was it taken in bad weather or harsh light, or did a computer distort, flatten or compress
    it? Choose the option that names the damage.
    """,
    title="ImageNet-C coarse-grained image corruption classification",
    official_name="ImageNet-C+image_classification_general",
    category="Image Quality Classification",
)
def image_classification_general(row: Row) -> Example:
    group = GROUPS[GROUP_OF[row.corruption]]
    return Example(image=row.image, target=group, options=tuple(GROUPS.values()))


@dataset.task(
    """
    The picture is blurred. Look at how the edges are smeared (evenly, in one direction, away from
    the center, or as if behind rough glass), and choose the type of blur.
    """,
    title="ImageNet-C blur type classification",
    official_name="ImageNet-C+image_classification_blur",
    category="Image Quality Classification",
    published_form='options "The image is corrupt, the specific corruption type is X"',
)
def image_classification_blur(row: Row) -> Example | None:
    return corruption_of(row, BLUR)


@dataset.task(
    """
    Weather or glaring daylight makes things hard to see in this shot. Which of the conditions
    listed is to blame?
    """,
    title="ImageNet-C weather type classification",
    official_name="ImageNet-C+image_classification_weather",
    category="Image Quality Classification",
    published_form='options "The corruption type is X"',
)
def image_classification_weather(row: Row) -> Example | None:
    return corruption_of(row, WEATHER)


@dataset.task(
    """
    Random specks cover this image. Examine their color and their strength, and check whether bright
    areas have more of them. Which type of noise is it?
    """,
    title="ImageNet-C fine-grained image corruption classification",
    official_name="ImageNet-C+image_classification_noise",
    category="Image Quality Classification",
)
def image_classification_noise(row: Row) -> Example | None:
    return corruption_of(row, NOISE)
