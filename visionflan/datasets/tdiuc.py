"""TDIUC: questions about COCO photographs, sorted by the kind of understanding that they need.

Layout: the authors of MultiInstruct (VT-NLP/MultiInstruct, data_preprocessor/TDIUC.py) read
`Questions/OpenEnded_mscoco_<split>2014_questions.json` and
`Annotations/mscoco_<split>2014_annotations.json`, where each annotation has a `question_type` and
exactly one answer; code that reads the archive itself finds both folders under `TDIUC/`. Both
places are read. The archive's JSON names CC BY 4.0 as its license, as code that cites it reports.

Of the twelve types the absurd questions (about things that are not in the picture, answered
`doesnotapply`) are no task of the paper and are left out. The paper's list attributes the type
`attribute` to Visual7W; the released instance of `VQA_attribute` is a COCO image with a question
number of TDIUC's form, and MultiInstruct makes that task from TDIUC.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from visionflan import layouts, specimens
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.layouts import vqa as layouts_vqa
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import tdiuc as specimens_tdiuc


class Row(NamedTuple):
    key: str
    image: Path
    question: str
    answer: str
    kind: str

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="TDIUC",
    homepage="https://kushalkafle.com/projects/tdiuc.html",
    license="CC-BY-4.0",
    terms="The photographs are those of COCO and keep the terms of Flickr.",
    citation="Kafle, Kanan (2017), An Analysis of Visual Question Answering Algorithms, ICCV",
    obtain="""
        Download TDIUC.zip from the homepage and unpack it here. The images are train2014 and
        val2014 of COCO: put them here, or in a directory named coco beside this one.
    """,
    tree="""
        Annotations/mscoco_train2014_annotations.json
        Annotations/mscoco_val2014_annotations.json
        Questions/OpenEnded_mscoco_train2014_questions.json
        Questions/OpenEnded_mscoco_val2014_questions.json
        train2014/COCO_train2014_000000279377.jpg
        val2014/COCO_val2014_000000000042.jpg
    """,
    split_field="split",
    no_group="each image belongs to itself alone",
    neighbors=("coco",),
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    folders = ("Questions", "Annotations", "TDIUC/Questions", "TDIUC/Annotations")
    for pair in layouts_vqa.find_splits(root, *folders):
        for vqa in layouts_vqa.read_split(pair):
            if isinstance(vqa, BrokenRow):
                yield vqa
            else:
                image = layouts.coco_image(root, pair.split, vqa.image_id)
                yield Row(vqa.key, image, vqa.question, vqa.answer, vqa.question_type)


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    records: list[dict[str, Any]] = []
    for index in range(count):
        image_id = index + 1
        picture, dialogue = specimens_tdiuc.draw_scene(index)
        name = f"train2014/COCO_train2014_{image_id:012d}.jpg"
        specimens.write_image(root / name, picture)
        for vqa in dialogue:
            answer = {"answer": vqa.answer, "answer_confidence": "yes", "answer_id": 1}
            records.append(
                {
                    "image_id": image_id,
                    "question": vqa.question,
                    "question_id": 10_000_000 + len(records),
                    "question_type": vqa.question_type,
                    "ans_source": "generation",
                    "answers": [answer],
                }
            )
    pair = layouts_vqa.SplitFiles(
        "train2014",
        root / "Questions/OpenEnded_mscoco_train2014_questions.json",
        root / "Annotations/mscoco_train2014_annotations.json",
    )
    layouts_vqa.write_split(pair, records)


def answered(row: Row, kind: str) -> Example | None:
    """Make an example of the question if it is of this type."""
    if row.kind != kind:
        return None
    return Example(image=row.image, text=row.question, target=row.answer)


@dataset.task(
    """
    What color is the thing that the question asks about? Find it in the photograph and name its
    main color, usually with a single word.
    """,
    official_name="VQA_color",
    title="VQA color",
    category="Perception",
)
def vqa_color(row: Row) -> Example | None:
    return answered(row, "color")


@dataset.task(
    """
    The question below asks what a person or an animal in the scene is doing. Answer with a verb
    ending in -ing, and add its object only if the verb alone would not be clear.
    """,
    official_name="VQA_activity_recognition",
    title="VQA activity recognition",
    category="Perception",
)
def vqa_activity_recognition(row: Row) -> Example | None:
    return answered(row, "activity_recognition")


@dataset.task(
    """
    Go through the picture from one side to the other and count what the question asks for. Give
    only the number, in digits.
    """,
    """
    How many are there? Read the question below to see what has to be counted, count it in the
    picture, and reply with a number in digits.
    """,
    """
    Write one number in digits as the answer to the question below. Count carefully: some of the
    things may be small, overlap or lie partly outside the picture.
    """,
    """
    The question below asks for the number of certain things in this image. Find every one of them,
    and answer with digits and no words.
    """,
    """
    You are taking stock of what is in this photo. One kind of thing is named in the question below.
    Enter the count of that kind in digits.
    """,
    official_name="VQA_counting",
    title="VQA counting",
    category="Perception",
)
def vqa_counting(row: Row) -> Example | None:
    return answered(row, "counting")


@dataset.task(
    """
    Search the image for the object that the question mentions, and reply yes if it appears anywhere
    or no if it does not.
    """,
    """
    Is the object in the question below anywhere in this image? Answer yes or no.
    """,
    """
    Answer the question below with yes if you can find the object that it names somewhere in the
    picture, large or small, and with no otherwise.
    """,
    """
    Look at every part of the photo, the background too, and check whether it has what the question
    below asks about. One word is wanted, yes or no.
    """,
    """
    You are verifying the labels of a photo collection. The question below names an object. If this
    photo contains it, write yes; if it does not, write no.
    """,
    official_name="VQA_object_presence",
    title="VQA object presence",
    category="Perception",
)
def vqa_object_presence(row: Row) -> Example | None:
    return answered(row, "object_presence")


@dataset.task(
    """
    Identify the object that the question below describes, and give its everyday name without an
    article.
    """,
    official_name="VQA_object_recognition",
    title="VQA object recognition",
    category="Perception",
)
def vqa_object_recognition(row: Row) -> Example | None:
    return answered(row, "object_recognition")


@dataset.task(
    """
    The question is about where things are: left or right, above or below, in front of or behind
    something else, as the camera sees it. Use one or two words to answer.
    """,
    official_name="VQA_positional_reasoning",
    title="VQA positional reasoning",
    category="Perception",
)
def vqa_positional_reasoning(row: Row) -> Example | None:
    return answered(row, "positional_reasoning")


@dataset.task(
    """
    Consider the surroundings as a whole, such as the kind of room or landscape, the weather or the
    time of day, and answer the question in a word or two.
    """,
    official_name="VQA_scene_recognition",
    title="VQA scene recognition",
    category="Perception",
)
def vqa_scene_recognition(row: Row) -> Example | None:
    return answered(row, "scene_recognition")


@dataset.task(
    """
    Judge the mood by faces, gestures and posture. The answer to the question is a single word: the
    feeling, or yes or no if the question asks for that.
    """,
    official_name="VQA_sentiment_understanding",
    title="VQA sentiment understanding",
    category="Perception",
    sensitive=True,
)
def vqa_sentiment_understanding(row: Row) -> Example | None:
    return answered(row, "sentiment_understanding")


@dataset.task(
    """
    Clothing, equipment and the field or court tell you which sport it is. Give the common name of
    the sport that the question asks about.
    """,
    official_name="VQA_sport_recognition",
    title="VQA sport recognition",
    category="Perception",
)
def vqa_sport_recognition(row: Row) -> Example | None:
    return answered(row, "sport_recognition")


@dataset.task(
    """
    Think about what the objects in this picture are used for and what people can do with them, and
    answer the question in no more than three words.
    """,
    official_name="VQA_utility_affordance",
    title="VQA utility affordance",
    category="Perception",
)
def vqa_utility_affordance(row: Row) -> Example | None:
    return answered(row, "utility_affordance")


@dataset.task(
    """
    The question below is about a property of something in the image, for instance its material, its
    shape, its pattern or its size. Describe that property with one adjective or noun.
    """,
    official_name="VQA_attribute",
    title="Visual7W VQA object attribute",
    category="Perception",
)
def vqa_attribute(row: Row) -> Example | None:
    return answered(row, "attribute")
