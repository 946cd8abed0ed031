"""Caltech 101: pictures from the web, each of one thing of 101 classes.

Layout: torchvision (pytorch/vision, torchvision/datasets/caltech.py) lists the classes from
`101_ObjectCategories/<class>/image_NNNN.jpg` and takes out `BACKGROUND_Google`, which "is not a
real class"; so does this file, whose rows of that folder belong to no task. tensorflow/datasets
(datasets/caltech101) reads the same archive. The owners' newer caltech-101.zip holds that archive
in a folder `caltech-101`; both places are read. The outlines in `Annotations` are not used.

Class names are folder names ("car_side", "Faces_easy", "water_lilly"): the tables below give each
the name that a person uses. `Faces_easy` holds the pictures of `Faces` cut to the face, so both
have one name; pictures of the same number are held out together (that the numbers agree was not
confirmed by code). Four classes are neither clearly living organisms nor clearly lifeless and have
no answer in that task: two cartoon animals, an organ and a fruit.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, canvas, jitter_box
from visionflan.drawing.icons import icon
from visionflan.hashing import pick
from visionflan.layouts import below_if_there, class_folders, require
from visionflan.layouts.labels import accepted_names
from visionflan.specimens import write_image

LIVING = {
    "Faces": "human face",
    "Faces_easy": "human face",
    "Leopards": "leopard",
    "ant": "ant",
    "bass": "bass",
    "beaver": "beaver",
    "bonsai": "bonsai tree",
    "brontosaurus": "brontosaurus",
    "butterfly": "butterfly",
    "cougar_body": "cougar",
    "cougar_face": "cougar face",
    "crab": "crab",
    "crayfish": "crayfish",
    "crocodile": "crocodile",
    "crocodile_head": "crocodile head",
    "dalmatian": "Dalmatian dog",
    "dolphin": "dolphin",
    "dragonfly": "dragonfly",
    "elephant": "elephant",
    "emu": "emu",
    "flamingo": "flamingo",
    "flamingo_head": "flamingo head",
    "gerenuk": "gerenuk",
    "hawksbill": "hawksbill turtle",
    "hedgehog": "hedgehog",
    "ibis": "ibis",
    "joshua_tree": "Joshua tree",
    "kangaroo": "kangaroo",
    "llama": "llama",
    "lobster": "lobster",
    "lotus": "lotus flower",
    "mayfly": "mayfly",
    "nautilus": "nautilus",
    "octopus": "octopus",
    "okapi": "okapi",
    "panda": "panda",
    "pigeon": "pigeon",
    "platypus": "platypus",
    "rhino": "rhinoceros",
    "rooster": "rooster",
    "scorpion": "scorpion",
    "sea_horse": "seahorse",
    "starfish": "starfish",
    "stegosaurus": "stegosaurus",
    "sunflower": "sunflower",
    "tick": "tick",
    "trilobite": "trilobite",
    "water_lilly": "water lily",
    "wild_cat": "wild cat",
}
LIFELESS = {
    "Motorbikes": "motorbike",
    "accordion": "accordion",
    "airplanes": "airplane",
    "anchor": "anchor",
    "barrel": "barrel",
    "binocular": "binoculars",
    "buddha": "Buddha statue",
    "camera": "camera",
    "cannon": "cannon",
    "car_side": "car",
    "ceiling_fan": "ceiling fan",
    "cellphone": "cell phone",
    "chair": "chair",
    "chandelier": "chandelier",
    "cup": "cup",
    "dollar_bill": "dollar bill",
    "electric_guitar": "electric guitar",
    "euphonium": "euphonium",
    "ewer": "ewer",
    "ferry": "ferry",
    "gramophone": "gramophone",
    "grand_piano": "grand piano",
    "headphone": "headphones",
    "helicopter": "helicopter",
    "inline_skate": "inline skate",
    "ketch": "ketch",
    "lamp": "lamp",
    "laptop": "laptop",
    "mandolin": "mandolin",
    "menorah": "menorah",
    "metronome": "metronome",
    "minaret": "minaret",
    "pagoda": "pagoda",
    "pizza": "pizza",
    "pyramid": "pyramid",
    "revolver": "revolver",
    "saxophone": "saxophone",
    "schooner": "schooner",
    "scissors": "scissors",
    "soccer_ball": "soccer ball",
    "stapler": "stapler",
    "stop_sign": "stop sign",
    "umbrella": "umbrella",
    "watch": "watch",
    "wheelchair": "wheelchair",
    "windsor_chair": "Windsor chair",
    "wrench": "wrench",
    "yin_yang": "yin-yang symbol",
}
UNDECIDED = {
    "brain": "brain",
    "garfield": "Garfield",
    "snoopy": "Snoopy",
    "strawberry": "strawberry",
}
NAMES = LIVING | LIFELESS | UNDECIDED
BACKGROUND = "BACKGROUND_Google"
FOLDER = "101_ObjectCategories"


class Row(NamedTuple):
    key: str
    image: Path
    label: str

    @property
    def photo(self) -> str:
        """Return the photograph, of which `Faces_easy` has a part under the same number."""
        return self.key.replace("Faces_easy/", "Faces/")


dataset = Dataset[Row](
    title="Caltech-101",
    homepage="https://data.caltech.edu/records/mzrjq-6wc02",
    license="CC-BY-4.0",
    terms="The images were gathered by web search, and their makers keep the rights.",
    citation="Li, Fergus, Perona (2004), Learning Generative Visual Models from Few Training "
    "Examples: An Incremental Bayesian Approach Tested on 101 Object Categories, CVPR Workshop",
    obtain="""
        Download caltech-101.zip from the homepage, unpack it, and also unpack the archive
        101_ObjectCategories.tar.gz that is inside.
    """,
    tree="""
        101_ObjectCategories/
            BACKGROUND_Google/image_0001.jpg
            Faces/image_0001.jpg
            accordion/image_0001.jpg
            ...
    """,
    no_split="the owners leave the choice of training images to each experiment",
    group_field="photo",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    home = below_if_there(root, "caltech101")
    for key, image, label in class_folders(require(home / FOLDER, root / "caltech-101" / FOLDER)):
        if label in NAMES or label == BACKGROUND:
            yield Row(key, image, label)
        else:
            yield BrokenRow(key, "unknown_label", f"no class of Caltech 101 is called {label!r}")


@dataset.task(
    """
    What is the main thing in this photograph, drawing or painting? Give its common everyday name in
    one to three words: "butterfly" rather than the species, for example.
    """,
    """
    Name what this picture mainly shows, whether it is a photo, a drawing or a painting. Use one to
    three words that everybody knows, such as "butterfly", and not the name of a species.
    """,
    """
    In one to three everyday words, write the name of the main object or living thing in the
    picture. A general name like "butterfly" is right; the exact species is not wanted.
    """,
    """
    You are labeling pictures of all kinds (photos, drawings, paintings) so that people can find
    them by a simple search term. Which term of up to three words fits the subject of this one? For
    example, use "butterfly" rather than the species.
    """,
    """
    One subject dominates this picture. If a child asked you what it is, which common name of one to
    three words would you give, for example "butterfly" instead of a species? Write that name.
    """,
    title="Caltech101 object recognition",
    official_name="Caltech101+Image_classification",
    category="General Object",
)
def image_classification(row: Row) -> Example | None:
    if row.label == BACKGROUND:
        return None
    target = NAMES[row.label]
    return Example(image=row.image, target=target, references=accepted_names(target, row.label))


@dataset.task(
    """
    Is the main subject of this picture a living organism? Say yes for people, animals and plants of
    every kind, including extinct ones, whether in a photograph or a drawing, and whether all of
    them or only a part is visible. Say no if the main subject is a man-made thing, such as a
    statue, or a vehicle with a person in it.
    """,
    """
    Decide whether this picture mainly shows something alive. A person, an animal or a plant counts,
    even an extinct one, even in a drawing, and even if only a part can be seen. Things made by
    people, such as statues or a vehicle with somebody in it, do not count.
    """,
    """
    Answer yes if the picture is about a person, an animal or a plant, and no if it is about
    something man-made. Extinct species, drawn figures and single parts of a body get a yes. Statues
    get a no, and so do vehicles, even with a person inside.
    """,
    """
    A collection of pictures has to be divided into living things and artifacts. Living things are
    all people, animals and plants: photographed or drawn, complete or in part, still existing or
    extinct. Artifacts are whatever people make, including statues, and vehicles that carry a
    person. Does the main subject of this picture belong to the living things?
    """,
    """
    Choose yes or no to say whether the subject of this photo or drawing is an organism. It is yes
    for people, animals and plants, even for extinct ones and for those of which only a part shows.
    A man-made object gets a no, whether it is a statue or a vehicle that has someone in it.
    """,
    title="Caltech101 living organism classification",
    official_name="Caltech101+Living_Thing_classification",
    category="General Object",
    published_form='options "Yes" and "No"',
)
def living_thing_classification(row: Row) -> Example | None:
    if row.label == BACKGROUND or row.label in UNDECIDED:
        return None
    target = "yes" if row.label in LIVING else "no"
    return Example(image=row.image, target=target, options=("yes", "no"))


# Living and lifeless in turn; each with its icon and the colors that it may have.
DRAWN = {
    "butterfly": ("butterfly", ("orange", "blue", "purple")),
    "umbrella": ("umbrella", ("red", "blue", "green", "purple")),
    "crab": ("crab", ("red", "orange", "brown")),
    "laptop": ("laptop", ("blue", "cyan", "green")),
    "elephant": ("elephant", ("gray", "brown")),
    "cup": ("cup", ("red", "blue", "green", "orange")),
    "starfish": ("starfish", ("orange", "red", "purple")),
    "pyramid": ("pyramid", ("yellow", "brown", "orange")),
    "sunflower": ("sunflower", ("yellow", "orange")),
    "lamp": ("lamp", ("red", "green", "purple", "blue")),
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        label, (thing, colors) = list(DRAWN.items())[index % len(DRAWN)]
        image = canvas("caltech101", index)
        box = jitter_box(FRAME.part(0.04, 0.04, 0.96, 0.96), "caltech101", index, by=0.25)
        icon(image, thing, box, pick(colors, 1, "caltech101", index)[0])
        write_image(root / FOLDER / label / f"image_{index // len(DRAWN) + 1:04d}.jpg", image)
