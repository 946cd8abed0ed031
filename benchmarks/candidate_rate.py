"""Measure the closed questions scored per second, with packed candidates and with separate rows.

A tiny language model behind a vision tower whose images have 576 tokens, as LLaVA-1.5's have. Run:
python benchmarks/candidate_rate.py [--candidates 100] [--questions 4] [--width 128] [--device cpu]
[--json]
"""

import argparse
import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from visionflan.model.families.llava import Llava
from visionflan.model.generate import Checkpoint
from visionflan.model.logprobs import candidate_logprobs
from visionflan.storage.instance import Turn

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.helpers.tiny_checkpoint import save_language_model, save_tower

PATCH = 8


def make_checkpoint(directory: Path, width: int) -> Path:
    """Save a checkpoint whose images have 24 by 24 tokens."""
    tower = save_tower(directory / "tower", side=24 * PATCH)
    language_model = save_language_model(directory / "language_model", width=width, positions=1024)
    vlm = Llava.build(tower, language_model)
    vlm.model.save_pretrained(directory / "joined")
    vlm.processor.save_pretrained(directory / "joined")
    return directory / "joined"


def measure_seconds(
    checkpoint: Checkpoint, questions: int, candidates: list[str], *, packed: bool
) -> float:
    """Return the seconds that scoring the candidates of some questions takes."""
    turns = [Turn("user", "<image>\nWhat is in the image?")]
    image = Image.new("RGB", (300, 200), "red")
    rows = [candidates] * questions
    if not packed:
        rows = [[candidate] for candidate in candidates] * questions
    start = time.perf_counter()
    candidate_logprobs(checkpoint, [turns] * len(rows), [[image]] * len(rows), rows, batch_size=64)
    return time.perf_counter() - start


def main() -> None:
    """Measure, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=100)
    parser.add_argument("--questions", type=int, default=4)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    candidates = [
        f"{['red', 'blue', 'green', 'circle'][n % 4]} {n}" for n in range(args.candidates)
    ]
    with TemporaryDirectory() as directory:
        checkpoint = Checkpoint.load(make_checkpoint(Path(directory), args.width), args.device)
        measure_seconds(checkpoint, 1, candidates[:2], packed=True)
        packed = measure_seconds(checkpoint, args.questions, candidates, packed=True)
        separate = measure_seconds(checkpoint, args.questions, candidates, packed=False)
    rate = args.questions / packed
    result = {
        "questions_per_second": rate,
        "separate": args.questions / separate,
        "ratio": separate / packed,
    }
    if args.json:
        print(json.dumps(result))
    else:
        print(
            f"{args.candidates} candidates: {rate:.2f} questions per second packed, "
            f"{result['separate']:.2f} in separate rows, {result['ratio']:.1f} times as fast"
        )


if __name__ == "__main__":
    main()
