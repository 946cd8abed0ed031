"""Measure the questions answered per second, in batches and one by one.

Both arms use the same checkpoint, questions and images and alternate within one run; their answers
must be equal. The model is small and its weights are random, so no answer ends before the limit of
tokens: batches gain most where answers end together. Run:
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

from visionflan.drawing import COLORS, FRAME, SHAPES, canvas, shape
from visionflan.model.families.llava import Llava
from visionflan.model.generate import Checkpoint, GeneratedAnswer, generate_answers
from visionflan.storage.instance import Turn

SIZES = {"hidden_size": 384, "intermediate_size": 1024, "num_attention_heads": 6}
TEXTS = (
    "What is drawn here?",
    "Which color has the shape in the image?",
    "Name the shape and its color, and say whether it is large or small.",
    "Describe the image in one sentence, and then say what else could have been drawn there.",
)


class Questions(NamedTuple):
    """Conversations, and the image of each."""

    conversations: list[list[Turn]]
    images: list[list[Image.Image]]


def make_questions(count: int) -> Questions:
    """Return questions of several lengths about drawn shapes."""
    shapes, colors = list(SHAPES), list(COLORS)
    questions = Questions([], [])
    for index in range(count):
        image = canvas("generation_rate", index)
        name, color = shapes[index % len(shapes)], colors[index % len(colors)]
        shape(image, name, color, FRAME.part(0.1, 0.1, 0.9, 0.9))
        questions.images.append([image])
        questions.conversations.append([Turn("user", f"<image>\n{TEXTS[index % len(TEXTS)]}")])
    return questions


def make_checkpoint(directory: Path) -> Checkpoint:
    """Return a checkpoint whose parts have random weights."""
    torch.manual_seed(0)
    write_parts(directory, TEXTS, SIZES)
    vlm = Llava.build(directory / "tower", directory / "language_model", chat_template="plain")
    vlm.model.save_pretrained(directory / "joined")
    vlm.processor.save_pretrained(directory / "joined")
    return Checkpoint.load(directory / "joined", "cpu")


class TimedAnswers(NamedTuple):
    """Answers, and their rate per second of wall-clock time and of CPU time."""

    answers: list[GeneratedAnswer]
    per_second: float
    per_cpu_second: float


def time_answers(
    checkpoint: Checkpoint, questions: Questions, batch_size: int, max_new_tokens: int
) -> TimedAnswers:
    """Answer all questions; on a busy machine CPU time is steadier than wall-clock time."""
    start, start_cpu = time.perf_counter(), time.process_time()
    answers = generate_answers(
        checkpoint,
        questions.conversations,
        questions.images,
        max_new_tokens=max_new_tokens,
        batch_size=batch_size,
    )
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    return TimedAnswers(answers, len(answers) / seconds, len(answers) / cpu_seconds)


def compare(directory: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Return the median rate of each arm, and the medians of the ratios of the rounds."""
    checkpoint, questions = make_checkpoint(directory), make_questions(args.questions)
    warm_up = Questions(questions.conversations[: args.batch], questions.images[: args.batch])
    rounds: list[tuple[TimedAnswers, TimedAnswers]] = []
    for number in range(args.rounds + 1):
        subset = questions if number else warm_up
        single = time_answers(checkpoint, subset, 1, args.tokens)
        batched = time_answers(checkpoint, subset, args.batch, args.tokens)
        if single.answers != batched.answers:
            raise SystemExit("answers in a batch differ from those generated one by one")
        if number:
            rounds.append((single, batched))
    ratios = [fast.per_second / slow.per_second for slow, fast in rounds]
    cpu_ratios = [fast.per_cpu_second / slow.per_cpu_second for slow, fast in rounds]
    return {
        **vars(args),
        "one_by_one_per_second": statistics.median(slow.per_second for slow, _ in rounds),
        "batched_per_second": statistics.median(fast.per_second for _, fast in rounds),
        "ratios": ratios,
        "ratio": statistics.median(ratios),
        "ratio_of_cpu_time": statistics.median(cpu_ratios),
    }


def main() -> None:
    """Measure, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with TemporaryDirectory(prefix="visionflan-rate-") as directory:
        result = compare(Path(directory), args)
    if args.json:
        print(json.dumps(result, indent=1))
        return
    print(
        f"{result['questions']} questions, {result['tokens']} tokens per answer, "
        f"{args.threads} threads: {result['one_by_one_per_second']:.1f} per second one by one, "
        f"{result['batched_per_second']:.1f} in batches of {result['batch']}, "
        f"{result['ratio']:.2f} x by wall-clock time, "
        f"{result['ratio_of_cpu_time']:.2f} x by CPU time (medians of {args.rounds} rounds, "
        "all answers equal)"
    )


if __name__ == "__main__":
    main()
