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

from visionflan.build.demo import specimens
from visionflan.build.directory import BuildDirectory
from visionflan.build.instance import Turn
from visionflan.build.plan import Settings
from visionflan.build.run import build
from visionflan.evaluate.baselines import majority
from visionflan.evaluate.items import held_out
from visionflan.evaluate.places import EVALUATION
from visionflan.evaluate.run import EvaluationSettings, Subject, evaluate

TASKS = ("coco/*", "vqa_rad/*", "iconqa/*")


class Said(NamedTuple):
    """An answer as a model gives it."""

    text: str
    tokens: int
    finish_reason: str


class Rote:
    """A model that says what training said most of a task, whatever it is shown."""

    precision = "rule"

    def __init__(self, source: BuildDirectory, *, talks: bool) -> None:
        chosen = held_out([source])
        self.talks, self.digest = talks, f"talker {source.digest}" if talks else source.digest
        self.answers = {
            item.instance.prompt: majority(item.instance, chosen.facts[task]) or "I do not know."
            for task, items in chosen.items.items()
            for item in items
        }

    def answer(
        self,
        conversations: Sequence[Sequence[Turn]],
        images: Sequence[Sequence[Image.Image]],
        max_new_tokens: int,
    ) -> Sequence[Said]:
        """Answer each question without a look."""
        said = [self.answers[turns[-1].text] for turns in conversations]
        if self.talks:
            said = [f"The answer is {answer}." for answer in said]
        return [Said(answer, len(answer.split()), "stop") for answer in said]


@contextmanager
def demo_run() -> Iterator[Path]:
    """Give a run whose two phases are the two rules, over a build of specimens; then remove it."""
    with specimens(TASKS) as data_root, TemporaryDirectory(prefix="visionflan-demo-") as folder:
        run = Path(folder) / "demo"
        build(data_root, Path(folder) / "build", Settings(tasks=TASKS, hold_out_images=0.4))
        source = BuildDirectory(Path(folder) / "build")
        for phase, talks in (("rote", False), ("talker", True)):
            subject = Subject(
                answerer=Rote(source, talks=talks), path=run, run=run.name, phase=phase
            )
            evaluate(subject, [source], run / EVALUATION / phase, EvaluationSettings())
        yield run
