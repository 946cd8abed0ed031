"""How many questions a second a checkpoint answers in batches, beside one by one.

The same checkpoint, questions and pictures in both arms, which take turns within one run; the
answers must be the same. The model is small and its weights are drawn, so that no answer ends
before the limit of tokens: batches gain most where answers end together. Run:
python benchmarks/generation_rate.py [--questions 64] [--rounds 5] [--batch 16] [--json]
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from PIL import Image
from training_rate import write_parts

from visionflan.drawing import COLORS, SHAPES, WHOLE, canvas, shape
from visionflan.model.families.llava import Llava
from visionflan.model.generate import Checkpoint, GeneratedAnswer, generate_answers, load_checkpoint
from visionflan.storage.instance import Turn

SIZES = {"hidden_size": 384, "intermediate_size": 1024, "num_attention_heads": 6}
WORDS = (
    "What is drawn here?",
    "Which colour has the shape in the picture?",
    "Name the shape and its colour, and say whether it is large or small.",
    "Describe the picture in one sentence, and then say what else could have been drawn there.",
)


class Asked(NamedTuple):
    """Questions, and the picture of each."""

    conversations: list[list[Turn]]
    images: list[list[Image.Image]]


def draw(questions: int) -> Asked:
    """Ask about drawn shapes in questions of several lengths."""
    shapes, colors = list(SHAPES), list(COLORS)
    asked = Asked([], [])
    for place in range(questions):
        picture = canvas("generation_rate", place)
        name, color = shapes[place % len(shapes)], colors[place % len(colors)]
        shape(picture, name, color, WHOLE.part(0.1, 0.1, 0.9, 0.9))
        asked.images.append([picture])
        asked.conversations.append([Turn("user", f"<image>\n{WORDS[place % len(WORDS)]}")])
    return asked


def make(folder: Path) -> Checkpoint:
    """Join a tower and a language model whose weights are drawn."""
    torch.manual_seed(0)
    write_parts(folder, WORDS, SIZES)
    vlm = Llava.build(folder / "tower", folder / "words", chat_template="plain")
    vlm.model.save_pretrained(folder / "joined")
    vlm.processor.save_pretrained(folder / "joined")
    return load_checkpoint(folder / "joined", "cpu")


class Timed(NamedTuple):
    """Answers, and how many there were a second: by the clock, and of the processor's time."""

    answers: list[GeneratedAnswer]
    per_second: float
    per_cpu_second: float


def timed(checkpoint: Checkpoint, asked: Asked, batch: int, tokens: int) -> Timed:
    """Answer all questions; a busy machine disturbs the clock more than the processor's time."""
    began, began_cpu = time.perf_counter(), time.process_time()
    said = generate_answers(
        checkpoint, asked.conversations, asked.images, max_new_tokens=tokens, batch_size=batch
    )
    spent, spent_cpu = time.perf_counter() - began, time.process_time() - began_cpu
    return Timed(said, len(said) / spent, len(said) / spent_cpu)


def compare(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Give the median rate of each arm, and the medians of the ratios of the rounds."""
    checkpoint, asked = make(folder), draw(given.questions)
    warm = Asked(asked.conversations[: given.batch], asked.images[: given.batch])
    rounds: list[tuple[Timed, Timed]] = []
    for number in range(given.rounds + 1):
        these = asked if number else warm
        alone = timed(checkpoint, these, 1, given.tokens)
        together = timed(checkpoint, these, given.batch, given.tokens)
        if alone.answers != together.answers:
            raise SystemExit("answers in a batch are not those given one by one")
        if number:
            rounds.append((alone, together))
    ratios = [fast.per_second / slow.per_second for slow, fast in rounds]
    of_cpu = [fast.per_cpu_second / slow.per_cpu_second for slow, fast in rounds]
    return {
        **vars(given),
        "one_by_one_per_second": statistics.median(slow.per_second for slow, _ in rounds),
        "batched_per_second": statistics.median(fast.per_second for _, fast in rounds),
        "ratios": ratios,
        "ratio": statistics.median(ratios),
        "ratio_of_cpu_time": statistics.median(of_cpu),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with TemporaryDirectory(prefix="visionflan-rate-") as folder:
        result = compare(Path(folder), given)
    if given.json:
        print(json.dumps(result, indent=1))
        return
    print(
        f"{result['questions']} questions, {result['tokens']} tokens an answer, "
        f"{given.threads} threads: {result['one_by_one_per_second']:.1f} a second one by one, "
        f"{result['batched_per_second']:.1f} in batches of {result['batch']}, "
        f"{result['ratio']:.2f} x by the clock, {result['ratio_of_cpu_time']:.2f} x of the "
        f"processor's time (medians of {given.rounds} rounds, all answers the same)"
    )


if __name__ == "__main__":
    main()
