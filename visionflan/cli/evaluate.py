"""Ask a checkpoint the held-out questions, keep every answer, and score them.

Each question is asked of its own picture, of a grey one of the same size, and of the picture of
another question, so that the scores tell whether the model looks. Stopped at any moment, the same
command goes on where it was.
"""

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument(
        "model", type=Path, nargs="?", metavar="CKPT|RUN", help="a checkpoint, or a whole run"
    )
    who.add_argument("--demo", action="store_true", help="two rules that never look, on specimens")
    parser.add_argument(
        "--build",
        type=Path,
        action="append",
        default=[],
        metavar="BUILD",
        help="what holds out the questions (those that the run was trained on)",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="where records go (in the run)")
    parser.add_argument("--phases", nargs="+", default=[], metavar="PHASE", help="(base and chat)")
    parser.add_argument("--tasks", nargs="+", default=[], metavar="A/*", help="these tasks only")
    parser.add_argument(
        "--conditions",
        nargs="+",
        choices=["true", "blank", "swapped"],
        default=["true", "blank", "swapped"],
        help="which pictures are shown (all three)",
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="about N items a task, in whole groups of images"
    )
    parser.add_argument("--max-new-tokens", type=int, default=64, metavar="N", help="(%(default)s)")
    parser.add_argument("--batch-size", type=int, default=64, metavar="N", help="(%(default)s)")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--json", action="store_true", help="print the scores as JSON")


def run(given: argparse.Namespace) -> int:
    """Evaluate, and print the scores of each phase."""
    if given.demo:
        from visionflan.cli.score import demo

        return demo(as_json=given.json)
    from visionflan.cli.score import show
    from visionflan.evaluate.answerer import CheckpointAnswerer
    from visionflan.evaluate.places import builds, checkpoints, matching
    from visionflan.evaluate.run import EvaluationSettings, Subject, evaluate

    scores = []
    for place in checkpoints(given.model, given.phases, given.out):
        held = builds(given.build, place.run)
        settings = EvaluationSettings(
            tasks=matching(given.tasks, held),
            conditions=tuple(given.conditions),
            limit=given.limit,
            max_new_tokens=given.max_new_tokens,
            batch_size=given.batch_size,
        )
        answerer = CheckpointAnswerer(place.checkpoint, given.device)
        subject = Subject(
            answerer=answerer, path=place.checkpoint, run=place.run.name, phase=place.phase
        )
        scores.append(evaluate(subject, held, place.out, settings))
        sys.stderr.write(f"{place.phase}: {scores[-1]['records']} answers in {place.out}\n")
    show(scores, as_json=given.json)
    return 0
