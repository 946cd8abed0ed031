"""Evaluate without a checkpoint: two rule-based models that ignore the image.

`majority` gives the most frequent training answer, `verbose` the same in a sentence. Both must
score the same under every image condition, and the same as each other under the lenient rule.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from PIL import Image

from visionflan.builder.demo import specimens
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.errors import EvaluationError
from visionflan.evaluate import benchmarks
from visionflan.evaluate.benchmark_release import BenchmarkRelease
from visionflan.evaluate.held_out import held_out_set
from visionflan.evaluate.records.files import BENCHMARKS, EVALUATION
from visionflan.evaluate.records.header import TrainingOverlap
from visionflan.evaluate.requests import EvalSet
from visionflan.evaluate.run import evaluate
from visionflan.evaluate.settings import EvaluationSettings
from visionflan.evaluate.subject import EvalSubject
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Turn

TASKS = ("coco/*", "vqa_rad/*", "iconqa/*")


class RuleReply(NamedTuple):
    """A generated answer."""

    text: str
    num_tokens: int
    finish_reason: str


class RuleBasedModel:
    """A model that gives the majority answer, or the first candidate of a benchmark's question."""

    precision = "rule"

    def __init__(self, eval_set: EvalSet, *, verbose: bool) -> None:
        self.verbose, self.digest = verbose, "verbose" if verbose else "majority"
        self.answers = {
            item.prompt: item.majority_answer or next(iter(item.candidates), "I do not know.")
            for items in eval_set.items.values()
            for item in items
        }

    def generate(
        self,
        conversations: Sequence[Sequence[Turn]],
        images: Sequence[Sequence[Image.Image]],
        max_new_tokens: int,
    ) -> Sequence[RuleReply]:
        """Return an answer to each question."""
        answers = [self.answers[turns[-1].text] for turns in conversations]
        if self.verbose:
            answers = [f"The answer is {answer}." for answer in answers]
        return [RuleReply(answer, len(answer.split()), "stop") for answer in answers]

    def prompt_tokens(self, conversations: Sequence[Sequence[Turn]]) -> list[list[int]]:
        """Return the bytes of each question as its token ids."""
        return [list(turns[-1].text.encode()) for turns in conversations]


@contextmanager
def demo_run(names: Sequence[str] = ()) -> Iterator[Path]:
    """Yield a temporary run whose two stages are the two models.

    They are evaluated on held-out specimens of a few datasets, or on those of some benchmarks.
    """
    with TemporaryDirectory(prefix="visionflan-demo-") as directory:
        run = Path(directory) / "demo"
        for name in names:
            release = specimen_release(name, Path(directory) / "benchmarks" / name)
            evaluate_both(release.eval_set(), run, f"{BENCHMARKS}/{{stage}}/{name}")
        if not names:
            with specimens(TASKS) as data_root:
                build(
                    data_root,
                    Path(directory) / "build",
                    BuildSettings(tasks=TASKS, hold_out_images=0.4),
                )
            eval_set = held_out_set([BuildDirectory(Path(directory) / "build")])
            evaluate_both(eval_set, run, f"{EVALUATION}/{{stage}}")
        yield run


def specimen_release(name: str, root: Path, *options: int) -> BenchmarkRelease:
    """Write the specimen of a benchmark and open it as a release; options are its own."""
    write = benchmarks.load(name).write_specimen
    if write is None:
        raise EvaluationError(f"the file of the benchmark {name} declares no specimen")
    root.mkdir(parents=True)
    write(root, *options)
    return BenchmarkRelease(name, root)


def evaluate_both(eval_set: EvalSet, run: Path, pattern: str) -> None:
    """Evaluate both models; `pattern` is the directory in the run, with `{stage}`."""
    eval_set = replace(eval_set, overlap=TrainingOverlap(known=True))  # rules see no image
    for stage, verbose in (("majority", False), ("verbose", True)):
        model = RuleBasedModel(eval_set, verbose=verbose)
        subject = EvalSubject(model=model, path=run, run=run.name, stage=stage)
        evaluate(subject, eval_set, run / pattern.format(stage=stage), EvaluationSettings())
