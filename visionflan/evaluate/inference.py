"""Run a model on requests in batches, and return a record of each answer or error."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

from visionflan.errors import EvaluationError, UnusableError, VisionflanError
from visionflan.evaluate.batch_size import BatchSize, is_out_of_memory
from visionflan.evaluate.conditions import CONDITIONS
from visionflan.evaluate.models.base import (
    ConversationImages,
    Conversations,
    EvalModel,
    EvaluationStoppedError,
    LikelihoodModel,
)
from visionflan.evaluate.records.record import SCHEMA, Record
from visionflan.evaluate.requests import EvalRequest, Source
from visionflan.image_files import decode_image

MAX_ERROR_LENGTH = 500


@dataclass(frozen=True, kw_only=True)
class RequestContext:
    """The common fields of all records of an evaluation, and the settings of generation.

    `loglikelihood` also computes the log-probability of each candidate of closed questions.
    """

    run: str
    stage: str
    checkpoint: str
    generation_config: str
    max_new_tokens: int
    loglikelihood: bool = False


class BatchRunner:
    """Run requests in batches.

    On out-of-memory the batch size is halved for the rest of the evaluation.
    """

    def __init__(self, model: EvalModel, context: RequestContext, batch_size: int) -> None:
        self.model, self.context, self.batch_size = model, context, BatchSize(batch_size)

    def records(self, requests: Sequence[EvalRequest]) -> Iterator[list[Record]]:
        """Yield the records of one batch after the other; long prompts first within a task."""
        for _, records in self.batch_size.run(in_batch_order(requests), self.run_or_report):
            yield records

    def run_or_report(self, batch: Sequence[EvalRequest]) -> list[Record]:
        """Return the records of one batch; if it fails, each request is run in its own.

        Raises the error of a batch of several that does not fit in memory.
        """
        try:
            return self.run_batch(batch)
        except EvaluationStoppedError:
            raise
        except Exception as error:  # a model can fail in any way
            if len(batch) == 1:
                return [error_record(batch[0], self.context, error)]
            if is_out_of_memory(error):
                raise
        return [record for request in batch for record in self.run_single(request)]

    def run_single(self, request: EvalRequest) -> list[Record]:
        """Return the record of a request that is run in its own batch."""
        try:
            return self.run_batch([request])
        except EvaluationStoppedError:
            raise
        except Exception as error:
            return [error_record(request, self.context, error)]

    def run_batch(self, batch: Sequence[EvalRequest]) -> list[Record]:
        """Return the records of one batch."""
        images = [images_for(request) for request in batch]
        conversations = [request.item.turns for request in batch]
        replies = self.model.generate(conversations, images, self.context.max_new_tokens)
        scores = self.score_candidates(batch, conversations, images)
        return [
            new_record(request, self.context)._replace(
                response=reply.text,
                num_tokens=reply.num_tokens,
                finish_reason=reply.finish_reason,
                logprobs=logprobs,
            )
            for request, reply, logprobs in zip(batch, replies, scores, strict=True)
        ]

    def score_candidates(
        self, batch: Sequence[EvalRequest], conversations: Conversations, images: ConversationImages
    ) -> list[tuple[float, ...]]:
        """Return the log-probability of each candidate; empty for open questions."""
        closed = [i for i, request in enumerate(batch) if request.scored_candidates]
        if not (closed and self.context.loglikelihood and isinstance(self.model, LikelihoodModel)):
            return [() for _ in batch]
        likelihoods = self.model.loglikelihood(
            [conversations[i] for i in closed],
            [images[i] for i in closed],
            [batch[i].scored_candidates for i in closed],
        )
        logprobs = {
            i: tuple(candidate.sum_logprob for candidate in candidates)
            for i, candidates in zip(closed, likelihoods, strict=True)
        }
        return [logprobs.get(i, ()) for i in range(len(batch))]


def in_batch_order(requests: Sequence[EvalRequest]) -> list[EvalRequest]:
    """Return requests by task, within each the longest prompts first."""
    return sorted(requests, key=lambda request: (request.item.task, -len(request.item.prompt)))


def images_for(request: EvalRequest) -> list[Image.Image]:
    """Return the images of a request as its condition shows them."""
    if not request.image_ids and request.item.images:
        raise EvaluationError(
            f"no other held-out image of this task is available for the {request.condition} "
            "condition"
        )
    images = [load_image(request.item.source, image_id) for image_id in request.image_ids]
    transform = CONDITIONS[request.condition].transform
    return [transform(image) for image in images] if transform else images


def load_image(source: Source, image_id: str) -> Image.Image:
    """Return a completely decoded image; an error names where it is stored."""
    try:
        return decode_image(source.image(image_id))
    except (OSError, UnusableError) as error:
        location = source.describe_image_location(image_id)
        raise EvaluationError(f"{location} is not an image that can be shown: {error}") from error


def error_record(request: EvalRequest, context: RequestContext, error: BaseException) -> Record:
    """Return the record of a request that failed; our own messages need no class name."""
    message = " ".join(str(error).split()) or "no message"
    if not isinstance(error, VisionflanError):
        message = f"{type(error).__name__}: {message}"
    return new_record(request, context)._replace(error=message[:MAX_ERROR_LENGTH])


def new_record(request: EvalRequest, context: RequestContext) -> Record:
    """Return the record of a request before its answer."""
    fields = request.item._asdict()
    del fields["system"]
    return Record(
        **fields | {"source": request.item.source.digest},
        schema=SCHEMA,
        run=context.run,
        stage=context.stage,
        checkpoint=context.checkpoint,
        generation_config=context.generation_config,
        condition=request.condition,
        images_shown=request.images_shown,
        response="",
        num_tokens=0,
        finish_reason="",
        error="",
    )
