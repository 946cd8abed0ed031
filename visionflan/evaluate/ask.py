"""Put questions to a model in batches, and make a record of each answer or of why there is none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from visionflan.build.instance import Turn
from visionflan.evaluate.answerer import Answerer, is_out_of_memory
from visionflan.evaluate.baselines import TaskFacts, chance, majority, right_answer
from visionflan.evaluate.items import Ask
from visionflan.evaluate.records import SCHEMA, Record
from visionflan.model.images import decode

MIDDLE_GREY = (127, 127, 127)


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What is the same for all records of an evaluation."""

    run: str
    phase: str
    checkpoint: str
    generation: str
    max_new_tokens: int
    facts: dict[str, TaskFacts]


class Progress(Protocol):
    """Told how many questions were answered."""

    def __call__(self, number: int) -> None:
        """Take note."""
        ...


class Batches:
    """Asks in batches; one that does not fit in memory is halved, and so are those after it."""

    def __init__(self, answerer: Answerer, asking: Asking, size: int) -> None:
        self.answerer, self.asking, self.size = answerer, asking, size

    def records(self, asks: Sequence[Ask]) -> Iterator[list[Record]]:
        """Yield the records of one batch after the other."""
        waiting = sorted(asks, key=lambda ask: (ask.item.instance.task, -len(prompt(ask))))
        while waiting:
            batch, waiting = waiting[: self.size], waiting[self.size :]
            try:
                yield self.answered(batch)
            except Exception as fault:  # a model can fail in any way, and no item may end the rest
                if is_out_of_memory(fault) and len(batch) > 1:
                    self.size = len(batch) // 2
                    waiting = batch + waiting
                elif len(batch) == 1:
                    yield [failed(batch[0], self.asking, fault)]
                else:
                    yield [record for ask in batch for record in self.alone(ask)]

    def alone(self, ask: Ask) -> list[Record]:
        """Ask one question by itself."""
        try:
            return self.answered([ask])
        except Exception as fault:
            return [failed(ask, self.asking, fault)]

    def answered(self, batch: Sequence[Ask]) -> list[Record]:
        """Ask one batch."""
        images = [pictures(ask) for ask in batch]
        conversations = [[Turn("user", prompt(ask))] for ask in batch]
        replies = self.answerer.answer(conversations, images, self.asking.max_new_tokens)
        return [
            blank_record(ask, self.asking)._replace(
                answer=reply.text, tokens=reply.tokens, finish_reason=reply.finish_reason
            )
            for ask, reply in zip(batch, replies, strict=True)
        ]


def prompt(ask: Ask) -> str:
    """Give what is asked."""
    return ask.item.instance.prompt


def pictures(ask: Ask) -> list[Image.Image]:
    """Give the pictures that are shown: the item's own, grey ones of their size, or another's."""
    if not ask.shown and ask.item.instance.images:
        raise LookupError("the task holds out no other picture to show in place of this one")
    images = [decode(ask.item.build.image(image)) for image in ask.shown]
    if ask.condition != "blank":
        return images
    return [Image.new("RGB", image.size, MIDDLE_GREY) for image in images]


def failed(ask: Ask, asking: Asking, fault: BaseException) -> Record:
    """Make the record of a question that could not be answered."""
    words = " ".join(str(fault).split()) or "no more is known"
    return blank_record(ask, asking)._replace(error=f"{type(fault).__name__}: {words}"[:500])


def blank_record(ask: Ask, asking: Asking) -> Record:
    """Make a record that lacks only its answer."""
    item, instance = ask.item, ask.item.instance
    facts = asking.facts[instance.task]
    return Record(
        schema=SCHEMA,
        run=asking.run,
        phase=asking.phase,
        checkpoint=asking.checkpoint,
        source=item.build.digest,
        task=instance.task,
        instance=instance.id,
        sample_key=item.key,
        condition=ask.condition,
        images=instance.images,
        shown=() if ask.condition == "blank" else ask.shown,
        cluster=item.cluster,
        prompt=instance.prompt,
        options=instance.options,
        target=right_answer(instance),
        references=item.references,
        metric=instance.metric,
        chance=chance(instance, facts),
        majority=majority(instance, facts),
        generation=asking.generation,
        answer="",
        tokens=0,
        finish_reason="",
        error="",
    )
