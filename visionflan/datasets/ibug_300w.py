"""300-W: 600 photos of faces for a contest in landmarks, half of them taken indoors.

Layout: `01_Indoor/indoor_001.png` to `indoor_300.png` and `02_Outdoor/outdoor_001.png` to
`outdoor_300.png`, each beside a file of landmarks of the same name (open-mmlab/mmpose,
docs/en/tasks/2d_face_keypoint.md, which has both in a folder `Test`, since they are the contest's
test set; the public sample of the paper's data names `outdoor_184`). A folder `300W`, as the
archive has it, is read too. The other collections that were annotated for the contest (AFW, HELEN,
LFPW, IBUG) tell nothing of the place and are not read.

Nobody is named and nothing about the person is asked.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, jitter_box
from visionflan.hashing import pick
from visionflan.layouts import class_folders, existing_paths
from visionflan.specimens import write_image, write_lines
from visionflan.specimens.faces import EXPRESSIONS, face
from visionflan.specimens.places import draw_objects, draw_room
from visionflan.specimens.scenes import draw_backdrop

PLACES = {"01_Indoor": "indoor", "02_Outdoor": "outdoor"}


class Row(NamedTuple):
    key: str
    image: Path
    place: str

    @property
    def split(self) -> str:
        """Return the official split."""
        return "test"


dataset = Dataset[Row](
    title="300-W",
    homepage="https://ibug.doc.ic.ac.uk/resources/300-W/",
    license="research-only",
    terms="For research only; use in training commercial algorithms is not allowed.",
    citation="Sagonas, Antonakos, Tzimiropoulos, Zafeiriou and Pantic (2016), 300 Faces "
    "In-The-Wild Challenge: Database and Results, Image and Vision Computing",
    obtain="""
        Download the parts of 300w.zip through the homepage, and unpack them here.
    """,
    tree="""
        300W/
            01_Indoor/indoor_001.png
            01_Indoor/indoor_001.pts
            02_Outdoor/outdoor_001.png
            ...
    """,
    split_field="split",
    no_group="the release does not tell which faces are of one person",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    homes = (root / "300W", root, root / "Test")
    folders = existing_paths(*(home / folder for home in homes for folder in PLACES))
    for key, image, folder in class_folders(folders[0].parent):
        if folder in PLACES:
            yield Row(key, image, PLACES[folder])


@dataset.task(
    """
    Is this an indoor or an outdoor photograph? Look at the light, the clothes and what is behind
    the person. Answer with the word indoor or outdoor.
    """,
    """
    Say whether the person in this photo is inside a building or in the open. Write indoor for the
    former and outdoor for the latter. The background, the light and the clothes are your clues.
    """,
    """
    Answer with one word, indoor or outdoor, to say where this portrait was taken, as far as the
    light, the clothes and the background show.
    """,
    """
    A portrait can be taken under a roof or under the sky, and the light, the clothing and the
    surroundings often show which. Where was this one taken? Reply indoor or outdoor.
    """,
    """
    Look behind the person and at how the face is lit. If the photo seems to come from a room, a
    hall or a stage, write indoor. If it seems to come from a street, a garden or another place in
    the open air, write outdoor.
    """,
    title="300w indoor outdoor classification",
    official_name="300w+human_portrait_classification",
    category="Scene Classification",
)
def human_portrait_classification(row: Row) -> Example:
    return Example(image=row.image, target=row.place)


INDOORS = ("television", "lamp", "clock", "refrigerator")
OUTDOORS = ("tree", "house", "car", "bicycle")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        folder = list(PLACES)[index % 2]
        name = f"{PLACES[folder]}_{index // 2 + 1:03d}"
        if index % 2:
            _, _, image = draw_backdrop("300w", index)
        else:
            image = draw_room("300w", index)
        thing = pick(OUTDOORS if index % 2 else INDOORS, 1, "300w", index, "thing")[0]
        draw_objects(image, (thing, thing), "300w", index)
        box = jitter_box(FRAME.part(0.2, 0.3, 0.8, 0.94), "300w", index, by=0.2)
        expression = pick(list(EXPRESSIONS), 1, "300w", index, "expression")[0]
        face(ImageDraw.Draw(image), box, expression)
        home = root / "300W" / folder
        write_image(home / f"{name}.png", image)
        write_lines(home / f"{name}.pts", ["version: 1", "n_points: 0", "{", "}"])
