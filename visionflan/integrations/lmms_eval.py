"""A checkpoint as a model of lmms-eval, which finds it by the entry point `lmms_eval.models`.

Only lmms-eval loads this file. Answers are those of `visionflan evaluate`: greedy, in batches, by
the checkpoint's own chat template. What a task asks for and we do not do is refused, never guessed.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from lmms_eval.api.model import lmms
from lmms_eval.models.registry_v2 import ModelManifest
from PIL import Image
from tqdm import tqdm

from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import EvaluationError
from visionflan.evaluate.models.checkpoint import checkpoint_digest
from visionflan.storage.instance import Turn

MANIFEST = ModelManifest("visionflan", simple_class_path=f"{__name__}.VisionflanModel")

MAX_NEW_TOKENS = 1024  # what the models of lmms-eval write at most where a task does not say
ALGORITHM, FEWEST_DIGITS = "sha256:", 12


class Prompt(NamedTuple):
    """A question with a marker for each of its pictures."""

    turns: tuple[Turn, ...]
    images: tuple[Image.Image, ...]


class GenerationArgs(NamedTuple):
    """How an answer is to be written: at most so many tokens, up to any of these words."""

    max_new_tokens: int
    until: tuple[str, ...]


class VisionflanModel(lmms):  # type: ignore[misc]
    """A checkpoint that lmms-eval asks.

    `pretrained` is its folder. `digest` names what the folder holds, and must be told, because
    lmms-eval keeps answers by the arguments of a model: with the place alone it would answer for
    new weights with what the old ones said.
    """

    def __init__(
        self, pretrained: str, digest: str = "", device: str = "auto", batch_size: int | str = 1
    ) -> None:
        super().__init__()
        from visionflan.model.generate import load_checkpoint

        if not str(batch_size).isdigit() or not int(batch_size):
            raise EvaluationError(f"the batch size is {batch_size!r}: give a number of questions.")
        path = Path(pretrained)
        check_digest(path, digest)
        self.batch_size = int(batch_size)
        self.checkpoint = load_checkpoint(path, device)

    @property
    def device(self) -> Any:
        """Where the model is."""
        return self.checkpoint.device

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """Answer the requests of generation tasks, in batches of questions of like length."""
        ways = [writing(request.args[1], request.args[4]) for request in requests]
        order = sorted(
            range(len(requests)), key=lambda place: (ways[place], -len(requests[place].args[0]))
        )
        answers: dict[int, str] = {}
        with tqdm(total=len(requests), desc="answered", unit="question", disable=None) as progress:
            for way, alike in groupby(order, key=ways.__getitem__):
                for places in batches(list(alike), self.batch_size):
                    written = self.write([requests[place] for place in places], way)
                    answers.update(zip(places, written, strict=True))
                    progress.update(len(places))
        return [answers[place] for place in range(len(requests))]

    def write(self, requests: Sequence[Any], way: GenerationArgs) -> list[str]:
        """Answer one batch, and cut each answer where it is to end."""
        from visionflan.model.generate import generate_answers

        asked = [self.prompt(request) for request in requests]
        written = generate_answers(
            self.checkpoint,
            [prompt.turns for prompt in asked],
            [prompt.images for prompt in asked],
            max_new_tokens=way.max_new_tokens,
            batch_size=self.batch_size,
        )
        return [cut_at_stop(said.text, way.until) for said in written]

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """Weigh given answers: their summed loss, and whether greedy writing would give them.

        The interface of lmms-eval speaks of a log-probability, but its scorer takes the lowest
        number for the likeliest answer, and its own models give a loss.
        """
        weighed: dict[int, tuple[float, bool]] = {}
        with tqdm(total=len(requests), desc="weighed", unit="answer", disable=None) as progress:
            for questions in batches(by_question(requests), self.batch_size):
                found = self.weigh([[requests[place] for place in places] for places in questions])
                for places, told in zip(questions, found, strict=True):
                    weighed.update(zip(places, told, strict=True))
                    progress.update(len(places))
        return [weighed[place] for place in range(len(requests))]

    def weigh(self, questions: Sequence[Sequence[Any]]) -> list[list[tuple[float, bool]]]:
        """Weigh the answers to a few questions, each told by the requests that share it."""
        from visionflan.model.logprobs import candidate_logprobs

        asked = [self.prompt(requests[0]) for requests in questions]
        weighed = candidate_logprobs(
            self.checkpoint,
            [prompt.turns for prompt in asked],
            [prompt.images for prompt in asked],
            [[self.given(request) for request in requests] for requests in questions],
            batch_size=self.batch_size,
        )
        return [[(-each.sum_logprob, each.is_greedy) for each in found] for found in weighed]

    def generate_until_multi_round(self, requests: Sequence[Any]) -> list[str]:
        """Refuse tasks of several rounds, in which the harness asks back."""
        tasks = ", ".join(sorted({request.task_name for request in requests}))
        raise EvaluationError(
            f"{tasks} asks back after an answer, and this model is asked one question at a time: "
            "leave out the tasks of several rounds."
        )

    def prompt(self, request: Any) -> Prompt:
        """Put a request into our words; markers come first where the context holds none."""
        context, _, doc_to_visual, _, task, _ = request.args
        images = tuple(doc_to_visual(self.document(request)) or ())
        for image in images:
            if not isinstance(image, Image.Image):
                raise EvaluationError(
                    f"{task} shows a {type(image).__name__}, and this model looks at pictures "
                    "alone: leave out tasks of videos and sounds."
                )
        if IMAGE_MARKER not in context:
            context = "\n".join([*[IMAGE_MARKER] * len(images), context])
        return Prompt((Turn("user", context),), images)

    def given(self, request: Any) -> str:
        """Give the answer that is to be weighed; our template puts the blank before it."""
        told = request.args[1]
        return str(told if isinstance(told, str) else told(self.document(request))).strip()

    def document(self, request: Any) -> Any:
        """Fetch the row of the data set that a request is about."""
        *_, row, task, split = request.args
        return self.task_dict[task][split][row]


def check_digest(path: Path, told: str) -> None:
    """Refuse a checkpoint whose content is not told, or is another."""
    if not (path / "config.json").is_file():
        raise EvaluationError(f"{path} is not a checkpoint: config.json is missing.")
    whole = ALGORITHM + checkpoint_digest(path)
    short = whole[: len(ALGORITHM) + FEWEST_DIGITS]
    if not told.startswith(short) or not whole.startswith(told):
        raise EvaluationError(
            f"{path} holds the checkpoint {short}, and the arguments name {told or 'none'}: add "
            f"`digest={short}` to --model_args, so that lmms-eval, which keeps answers by these "
            "arguments, never answers for other weights."
        )


def by_question(requests: Sequence[Any]) -> list[list[int]]:
    """Group the places of requests that weigh answers to one question."""
    places: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for place, request in enumerate(requests):
        if len(request.args) != 6:
            raise EvaluationError(
                f"{request.task_name} asks for the likelihood of words without a question, which "
                "this model does not tell: leave out the metric acc_mutual_info."
            )
        context, _, _, row, task, split = request.args
        places[context, row, task, split].append(place)
    return list(places.values())


def writing(told: Mapping[str, Any], task: str) -> GenerationArgs:
    """Read how an answer is to be written, and refuse what is not greedy."""
    temperature, beams = told.get("temperature"), told.get("num_beams")
    drawn = told.get("do_sample") if temperature is None else temperature > 0
    if drawn or (beams or 1) > 1:
        raise EvaluationError(
            f"{task} asks for answers that are drawn at random or searched for, and this model "
            "writes greedily: add `--gen_kwargs temperature=0,do_sample=False,num_beams=1`, and "
            "say so beside the score."
        )
    until = told.get("until") or ()
    ends = (until,) if isinstance(until, str) else tuple(until)
    return GenerationArgs(int(told.get("max_new_tokens") or MAX_NEW_TOKENS), ends)


def cut_at_stop(text: str, ends: Sequence[str]) -> str:
    """Cut a text before the first of the words that end it."""
    for end in filter(None, ends):
        text = text.split(end, 1)[0]
    return text


def batches(places: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Cut a list into batches."""
    for begin in range(0, len(places), size):
        yield places[begin : begin + size]
