"""CLEVR-CoGenT: the scenes and questions of CLEVR, with colors that are tied to shapes.

In condition A all cubes are grey, blue, brown or yellow and all cylinders red, green, purple or
cyan; in condition B it is the other way round; balls have any color. Models are trained on A and
then tested on both, so that a color learned along with a shape shows.

Layout: the owners' page tells of the two conditions. Several training codes, none of them the
owners', read `CLEVR_CoGenT_v1.0/questions/CLEVR_<split>_questions.json` and `images/<split>` for
trainA, valA and valB with the fields of CLEVR; published instances of the tasks show pictures such
as `CLEVR_trainA_015561.png`. The two test splits have no answers and are not read.

The target of the matching task is written with separators ("Q1-A2; Q2-A1"), where the published
instances run the numbers together, so that a list of pairs can be told from its text.
"""

from collections.abc import Iterator
from pathlib import Path

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.layouts import clevr as layouts_clevr
from visionflan.layouts import require
from visionflan.layouts.clevr import ClevrQuestion, ClevrScene, read_scenes
from visionflan.specimens.clevr import COLOR_NAMES, Allowed, write_scenes

dataset = Dataset[ClevrQuestion | ClevrScene](
    title="CLEVR-CoGenT",
    homepage="https://cs.stanford.edu/people/jcjohns/clevr/",
    license="CC-BY-4.0",
    citation="Johnson, Hariharan, van der Maaten, Fei-Fei, Zitnick and Girshick (2017), CLEVR: A "
    "Diagnostic Dataset for Compositional Language and Elementary Visual Reasoning, CVPR",
    obtain="""
        Download CLEVR_CoGenT_v1.0.zip from
        https://dl.fbaipublicfiles.com/clevr/CLEVR_CoGenT_v1.0.zip and unpack it here.
    """,
    tree="""
        clevr_cogent/
          CLEVR_CoGenT_v1.0/
            images/{trainA,valA,valB,testA,testB}/CLEVR_trainA_000000.png
            questions/CLEVR_{trainA,valA,valB,testA,testB}_questions.json
            scenes/CLEVR_{trainA,valA,valB}_scenes.json
    """,
    split_field="split",
    no_group="each scene is one image",
)


@dataset.reader
def read(root: Path) -> Iterator[ClevrQuestion | ClevrScene | BrokenRow]:
    release = require(root / "CLEVR_CoGenT_v1.0" / "questions", root / "questions").parent
    yield from read_scenes(release, "trainA", "valA", "valB")


CUBES_OF_A = ("gray", "blue", "brown", "yellow")
CYLINDERS_OF_A = ("red", "green", "purple", "cyan")
CONDITION_A: Allowed = {"cube": CUBES_OF_A, "cylinder": CYLINDERS_OF_A, "sphere": COLOR_NAMES}
CONDITION_B: Allowed = {"cube": CYLINDERS_OF_A, "cylinder": CUBES_OF_A, "sphere": COLOR_NAMES}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    splits = {"trainA": count - 2 * (count // 5), "valA": count // 5, "valB": count // 5}
    conditions = {"trainA": CONDITION_A, "valA": CONDITION_A, "valB": CONDITION_B}
    write_scenes(root / "CLEVR_CoGenT_v1.0", "CLEVR", splits, conditions)


@dataset.task(
    """
    Solids of three shapes stand on a plain floor in this rendered picture. Reply to the question
    with just one word, or with digits if it asks for a number.
    """,
    official_name="CLEVR_CoGenT+Question_Answering",
    title="CLEVR-CoGenT VQA in 3D rendered images",
    category="Perception",
)
def question_answering(row: ClevrQuestion | ClevrScene) -> Example | None:
    if isinstance(row, ClevrScene):
        return None
    return Example(image=row.image, text=row.question, target=row.answer)


@dataset.task(
    """
    Answer each of the numbered questions below about the things in this synthetic scene. For every
    question, write the letter A with its number, a colon and your answer of one word or number, and
    separate the answers with semicolons, as in "A1: no; A2: 1; A3: cube".
    """,
    official_name="CLEVR_CoGenT+Multiple_Question_Answering",
    title="CLEVR-CoGenT VQA in 3D rendered images with multiple questions",
    category="Perception",
    metric="set_f1",
    published_form='"A1: X", a line for each answer',
)
def multiple_question_answering(row: ClevrQuestion | ClevrScene) -> Example | None:
    return layouts_clevr.answer_all_example(row)


@dataset.task(
    """
    Below are questions (Q) about the objects in the picture and a list of answers (A) in no
    particular order. Find the right answer to every question; an answer may be used more than once.
    Write the number of each question with that of its answer, in the order of the questions, like
    this: "Q1-A3; Q2-A2; Q3-A1".
    """,
    official_name="CLEVR_CoGenT+Question_Answer_Matching",
    title="CLEVR-CoGenT question answer matching",
    category="Perception",
    metric="set_f1",
    published_form='"Q1A5", a line for each question',
)
def question_answer_matching(row: ClevrQuestion | ClevrScene) -> Example | None:
    return layouts_clevr.matching_example(row)


@dataset.task(
    """
    What has been said so far about these colored solids is written below, each question with its
    correct answer. Continue by answering the final question with a single word or number.
    """,
    official_name="CLEVR_CoGenT+VQA_context",
    title="CLEVR-CoGenT visual dialogue in 3D rendered images",
    category="Visual Dialogue",
)
def vqa_context(row: ClevrQuestion | ClevrScene) -> Example | None:
    return layouts_clevr.last_question_example(row)
