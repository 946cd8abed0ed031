"""Write a small build of drawn images, and evaluate a rule-based model on it."""

import io
from collections.abc import Collection, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.builder.split import HoldOutConfig
from visionflan.dataset import Example
from visionflan.drawing import COLORS
from visionflan.evaluate.held_out import held_out_set
from visionflan.evaluate.models.base import EvalModel
from visionflan.evaluate.records.files import RECORDS
from visionflan.evaluate.records.record import Record, read_records
from visionflan.evaluate.run import evaluate
from visionflan.evaluate.settings import EvaluationSettings
from visionflan.evaluate.subject import EvalSubject
from visionflan.prompt import render
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance, Turn
from visionflan.storage.schema import LedgerEntry, TaskInfo

NAMES = ("red", "green", "blue", "yellow")
SIDES = ("left", "right")
TASKS = {
    "shapes/color": ("Color of the square", "General Object", "classification", "exact_match"),
    "shapes/exists": ("Is there a square", "Perception", "question answering", "exact_match"),
    "shapes/choose": ("Choose the color", "Perception", "question answering", "exact_match"),
    "shapes/caption": ("Caption the square", "Coarse-grained Captioning", "generation", "cider"),
    "sides/side": ("Side of the square", "General Object", "classification", "exact_match"),
    "talk/chat": ("Talk about the square", "Visual Dialogue", "generation", "rouge_l"),
}
INSTRUCTIONS = {
    "shapes/color": "Name the color of the square in one word.",
    "shapes/exists": "Answer with yes or no.",
    "shapes/choose": "Choose the color of the square.",
    "shapes/caption": "Describe the picture in one short sentence.",
    "sides/side": "On which side of the picture is the square? Answer left or right.",
    "talk/chat": "What do you see here?",
}


def draw_square(color: str, side: str, number: int) -> bytes:
    """Return a PNG of a square of one color on one side, at a position set by its number."""
    image = Image.new("RGB", (48, 32), "white")
    x = (2 if side == "left" else 28) + number % 5
    y = 2 + number // 5 * 3 % 12
    ImageDraw.Draw(image).rectangle((x, y, x + 14, y + 14), fill=COLORS[color])
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def make_examples(color: str, side: str, number: int) -> dict[str, Example]:
    """Return the example of each task for one image."""
    path = Path("unused")
    other = NAMES[(NAMES.index(color) + 1 + number % 3) % 4]
    named_color, answer = ((color, "yes"), (other, "no"))[number % 2]
    captions = (f"a {color} square on the {side}", f"there is a {color} square")
    return {
        "shapes/color": Example(image=path, target=color),
        "shapes/exists": Example(image=path, text=f"Is the square {named_color}?", target=answer),
        "shapes/choose": Example(image=path, options=NAMES, target=color),
        "shapes/caption": Example(image=path, target=captions[0], references=captions),
        "sides/side": Example(image=path, target=side),
        "talk/chat": Example(image=path, target=f"I see a {color} square, and nothing else."),
    }


def tiny_build(out: Path, num_images: int = 12) -> BuildDirectory:
    """Write a build with this many images of each color and side."""
    hold_out = HoldOutConfig(image_fraction=0.4, tasks=("sides/side",), seed=0)
    with DirectoryWriter(out, {"name": "tiny", "title": "Squares"}, hold_out=hold_out) as writer:
        for task, (title, category, group, metric) in TASKS.items():
            dataset, name = task.split("/")
            info = TaskInfo(
                dataset=dataset,
                official_name=f"{dataset}+{name}",
                title=title,
                instruction=INSTRUCTIONS[task],
                category=category,
                group=group,
                metric=metric,
            )
            writer.add_task(task, info)
        for color, side, number in product(NAMES, SIDES, range(num_images)):
            image = writer.add_image(draw_square(color, side, number))
            for task, example in make_examples(color, side, number).items():
                if task != "sides/side" or number < 3:
                    writer.add_instance(
                        make_instance(task, example, image, f"{color}-{side}-{number}")
                    )
        writer.record_dropped(
            LedgerEntry("shapes/color", "x", "dropped", "image_missing", "no file", "x.png")
        )
    return BuildDirectory(out)


def make_instance(task: str, example: Example, image: str, key: str) -> Instance:
    """Return an example rendered as the builder does."""
    rendered = render(INSTRUCTIONS[task], example, "0", task, key)
    return Instance(
        id=f"{task}/{key}",
        dataset=task.split("/", maxsplit=1)[0],
        task=task,
        split="train",
        key=key,
        images=(image,),
        turns=rendered.turns,
        instruction=INSTRUCTIONS[task],
        text=example.text,
        options=rendered.options,
        target=example.target,
        references=example.references or (example.target,),
        metric=TASKS[task][3],
        synthetic=task.startswith("talk/"),
    )


class ToyReply(NamedTuple):
    """An answer of a toy model."""

    text: str
    num_tokens: int
    finish_reason: str


class ToyModel:
    """A rule-based model that uses the image; with `chatty` it answers in sentences."""

    precision = "exact"

    def __init__(self, digest: str = "looker", *, chatty: bool = False) -> None:
        self.digest, self.chatty = digest, chatty
        self.batches: list[int] = []

    def generate(
        self,
        conversations: Sequence[Sequence[Turn]],
        images: Sequence[Sequence[Image.Image]],
        max_new_tokens: int,
    ) -> Sequence[ToyReply]:
        """Answer each question by what its image shows."""
        self.batches.append(len(conversations))
        return [
            self.answer(turns[-1].text, question_images[0], max_new_tokens)
            for turns, question_images in zip(conversations, images, strict=True)
        ]

    def prompt_tokens(self, conversations: Sequence[Sequence[Turn]]) -> list[list[int]]:
        """Return the bytes of each question as its tokens."""
        return [list(turns[-1].text.encode()) for turns in conversations]

    def answer(self, prompt: str, image: Image.Image, max_tokens: int) -> ToyReply:
        """Answer one question, cut at the limit."""
        tokens = self.text(prompt, *find_square(image)).split()
        reason = "length" if len(tokens) > max_tokens else "stop"
        return ToyReply(" ".join(tokens[:max_tokens]), min(len(tokens), max_tokens), reason)

    def text(self, prompt: str, color: str, side: str) -> str:
        """Return the complete answer for a square of this color on this side."""
        if "Is the square" in prompt:
            is_true = f"square {color}?" in prompt
            answer = "yes" if is_true else "no"
            return f"Yes, it is {color}." if is_true and self.chatty else answer
        if "Options:" in prompt:
            before, option, _ = prompt.partition(f") {color}")
            letter = before[-1:] if option else "a"
            return color if self.chatty else f"({letter}) {color}"
        if "Describe" in prompt or "What do you see" in prompt:
            return f"a {color} square on the {side}"
        answer = side if "which side" in prompt else color
        return f"The square is {answer}." if self.chatty else answer


def find_square(image: Image.Image) -> tuple[str, str]:
    """Return the color and the side of the square; for a blank image a gray one on the left."""
    for side, x in (("left", 12), ("right", 38)):
        for y in (9, 15, 21):
            pixel = image.convert("RGB").getpixel((x, y))
            assert isinstance(pixel, tuple)
            for name in NAMES:
                if sum(abs(a - b) for a, b in zip(pixel, COLORS[name], strict=True)) < 60:
                    return name, side
    return "gray", "left"


def run_evaluation(
    build: BuildDirectory, out: Path, model: EvalModel | None = None, **settings: Any
) -> tuple[dict[str, Any], list[Record]]:
    """Evaluate a model on what one build holds out."""
    return run_evaluations([build], out, model, **settings)


def run_evaluations(
    builds: Sequence[BuildDirectory],
    out: Path,
    model: EvalModel | None = None,
    tasks: Collection[str] = (),
    **settings: Any,
) -> tuple[dict[str, Any], list[Record]]:
    """Evaluate a model on what builds hold out; return the scores and the records."""
    subject = EvalSubject(model=model or ToyModel(), path=out, run="run", stage="base")
    scores = evaluate(subject, held_out_set(builds, tasks), out, EvaluationSettings(**settings))
    return scores, read_records(out / RECORDS)
