"""MMBench: multiple-choice questions on six abilities, asked once per rotation of the options.

Data: the owners' tab-separated tables (open-compass/MMBench), of which those of the dev split have
answers: `mmbench_dev_20230712.tsv`, which LLaVA's guide names, `mmbench_dev_en_20231003.tsv`,
`MMBench_DEV_EN.tsv` and `MMBench_DEV_EN_V11.tsv`, and their translations. Sources of the layout:
open-compass/VLMEvalKit at e8e78f0 (`vlmeval/dataset/image_base.py`, where a short `image` is the
index of the row that has it, and `vlmeval/dataset/image_mcq.py`, which has the digests below) and
haotian-liu/LLaVA (`llava/eval/model_vqa_mmbench.py`). The cells are read as text: a library that
reads "None" and "nan" as missing values drops options.

A row whose index is below a million is an original; the others rotate the options of the original
that the rest of the index names. A table of originals alone is rotated here as the toolkit's
`vlmeval/tools.py` does, which leaves out questions whose options speak of letters.

Scores: `circular` counts an original as right if every rotation is answered correctly (the owners'
CircularEval); `vanilla` uses the originals alone. Both come from the same run, and published
numbers are of either kind. The paper does not say which split it used.
"""

import base64
import csv
from collections import Counter
from collections.abc import Iterator
from hashlib import md5, sha256
from io import BytesIO, StringIO
from pathlib import Path
from string import ascii_uppercase

from visionflan.drawing import COLORS, FRAME, canvas, shape, word
from visionflan.errors import ReleaseError
from visionflan.evaluate.aggregate.measures import mean_score
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.benchmarks.mmbench.rules import (
    RUBRIC,
    circular_accuracy,
    is_original,
    official,
)
from visionflan.evaluate.benchmarks.mmbench.table import (
    ABILITIES,
    ROTATION_STEP,
    MMBenchQuestion,
    find_table,
    read_table,
    shifts,
)
from visionflan.evaluate.rules.multiple_choice import lenient
from visionflan.specimens import write_text

VERSIONS = {
    "b6caf1133a01c6bb705cf753bb527ed8": "MMBench_DEV_EN of version 1.0",
    "08b8fc3324a5ed74155350f57be69fbd": "MMBench_DEV_CN of version 1.0",
    "30c05be8f2f347a50be25aa067248184": "MMBench_DEV_EN of version 1.1",
    "593f9b5f6bea453d870a798b34ae4f37": "MMBench_DEV_CN of version 1.1",
}
LETTER_ONLY = "Answer with the option's letter from the given choices directly."


benchmark = Benchmark(
    title="MMBench",
    homepage="https://github.com/open-compass/MMBench",
    license="CC-BY-4.0",
    citation="Y. Liu et al. (2024), MMBench: Is Your Multi-modal Model an All-around Player?, ECCV",
    layout="""
        mmbench_dev_20230712.tsv   or another table of the dev split, and only one
    """,
    max_new_tokens=128,
    measures=(
        circular_accuracy("circular"),
        mean_score("vanilla", is_original),
        *(circular_accuracy(f"circular, {ability}", ability) for ability in ABILITIES.values()),
    ),
    rubric=RUBRIC,
)
benchmark.official(official)
benchmark.lenient(lenient)


@benchmark.reader
def read(root: Path) -> Iterator[BenchmarkRow]:
    """Read the originals and their rotations, which are made here if the table has none."""
    path = find_table(root)
    questions, images = read_table(path)
    if all(question.number < ROTATION_STEP for question in questions):
        rotations = [question.rotate(shift) for question in questions for shift in shifts(question)]
        for rotation in rotations:
            images[str(rotation.number)] = images[str(rotation.original)]
        questions += rotations
    num_rotations = Counter(question.original for question in questions)
    for question in questions:
        image = images[str(question.number)]
        image = images.get(image, image) if isinstance(image, str) else image
        if isinstance(image, str):
            raise ReleaseError(f"mmbench: {path} has no image for the index {question.number}")
        yield make_row(question, image, num_rotations[question.original])


def make_row(question: MMBenchQuestion, image: bytes, num_rotations: int) -> BenchmarkRow:
    """Return a row; its judge context is the question without the hint, which styles use too."""
    letters = tuple(ascii_uppercase[: len(question.options)])
    text = question.question
    return BenchmarkRow(
        part=question.part,
        key=str(question.number),
        question=f"{question.hint}\n{text}" if question.hint else text,
        target=question.options[question.correct],
        images=(image,),
        references=(letters[question.correct],),  # two options can have the same text
        options=question.options,
        candidates=letters,
        item_group=f"{question.original}/{num_rotations}",
        categories=(question.category,) if question.category else (),
        judge_context=text,
    )


@benchmark.version_reader
def version(root: Path) -> str:
    """Return the name of the table, and its version if the content is known."""
    path = find_table(root)
    content = path.read_bytes()
    known = VERSIONS.get(md5(content, usedforsecurity=False).hexdigest())
    label = known or f"unknown version, sha256 {sha256(content).hexdigest()[:12]}"
    return f"{path.name} ({label})"


def option_lines(row: BenchmarkRow) -> str:
    """Return the options, one per line after its letter."""
    pairs = zip(row.candidates, row.options, strict=True)
    return "\n".join(f"{letter}. {option}" for letter, option in pairs)


def hint(row: BenchmarkRow) -> str:
    """Return the text before the question."""
    return row.question.removesuffix(row.judge_context).removesuffix("\n")


@benchmark.style("llava")
def llava(row: BenchmarkRow) -> str:
    """Return the prompt of LLaVA-1.5."""
    return f"{row.question}\n{option_lines(row)}\n{LETTER_ONLY}"


@benchmark.style("vlmevalkit")
def vlmevalkit(row: BenchmarkRow) -> str:
    """Return the prompt of the owners' toolkit."""
    hinted = f"Hint: {hint(row)}\n" if hint(row) else ""
    closing = "Please select the correct answer from the options above. \n"
    return f"{hinted}Question: {row.judge_context}\nOptions:\n{option_lines(row)}\n{closing}"


@benchmark.style("lmms_eval")
def lmms_eval(row: BenchmarkRow) -> str:
    """Return the prompt of EvolvingLMMs-Lab/lmms-eval, with the last line of its configuration."""
    text = f"{hint(row)} {row.judge_context}" if hint(row) else row.judge_context
    return f"{text} There are several options:\n{option_lines(row)}\n\n{LETTER_ONLY}"


@benchmark.specimen
def specimen(root: Path) -> None:
    """Write six originals, one per ability, each with both rotations of its two options."""
    buffer = StringIO()
    names = ["index", "question", "hint", "A", "B", "answer", "category", "image"]
    writer = csv.writer(buffer, delimiter="\t", lineterminator="\n")
    writer.writerow([*names, "source", "l2-category", "split"])
    colors = list(COLORS)
    for index, ability in enumerate(ABILITIES):
        image = canvas("mmbench", ability)
        if index:
            color, wrong_color = colors[index], colors[index + 1]
            shape(image, "circle", color, FRAME.part(0.2, 0.2, 0.8, 0.8))
            question, options = "Which color is the circle?", [color, wrong_color]
            options = options[:: (-1) ** index]
        else:
            word(image, "None", FRAME.part(0.1, 0.3, 0.9, 0.7))
            question, options = "Which word is written?", ["None", "nan"]
        encoded = BytesIO()
        image.save(encoded, "PNG")
        image_cell = base64.b64encode(encoded.getvalue()).decode()
        text = "The picture was drawn by a program." if index == 1 else ""
        tail = ["specimen", ability, "dev"]
        letter, other_letter = ("B", "A") if index % 2 else ("A", "B")
        original = [question, text, *options, letter, "drawn", image_cell]
        rotated = [question, text, *reversed(options), other_letter, "drawn", index]
        writer.writerow([index, *original, *tail])
        writer.writerow([index + ROTATION_STEP, *rotated, *tail])
    write_text(root / "mmbench_dev_20230712.tsv", buffer.getvalue())
