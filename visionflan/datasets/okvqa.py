"""OK-VQA: questions about COCO photographs that need knowledge from outside the picture.

Layout: the authors of MultiInstruct (VT-NLP/MultiInstruct, download_scripts/ok_vqa.sh and
data_preprocessor/OKVQA.py) unpack `OpenEnded_mscoco_<split>2014_questions.json` and
`mscoco_<split>2014_annotations.json` into the folders train and val; open_flamingo keeps all four
files in one folder. Both are read. The annotation files name CC BY 4.0 as their license.

Each question has ten answers in two forms: as written (`raw_answer`) and lemmatised (`answer`), as
the maintainers of LAVIS note in salesforce/LAVIS issue 156. There is no answer marked as right. The
target is the lemma that most annotators gave, in the words that they most often wrote it in, so
that it reads as a person would say it; every reference is turned into words in the same way, so
that the agreement between annotators is that of their lemmas.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from visionflan import drawing, layouts, specimens
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import icons
from visionflan.hashing import pick, stable_hash
from visionflan.layouts import vqa as layouts_vqa
from visionflan.layouts.official_splits import split_of


class Row(NamedTuple):
    key: str
    image: Path
    question: str
    answer: str
    answers: tuple[str, ...]

    @property
    def split(self) -> str:
        """Return the official split; the owners test on the images of val2014."""
        return "test" if self.key.startswith("val2014/") else split_of(self.key)


dataset = Dataset[Row](
    title="OK-VQA",
    homepage="https://okvqa.allenai.org",
    license="CC-BY-4.0",
    terms="The photographs are those of COCO and keep the terms of Flickr.",
    citation="Marino, Rastegari, Farhadi, Mottaghi (2019), OK-VQA: A Visual Question Answering "
    "Benchmark Requiring External Knowledge, CVPR",
    obtain="""
        Download the questions and annotations of the training and testing splits from the download
        page of the homepage, and unpack them here. The images are train2014 and val2014 of COCO:
        put them here, or in a directory named coco beside this one.
    """,
    tree="""
        OpenEnded_mscoco_train2014_questions.json
        OpenEnded_mscoco_val2014_questions.json
        mscoco_train2014_annotations.json
        mscoco_val2014_annotations.json
        train2014/COCO_train2014_000000051606.jpg
        val2014/COCO_val2014_000000297147.jpg
    """,
    split_field="split",
    no_group="each image belongs to itself alone",
    neighbors=("coco",),
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    for pair in layouts_vqa.find_splits(root, "train", "val"):
        for vqa in layouts_vqa.read_split(pair):
            yield vqa if isinstance(vqa, BrokenRow) else in_words(root, pair.split, vqa)


def in_words(root: Path, split: str, vqa: layouts_vqa.VqaQuestion) -> Row:
    """Replace each lemma by the words that most annotators used for it."""
    written = Counter(zip(vqa.answers, vqa.raw_answers, strict=True))
    words = {lemma: raw for (lemma, raw), _ in reversed(written.most_common())}
    answers = tuple(words[lemma] for lemma in vqa.answers)
    image = layouts.coco_image(root, split, vqa.image_id)
    return Row(vqa.key, image, vqa.question, words.get(vqa.answer, vqa.answer), answers)


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    records = []
    for index in range(count):
        order = stable_hash("okvqa", index // len(FACTS), "order")
        thing, question, lemma, raw, other = FACTS[(index + order) % len(FACTS)]
        color = pick(("red", "blue", "green", "purple", "orange", "brown"), 1, "okvqa", index)[0]
        picture = drawing.canvas("okvqa", index)
        box = drawing.jitter_box(drawing.FRAME.part(0.02, 0.02, 0.98, 0.98), "okvqa", index, by=0.3)
        icons.icon(picture, thing, box, color)
        image_id = index + 1
        name = f"train2014/COCO_train2014_{image_id:012d}.jpg"
        specimens.write_image(root / name, picture)
        variants = [(lemma, lemma)] * 4 + [(lemma, raw)] * 3 + [(other, other)] * 3
        answers = [
            {"answer_id": n, "raw_answer": wrote, "answer_confidence": "yes", "answer": means}
            for n, (means, wrote) in enumerate(variants, start=1)
        ]
        records.append(
            {
                "image_id": image_id,
                "question": question,
                "question_id": 10 * image_id + 5,
                "question_type": "other",
                "answer_type": "other",
                "answers": answers,
            }
        )
    names = ("OpenEnded_mscoco_train2014_questions.json", "mscoco_train2014_annotations.json")
    pair = layouts_vqa.SplitFiles("train2014", root / names[0], root / names[1])
    layouts_vqa.write_split(pair, records)


SOUND = "What sound does this animal make?"
TRAVEL = "What does this vehicle move on or through?"
KEPT = "In which room of a house does this usually stand?"
# What is drawn, what is asked, the usual answer, the same in another form, and another answer.
FACTS = (
    ("dog", SOUND, "bark", "barking", "woof"),
    ("car", TRAVEL, "road", "roads", "street"),
    ("bed", KEPT, "bedroom", "the bedroom", "hotel room"),
    ("cat", SOUND, "meow", "meows", "purr"),
    ("boat", TRAVEL, "water", "the water", "sea"),
    ("oven", KEPT, "kitchen", "the kitchen", "bakery"),
    ("cow", SOUND, "moo", "mooing", "low"),
    ("airplane", TRAVEL, "air", "the air", "sky"),
    ("sofa", KEPT, "living room", "the living room", "lounge"),
    ("sheep", SOUND, "baa", "baas", "bleat"),
    ("train", TRAVEL, "rails", "railway", "tracks"),
    ("toilet", KEPT, "bathroom", "the bathroom", "restroom"),
)


@dataset.task(
    """
    The picture alone does not answer the question below; you also need general knowledge. Work out
    what the question refers to in the picture, recall what you know about it, and answer with a
    word or a short phrase.
    """,
    """
    What is the answer to the question below? Identify the thing in the picture that it is about,
    and then use facts that are not in the picture. A word or a short phrase is enough.
    """,
    """
    In a word or a short phrase, answer the question below from what you see and from what you know
    about the world.
    """,
    """
    Good eyes are not enough for the question below, because it is about this picture and also about
    the world in general. Find out what it refers to, think of the relevant fact, and write only
    that word or short phrase.
    """,
    """
    You are taking part in a picture quiz. For the question below, the picture gives the clue, and
    your general knowledge has to do the rest. Reply as briefly as you can, with one word or a short
    phrase.
    """,
    official_name="ok_vqa",
    title="OK-VQA outside knowledge VQA",
    category="Outside Knowledge",
    metric="vqa_accuracy",
)
def ok_vqa(row: Row) -> Example:
    return Example(image=row.image, text=row.question, target=row.answer, references=row.answers)
