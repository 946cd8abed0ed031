"""CLEVR: rendered scenes of simple solids, with generated questions, and questions by people.

Layout: the official archive, as torchvision (pytorch/vision, torchvision/datasets/clevr.py: the
URL, `images/<split>`, `scenes/CLEVR_<split>_scenes.json`) and the owners' own training code
(facebookresearch/clevr-iep, TRAINING.md and scripts/preprocess_questions.py: the question files and
their fields) read it. The test split has no answers and is not read; nor are the scenes.

`CLEVR+question_answer` is read from CLEVR-Humans: the published example of that task asks "What
color block is farthest back?", which no template of CLEVR's generator can make. Its two files lie
beside the release (clevr-iep, TRAINING.md) or among its questions (code that trains MAC networks
reads them there); without them that task has no rows. Its test file is left alone, since it was
not confirmed to hold answers.

The questions of one scene make one instance of each of the tasks on several questions. About a
third of all answers are yes or no, so a guess without the picture is often right.
"""

from collections.abc import Iterator
from pathlib import Path

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.layouts import clevr as layouts_clevr
from visionflan.layouts import require
from visionflan.layouts.clevr import ClevrQuestion, ClevrScene, read_questions, read_scenes
from visionflan.specimens.clevr import write_human_questions, write_scenes

dataset = Dataset[ClevrQuestion | ClevrScene](
    title="CLEVR",
    homepage="https://cs.stanford.edu/people/jcjohns/clevr/",
    license="CC-BY-4.0",
    terms="""
        The questions by people (CLEVR-Humans) come from another page of the same owners, on which
        no license was found.
    """,
    citation="Johnson, Hariharan, van der Maaten, Fei-Fei, Zitnick and Girshick (2017), CLEVR: A "
    "Diagnostic Dataset for Compositional Language and Elementary Visual Reasoning, CVPR",
    obtain="""
        Download CLEVR_v1.0.zip from https://dl.fbaipublicfiles.com/clevr/CLEVR_v1.0.zip and unpack
        it here; for the questions by people, also download CLEVR-Humans.zip from
        http://cs.stanford.edu/people/jcjohns/iep/.
    """,
    tree="""
        clevr/
          CLEVR_v1.0/
            images/{train,val,test}/CLEVR_train_000000.png
            questions/CLEVR_{train,val,test}_questions.json
            scenes/CLEVR_{train,val}_scenes.json
          CLEVR-Humans/CLEVR-Humans-{train,val,test}.json
    """,
    split_field="split",
    no_group="each scene is one image",
)


@dataset.reader
def read(root: Path) -> Iterator[ClevrQuestion | ClevrScene | BrokenRow]:
    release = require(root / "CLEVR_v1.0" / "questions", root / "questions").parent
    yield from read_scenes(release, "train", "val")
    for split in ("train", "val"):
        for folder in (root / "CLEVR-Humans", release / "questions", root):
            path = folder / f"CLEVR-Humans-{split}.json"
            if path.exists():
                images = release / "images" / split
                yield from read_questions(images, f"humans/{split}/", path, human_written=True)
                break


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    splits = {"train": count - count // 5, "val": count // 5}
    write_scenes(root / "CLEVR_v1.0", "CLEVR", splits)
    for split, pictures in splits.items():
        path = root / "CLEVR-Humans" / f"CLEVR-Humans-{split}.json"
        write_human_questions(path, "CLEVR", split, pictures)


@dataset.task(
    """
    This computer-generated scene contains cubes, spheres and cylinders, large and small, in eight
    colors, made of shiny metal or dull rubber. Answer the question about the scene with a single
    word, or with a number in digits.
    """,
    """
    What is the answer to the question below? It is about this rendered scene of cubes, spheres and
    cylinders, which differ in size, color and material (shiny metal or dull rubber). Give one word,
    or a number in digits.
    """,
    """
    Reply with one word, or with digits if the question below asks how many. It concerns the simple
    solids in this computer image: large or small, metal or rubber, in eight colors.
    """,
    """
    A computer drew some large and small shapes here, each in one of eight colors and made of rubber
    or metal. Check the shapes that the question below mentions, and write the answer as a single
    word or as a number in digits.
    """,
    """
    Examine the shapes, sizes, colors and materials of the objects in this synthetic image. Then
    answer the question below: digits for a number, a single word for anything else.
    """,
    official_name="Clevr+Question_Answering",
    title="CLEVR VQA in 3D rendered images",
    category="Perception",
)
def question_answering(row: ClevrQuestion | ClevrScene) -> Example | None:
    if isinstance(row, ClevrScene) or row.human_written:
        return None
    return Example(image=row.image, text=row.question, target=row.answer)


@dataset.task(
    """
    Several numbered questions are asked below about one computer-generated scene. Look at the image
    and answer all of them in turn, each with one word or number. Put the letter A, the number of
    the question and a colon before each answer, and a semicolon between the answers, for example:
    "A1: yes; A2: red; A3: cyan".
    """,
    official_name="Clevr+Multiple_Question_Answering",
    title="CLEVR VQA in 3D rendered images with multiple questions",
    category="Perception",
    metric="set_f1",
    published_form='"A1: X", a line for each answer',
)
def multiple_question_answering(row: ClevrQuestion | ClevrScene) -> Example | None:
    return layouts_clevr.answer_all_example(row)


@dataset.task(
    """
    The questions below are about the objects in the image. Their answers have been mixed up and are
    listed only once each, so one answer may belong to several questions. Work out from the image
    which answer belongs to which question. Write the pairs in the order of the questions, separated
    by semicolons, in the form "Q1-A2; Q2-A1; Q3-A3".
    """,
    official_name="Clevr+Question_Answer_Matching",
    title="CLEVR question answer matching",
    category="Perception",
    metric="set_f1",
)
def question_answer_matching(row: ClevrQuestion | ClevrScene) -> Example | None:
    return layouts_clevr.matching_example(row)


@dataset.task(
    """
    Two people are talking about this scene of geometric shapes. The earlier questions are given
    below with their answers; the last one is still open. Answer it in one word: yes or no, a number
    in digits, a shape, a color, a size or a material.
    """,
    """
    What is the answer to the last question below? It ends a conversation about this scene of cubes,
    spheres and cylinders, in which all other questions have been answered. Use one word, such as
    yes, no, a shape, a color, a size or a material, or give a number in digits.
    """,
    """
    In one word, or in digits for a number, answer the final question below. The questions before it
    have been answered already. All of them are about the geometric objects in the picture: whether
    there are any, how many, and their size, shape, color and material.
    """,
    """
    You have been answering somebody's questions about these geometric shapes. The conversation so
    far is below, and its last question is waiting for your reply. Give a single word (yes, no, a
    color, a size, a shape or a material) or a number in digits.
    """,
    """
    Read the conversation below up to the question without an answer, and look at the shapes in the
    image to find it. Write just that: a number in digits or one word, which may be yes, no, a size,
    a color, a material or a shape.
    """,
    official_name="Clevr+VQA_context",
    title="CLEVR visual dialogue in 3D rendered images",
    category="Visual Dialogue",
)
def vqa_context(row: ClevrQuestion | ClevrScene) -> Example | None:
    return layouts_clevr.last_question_example(row)


@dataset.task(
    """
    Someone looked at these blocks, balls and cylinders and asked the question below in their own
    words. Give the right answer as one word or a whole number in digits.
    """,
    official_name="CLEVR+question_answer",
    title="CLEVR VQA with questions written by people",
    category="Perception",
)
def question_answer(row: ClevrQuestion | ClevrScene) -> Example | None:
    if isinstance(row, ClevrScene) or not row.human_written:
        return None
    return Example(image=row.image, text=row.question, target=row.answer)
