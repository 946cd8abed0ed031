"""Ask a checkpoint questions, keep every answer, and score them.

Without `--benchmarks` these are the held-out questions of its build, each asked of its own picture,
of a grey one of the same size, and of the picture of another question, so that the scores tell
whether the model looks. Stopped at any moment, the same command goes on where it was.
"""

import argparse
from pathlib import Path

from visionflan.cli.shared.evaluate_args import add_selection_arguments, selection_from
from visionflan.cli.shared.log import log
from visionflan.cli.shared.parsers import add_names


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument(
        "model", type=Path, nargs="?", metavar="CKPT|RUN", help="a checkpoint, or a whole run"
    )
    who.add_argument("--demo", action="store_true", help="two rules that never look, on specimens")
    add_selection_arguments(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="where records go (in the run)")
    add_names(parser, "--stages", metavar="STAGE", description="(default: base and chat)")
    parser.add_argument(
        "--no-cache", dest="cache", action="store_false", help="ask again what was answered before"
    )
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--json", action="store_true", help="print the scores as JSON")


def run(given: argparse.Namespace) -> int:
    """Evaluate, and print the scores of each phase."""
    from visionflan.cli.score import score_demo
    from visionflan.cli.shared.score_tables import print_scores
    from visionflan.evaluate.aggregate.suites import suites
    from visionflan.evaluate.models.cached import CachedModel
    from visionflan.evaluate.models.checkpoint import CheckpointModel
    from visionflan.evaluate.plan import open_releases, plan_evaluations
    from visionflan.evaluate.records.paths import checkpoints
    from visionflan.evaluate.run import EvalSubject, evaluate

    wanted = selection_from(given)
    if given.demo:
        return score_demo(wanted.benchmarks, as_json=given.json)
    scores, folders = [], []
    opened = open_releases(wanted)
    for place in checkpoints(given.model, given.stages, given.out):
        answerer = CheckpointModel(place.checkpoint, given.device, batch_size=given.batch_size)
        subject = EvalSubject(
            model=CachedModel(answerer, place.response_cache) if given.cache else answerer,
            path=place.checkpoint,
            run=place.run.name,
            stage=place.stage,
        )
        for asked in plan_evaluations(wanted, place, opened):
            scores.append(evaluate(subject, asked.eval_set, asked.out, asked.settings, log))
            folders.append(asked.out)
            log(f"{place.stage}: {scores[-1]['records']} answers in {asked.out}")
    print_scores([*scores, *suites(folders)], as_json=given.json)
    return 0
