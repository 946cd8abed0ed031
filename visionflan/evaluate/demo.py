"""Show evaluation without a checkpoint: two models made of rules, which never look.

`rote` says what training said most, `talker` the same in a sentence. Both must score the same on
true, grey and swapped pictures, and `talker` the same as `rote` by the lenient rule.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
from visionflan.evaluate.held_out import held_out
from visionflan.evaluate.records.paths import BENCHMARKS, EVALUATION
from visionflan.evaluate.requests import EvalSet
from visionflan.evaluate.run import EvalSubject, EvaluationSettings, evaluate
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Turn

TASKS = ("coco/*", "vqa_rad/*", "iconqa/*")


class RuleReply(NamedTuple):
    """An answer as a model gives it."""

    text: str
    num_tokens: int
    finish_reason: str


class RuleBasedModel:
    """A model that answers by a rule, whatever it is shown.

    It says what training said most of a task; of a benchmark, the first of the closed answers.
    """

    precision = "rule"

    def __init__(self, chosen: EvalSet, *, talks: bool) -> None:
        self.talks, self.digest = talks, "talker" if talks else "rote"
        self.answers = {
            item.prompt: item.majority_answer or next(iter(item.candidates), "I do not know.")
            for items in chosen.items.values()
            for item in items
        }

    def generate(
        self,
        conversations: Sequence[Sequence[Turn]],
        images: Sequence[Sequence[Image.Image]],
        max_new_tokens: int,
    ) -> Sequence[RuleReply]:
        """Answer each question without a look."""
        said = [self.answers[turns[-1].text] for turns in conversations]
        if self.talks:
            said = [f"The answer is {answer}." for answer in said]
        return [RuleReply(answer, len(answer.split()), "stop") for answer in said]

    def prompt_tokens(self, conversations: Sequence[Sequence[Turn]]) -> list[list[int]]:
        """Take the letters of a question for its tokens."""
        return [list(turns[-1].text.encode()) for turns in conversations]


@contextmanager
def demo_run(names: Sequence[str] = ()) -> Iterator[Path]:
    """Give a run whose two phases are the two rules, then remove it.

    They are asked what a build of specimens holds out, or the specimens of benchmarks.
    """
    with TemporaryDirectory(prefix="visionflan-demo-") as folder:
        run = Path(folder) / "demo"
        for name in names:
            release = specimen_release(name, Path(folder) / "benchmarks" / name)
            ask_both(release.chosen(), run, f"{BENCHMARKS}/{{phase}}/{name}")
        if not names:
            with specimens(TASKS) as data_root:
                build(
                    data_root,
                    Path(folder) / "build",
                    BuildSettings(tasks=TASKS, hold_out_images=0.4),
                )
            held = held_out([BuildDirectory(Path(folder) / "build")])
            ask_both(held, run, f"{EVALUATION}/{{phase}}")
        yield run


def specimen_release(name: str, root: Path) -> BenchmarkRelease:
    """Write the specimen of a benchmark, and open it."""
    write = benchmarks.load(name).write_specimen
    if write is None:
        raise EvaluationError(f"the benchmark {name} declares no specimen")
    root.mkdir(parents=True)
    write(root)
    return BenchmarkRelease(name, root)


def ask_both(chosen: EvalSet, run: Path, folder: str) -> None:
    """Ask both rules."""
    for phase, talks in (("rote", False), ("talker", True)):
        answerer = RuleBasedModel(chosen, talks=talks)
        subject = EvalSubject(answerer=answerer, path=run, run=run.name, stage=phase)
        evaluate(subject, chosen, run / folder.format(phase=phase), EvaluationSettings())
