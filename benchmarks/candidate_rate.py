"""How fast the candidates of closed questions are weighed, beside a row for each of them.

A tiny language model behind a tower whose pictures are 576 tokens long, as LLaVA-1.5's are; the
same candidates together in one row, and each in a row of its own. Run: python
benchmarks/candidate_rate.py [--candidates 100] [--questions 4] [--width 128] [--device cpu]
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
from visionflan.model.generate import Checkpoint, load_checkpoint
from visionflan.model.logprobs import candidate_logprobs
from visionflan.storage.instance import Turn

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.helpers.tiny_checkpoint import save_language_model, save_tower

PATCH = 8


def made(folder: Path, width: int) -> Path:
    """Make a checkpoint whose pictures are 24 by 24 tokens."""
    tower = save_tower(folder / "tower", side=24 * PATCH)
    words = save_language_model(folder / "words", width=width, positions=1024)
    vlm = Llava.build(tower, words)
    vlm.model.save_pretrained(folder / "joined")
    vlm.processor.save_pretrained(folder / "joined")
    return folder / "joined"


def seconds(checkpoint: Checkpoint, questions: int, candidates: list[str], *, apart: bool) -> float:
    """Tell how long it takes to weigh the candidates of some questions."""
    turns = [Turn("user", "<image>\nWhat is in the picture?")]
    image = Image.new("RGB", (300, 200), "red")
    asked = [candidates] * questions
    if apart:
        asked = [[each] for each in candidates] * questions
    began = time.perf_counter()
    candidate_logprobs(
        checkpoint, [turns] * len(asked), [[image]] * len(asked), asked, batch_size=64
    )
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=100)
    parser.add_argument("--questions", type=int, default=4)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    words = [f"{['red', 'blue', 'green', 'circle'][n % 4]} {n}" for n in range(given.candidates)]
    with TemporaryDirectory() as folder:
        checkpoint = load_checkpoint(made(Path(folder), given.width), given.device)
        seconds(checkpoint, 1, words[:2], apart=False)
        together = seconds(checkpoint, given.questions, words, apart=False)
        apart = seconds(checkpoint, given.questions, words, apart=True)
    rate = given.questions / together
    found = {
        "questions_per_second": rate,
        "apart": given.questions / apart,
        "ratio": apart / together,
    }
    if given.json:
        print(json.dumps(found))
    else:
        print(
            f"{given.candidates} candidates: {rate:.2f} questions a second together, "
            f"{found['apart']:.2f} apart, {found['ratio']:.1f} times as fast"
        )


if __name__ == "__main__":
    main()
