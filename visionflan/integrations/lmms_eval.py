"""A checkpoint as a model of lmms-eval, which finds it by the entry point `lmms_eval.models`.

Only lmms-eval imports this file. Answers are those of `visionflan evaluate`: greedy, in batches,
with the checkpoint's own chat template. Settings of a task that are not supported are refused.

Of several processes, each has the complete model on a device of its own, and lmms-eval gives each
its share of the requests; it gathers the scores by the `accelerator` of the model.
"""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from lmms_eval.api.model import lmms
from lmms_eval.models.registry_v2 import ModelManifest
from PIL import Image

from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import EvaluationError
from visionflan.evaluate.batch_size import BatchSize
from visionflan.evaluate.models.checkpoint import checkpoint_digest
from visionflan.model.checkpoint_path import check_checkpoint
from visionflan.progress import ProgressBar
from visionflan.storage.instance import Turn

MANIFEST = ModelManifest("visionflan", simple_class_path=f"{__name__}.VisionflanModel")

MAX_NEW_TOKENS = 1024  # the default of lmms-eval's own models where a task sets none
ALGORITHM, MIN_DIGITS = "sha256:", 12

LossAndGreedy = tuple[float, bool]


class Prompt(NamedTuple):
    """A question with an image marker for each of its images."""

    turns: tuple[Turn, ...]
    images: tuple[Image.Image, ...]


class GenerationArgs(NamedTuple):
    """The settings of generation."""

    max_new_tokens: int
    until: tuple[str, ...]  # the answer is cut before the first of these strings


class VisionflanModel(lmms):  # type: ignore[misc]
    """A checkpoint that lmms-eval runs.

    `pretrained` is its directory. `digest` is the hash of its files and is required, because
    lmms-eval caches answers by the arguments of a model: with the path alone, new weights would
    get the cached answers of old ones. A batch that does not fit in memory is halved, and so are
    all that follow.

    Attributes:
        accelerator: by which lmms-eval gathers what its processes have computed
    """

    def __init__(
        self, pretrained: str, digest: str = "", device: str = "auto", batch_size: int | str = 1
    ) -> None:
        super().__init__()
        from accelerate import Accelerator

        from visionflan.model.generate import Checkpoint

        if not str(batch_size).isdigit() or not int(batch_size):
            raise EvaluationError(
                f"the batch size is {batch_size!r}: it must be a positive integer."
            )
        path = Path(pretrained)
        check_digest(path, digest)
        self.batch_size = BatchSize(int(batch_size))
        self.accelerator = Accelerator()
        self._rank = self.accelerator.process_index
        self._world_size = self.accelerator.num_processes
        self.checkpoint = Checkpoint.load(path, own_device(self.accelerator, device))

    @property
    def device(self) -> Any:
        """The torch device of the model."""
        return self.checkpoint.device

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """Return the answers to generation requests, in batches of prompts of similar length."""
        settings = [generation_args(request.args[1], request.args[4]) for request in requests]
        order = sorted(range(len(requests)), key=lambda i: (settings[i], -len(requests[i].args[0])))
        answers: dict[int, str] = {}
        with self.progress("answered", len(requests), "questions") as progress:
            for args, group in groupby(order, key=settings.__getitem__):
                for indices, texts in self.batch_size.run(
                    list(group), partial(self.generate, requests, args)
                ):
                    answers.update(zip(indices, texts, strict=True))
                    progress.update(len(indices))
        return [answers[index] for index in range(len(requests))]

    def generate(
        self, requests: Sequence[Any], args: GenerationArgs, indices: Sequence[int]
    ) -> list[str]:
        """Return the answers to one batch of requests, each cut at its stop string."""
        from visionflan.model.generate import generate_answers

        prompts = [self.prompt(requests[index]) for index in indices]
        answers = generate_answers(
            self.checkpoint,
            [prompt.turns for prompt in prompts],
            [prompt.images for prompt in prompts],
            max_new_tokens=args.max_new_tokens,
            batch_size=len(indices),
        )
        return [cut_at_stop(answer.text, args.until) for answer in answers]

    def loglikelihood(self, requests: Sequence[Any]) -> list[LossAndGreedy]:
        """Return the summed loss of each given answer, and whether greedy decoding would write it.

        lmms-eval documents a log-probability here, but its scorer takes the lowest number for the
        most probable answer, and its own models return a loss.
        """
        results: dict[int, LossAndGreedy] = {}
        with self.progress("scored", len(requests), "answers") as progress:
            for questions, losses in self.batch_size.run(
                group_by_question(requests), partial(self.losses, requests)
            ):
                for indices, question_losses in zip(questions, losses, strict=True):
                    results.update(zip(indices, question_losses, strict=True))
                    progress.update(len(indices))
        return [results[index] for index in range(len(requests))]

    def losses(
        self, requests: Sequence[Any], questions: Sequence[Sequence[int]]
    ) -> list[list[LossAndGreedy]]:
        """Return the losses of the answers to one batch of questions.

        A question is the indices of its requests; as many answers as questions are scored at once.
        """
        from visionflan.model.logprobs import candidate_logprobs

        prompts = [self.prompt(requests[indices[0]]) for indices in questions]
        likelihoods = candidate_logprobs(
            self.checkpoint,
            [prompt.turns for prompt in prompts],
            [prompt.images for prompt in prompts],
            [[self.candidate(requests[index]) for index in indices] for indices in questions],
            batch_size=len(questions),
        )
        return [
            [(-candidate.sum_logprob, candidate.is_greedy) for candidate in question]
            for question in likelihoods
        ]

    def generate_until_multi_round(self, requests: Sequence[Any]) -> list[str]:
        """Raise EvaluationError: tasks of several rounds are not supported."""
        tasks = ", ".join(sorted({request.task_name for request in requests}))
        raise EvaluationError(
            f"{tasks} has several rounds, and this model answers one question at a time: leave "
            "out tasks of several rounds."
        )

    def progress(self, title: str, total: int, unit: str) -> ProgressBar:
        """Return the bar of some work, which only the first process shows."""
        return ProgressBar(title, total, unit=unit, leave=True, silent=self._rank > 0)

    def prompt(self, request: Any) -> Prompt:
        """Return the prompt of a request; image markers come first if the context has none."""
        context, _, doc_to_visual, _, task, _ = request.args
        images = tuple(doc_to_visual(self.document(request)) or ())
        for image in images:
            if not isinstance(image, Image.Image):
                raise EvaluationError(
                    f"{task} shows a {type(image).__name__}, and this model takes images only: "
                    "leave out tasks of videos and sounds."
                )
        if IMAGE_MARKER not in context:
            context = "\n".join([*[IMAGE_MARKER] * len(images), context])
        return Prompt((Turn("user", context),), images)

    def candidate(self, request: Any) -> str:
        """Return the answer to score; without outer spaces, which our chat template adds."""
        continuation = request.args[1]
        if not isinstance(continuation, str):
            continuation = continuation(self.document(request))
        return str(continuation).strip()

    def document(self, request: Any) -> Any:
        """Return the row of the dataset that a request is about."""
        *_, row, task, split = request.args
        return self.task_dict[task][split][row]


def own_device(accelerator: Any, device: str) -> str:
    """Return the device of this process: the requested one, or of several processes its own."""
    started = int(os.environ.get("WORLD_SIZE", "1"))
    # On CPUs, accelerate takes part in a process group only if it is set to.
    if started != accelerator.num_processes:
        raise EvaluationError(
            f"{started} processes were started, and accelerate knows of "
            f"{accelerator.num_processes}: on CPUs, set ACCELERATE_USE_CPU=1"
        )
    if started == 1:
        return device
    own = str(accelerator.device)
    if device not in ("auto", own, own.partition(":")[0]):
        raise EvaluationError(
            f"each of the {started} processes has a device of its own, here "
            f"{own}, and --device names {device}: leave it out"
        )
    return own


def check_digest(path: Path, digest: str) -> None:
    """Raise EvaluationError if `digest` is not the beginning of the checkpoint's own digest."""
    check_checkpoint(path)
    full = ALGORITHM + checkpoint_digest(path)
    short = full[: len(ALGORITHM) + MIN_DIGITS]
    if not digest.startswith(short) or not full.startswith(digest):
        raise EvaluationError(
            f"{path} has the digest {short}, and --model_args names {digest or 'none'}: add "
            f"`digest={short}` to --model_args, so that lmms-eval, which caches answers by these "
            "arguments, never reuses the answers of other weights."
        )


def group_by_question(requests: Sequence[Any]) -> list[list[int]]:
    """Return the indices of requests in groups that share a question."""
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for index, request in enumerate(requests):
        if len(request.args) != 6:
            raise EvaluationError(
                f"{request.task_name} asks for the log-likelihood of text without a question, "
                "which this model does not compute: leave out the metric acc_mutual_info."
            )
        context, _, _, row, task, split = request.args
        groups[context, row, task, split].append(index)
    return list(groups.values())


def generation_args(kwargs: Mapping[str, Any], task: str) -> GenerationArgs:
    """Read the generation settings of a task; raise EvaluationError if they are not greedy."""
    temperature, num_beams = kwargs.get("temperature"), kwargs.get("num_beams")
    samples = kwargs.get("do_sample") if temperature is None else temperature > 0
    if samples or (num_beams or 1) > 1:
        raise EvaluationError(
            f"{task} asks for sampling or beam search, and this model decodes greedily: add "
            "`--gen_kwargs temperature=0,do_sample=False,num_beams=1`; report it with the score."
        )
    until = kwargs.get("until") or ()
    stops = (until,) if isinstance(until, str) else tuple(until)
    return GenerationArgs(int(kwargs.get("max_new_tokens") or MAX_NEW_TOKENS), stops)


def cut_at_stop(text: str, stops: Sequence[str]) -> str:
    """Return a text up to the first of the stop strings."""
    for stop in filter(None, stops):
        text = text.split(stop, 1)[0]
    return text
