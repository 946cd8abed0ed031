"""Put questions to a model in batches, and make a record of each answer or of why there is none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from visionflan.errors import EvaluationError, VisionflanError
from visionflan.evaluate.models.base import EvalModel, LikelihoodModel, is_out_of_memory
from visionflan.evaluate.records.record import SCHEMA, Record
from visionflan.evaluate.requests import EvalRequest, Source
from visionflan.model.image_processing import decode
from visionflan.storage.instance import Turn

MIDDLE_GRAY = (127, 127, 127)


@dataclass(frozen=True, kw_only=True)
class RequestContext:
    """What is the same for all records of an evaluation.

    With `likelihood` closed questions are also answered without words, by weighing all candidates.
    """

    run: str
    stage: str
    checkpoint: str
    generation_config: str
    max_new_tokens: int
    loglikelihood: bool = False


class BatchRunner:
    """Asks in batches; one that does not fit in memory is halved, and so are those after it."""

    def __init__(self, answerer: EvalModel, asking: RequestContext, size: int) -> None:
        self.answerer, self.asking, self.size = answerer, asking, size

    def records(self, asks: Sequence[EvalRequest]) -> Iterator[list[Record]]:
        """Yield the records of one batch after the other."""
        waiting = sorted(asks, key=lambda ask: (ask.item.task, -len(ask.item.prompt)))
        while waiting:
            batch, waiting = waiting[: self.size], waiting[self.size :]
            try:
                yield self.answered(batch)
            except Exception as fault:  # a model can fail in any way, and no item may end the rest
                if is_out_of_memory(fault) and len(batch) > 1:
                    self.size = len(batch) // 2
                    waiting = batch + waiting
                elif len(batch) == 1:
                    yield [error_record(batch[0], self.asking, fault)]
                else:
                    yield [record for ask in batch for record in self.alone(ask)]

    def alone(self, ask: EvalRequest) -> list[Record]:
        """Ask one question by itself."""
        try:
            return self.answered([ask])
        except Exception as fault:
            return [error_record(ask, self.asking, fault)]

    def answered(self, batch: Sequence[EvalRequest]) -> list[Record]:
        """Ask one batch."""
        images = [images_for(ask) for ask in batch]
        conversations = [[Turn("user", ask.item.prompt)] for ask in batch]
        replies = self.answerer.generate(conversations, images, self.asking.max_new_tokens)
        weighed = self.weighed(batch, conversations, images)
        return [
            new_record(ask, self.asking)._replace(
                response=reply.text,
                num_tokens=reply.num_tokens,
                finish_reason=reply.finish_reason,
                logprobs=logprobs,
            )
            for ask, reply, logprobs in zip(batch, replies, weighed, strict=True)
        ]

    def weighed(
        self,
        batch: Sequence[EvalRequest],
        conversations: Sequence[Sequence[Turn]],
        images: Sequence[Sequence[Image.Image]],
    ) -> list[tuple[float, ...]]:
        """Weigh the candidates of closed questions; nothing for open ones, or where unwanted."""
        if not self.asking.loglikelihood or not isinstance(self.answerer, LikelihoodModel):
            return [() for _ in batch]
        closed = [place for place, ask in enumerate(batch) if ask.closed_answers]
        if not closed:
            return [() for _ in batch]
        found = self.answerer.loglikelihood(
            [conversations[place] for place in closed],
            [images[place] for place in closed],
            [batch[place].closed_answers for place in closed],
        )
        weights = {
            place: tuple(each.sum_logprob for each in likelihoods)
            for place, likelihoods in zip(closed, found, strict=True)
        }
        return [weights.get(place, ()) for place in range(len(batch))]


def images_for(ask: EvalRequest) -> list[Image.Image]:
    """Give the pictures that are shown: the item's own, grey ones of their size, or another's."""
    if not ask.images_shown and ask.item.images:
        raise EvaluationError("the task holds out no other picture to show in place of this one")
    images = [picture(ask.item.source, image) for image in ask.images_shown]
    if ask.condition != "blank":
        return images
    return [Image.new("RGB", image.size, MIDDLE_GRAY) for image in images]


def picture(source: Source, image_id: str) -> Image.Image:
    """Decode a picture whole, so that one that is cut or broken is known by its place."""
    try:
        image = decode(source.image(image_id))
        image.load()
    except UnidentifiedImageError as fault:
        raise EvaluationError(
            f"{source.describe_image_location(image_id)} is no picture"
        ) from fault
    except (OSError, SyntaxError, ValueError) as fault:
        place = source.describe_image_location(image_id)
        raise EvaluationError(f"{place} is a broken picture: {fault}") from fault
    return image


def error_record(ask: EvalRequest, asking: RequestContext, fault: BaseException) -> Record:
    """Make the record of a question that could not be answered; our own sentences need no name."""
    words = " ".join(str(fault).split()) or "no more is known"
    if not isinstance(fault, VisionflanError):
        words = f"{type(fault).__name__}: {words}"
    return new_record(ask, asking)._replace(error=words[:500])


def new_record(ask: EvalRequest, asking: RequestContext) -> Record:
    """Make a record that lacks only its answer."""
    item = ask.item
    return Record(
        schema=SCHEMA,
        run=asking.run,
        stage=asking.stage,
        checkpoint=asking.checkpoint,
        source=item.source.digest,
        task=item.task,
        instance=item.instance,
        sample_key=item.sample_key,
        condition=ask.condition,
        images=item.images,
        images_shown=() if ask.condition == "blank" else ask.images_shown,
        image_cluster=item.image_cluster,
        prompt=item.prompt,
        options=item.options,
        target=item.target,
        references=item.references,
        metric=item.metric,
        chance_score=item.chance_score,
        majority_answer=item.majority_answer,
        generation_config=asking.generation_config,
        response="",
        num_tokens=0,
        finish_reason="",
        error="",
        prompt_style=item.prompt_style,
        item_group=item.item_group,
        categories=item.categories,
        judge_context=item.judge_context,
        candidates=item.candidates,
    )
