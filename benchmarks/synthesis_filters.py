"""Measure the filters of `visionflan synthesize` on planted good and bad replies.

    python benchmarks/synthesis_filters.py [--replies 200] [--misses]

For each reason: the precision (of the replies that are dropped for it, the share that has that
fault), the recall (of the replies with that fault, the share that is dropped for it), and the share
that is dropped at all. docs/synthesis.md has the table.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.helpers import planted_replies as planted
from tests.helpers.planted_replies import PlantedReply
from visionflan.synthesize.filters import Rejection, ReplyFilter
from visionflan.synthesize.kinds import KINDS

NUM_REPLIES = 200  # good ones, and as many bad ones
FAULTS: dict[str, Callable[[int], PlantedReply]] = {
    "reply_empty": planted.with_empty,
    "reply_cut": planted.with_cut,
    "reply_refused": planted.with_refusal,
    "reply_malformed": planted.with_malformed,
    "annotations_mentioned": planted.with_talk,
    "label_contradicted": planted.with_contradiction,
    "label_lost": lambda number: planted.rewritten(number, is_bad=True),
    "reply_duplicate": planted.with_duplicate,
}


class FilterScore(NamedTuple):
    """How many replies a filter drops.

    Attributes:
        reason: of the filter.
        hits: bad replies that are dropped for this reason.
        dropped_bad: bad replies that are dropped for any reason.
        false_alarms: good replies that are dropped for this reason.
        num_bad: bad replies, and as many good ones.
    """

    reason: str
    hits: int
    dropped_bad: int
    false_alarms: int
    num_bad: int

    @property
    def precision(self) -> float:
        """The share of bad replies among those that are dropped for the reason."""
        return self.hits / max(1, self.hits + self.false_alarms)

    @property
    def recall(self) -> float:
        """The share of the bad replies that is dropped for the reason."""
        return self.hits / self.num_bad


def reason_of(reply: PlantedReply) -> str:
    """Return the reason why a reply is dropped; empty if it is not."""
    replies = ReplyFilter(KINDS[reply.kind])
    if reply.earlier is not None:
        replies.check(reply.earlier, reply.context)
    checked = replies.check(reply.reply, reply.context)
    return checked.reason if isinstance(checked, Rejection) else ""


def good_replies(reason: str, count: int) -> list[PlantedReply]:
    """Return the good replies that a filter should let through."""
    if reason == "label_lost":
        return [planted.rewritten(number, is_bad=False) for number in range(count)]
    return [planted.good(number) for number in range(count)]


def measure(count: int = NUM_REPLIES) -> Iterator[FilterScore]:
    """Yield the score of each filter."""
    for reason, plant in FAULTS.items():
        bad = [reason_of(plant(number)) for number in range(count)]
        alarms = [reason_of(reply) for reply in good_replies(reason, count)]
        dropped = sum(map(bool, bad))
        yield FilterScore(reason, bad.count(reason), dropped, alarms.count(reason), count)


def table(scores: Iterator[FilterScore]) -> Iterator[str]:
    """Yield the lines of the table in the documentation."""
    yield "| reason | precision | recall | dropped for any reason |"
    yield "| --- | --- | --- | --- |"
    for score in scores:
        share = score.dropped_bad / score.num_bad
        yield f"| `{score.reason}` | {score.precision:.3f} | {score.recall:.3f} | {share:.3f} |"


def misses(count: int) -> Iterator[str]:
    """Yield the replies on which a filter is wrong."""
    for reason, plant in FAULTS.items():
        for number in range(count):
            reply = plant(number)
            if (actual := reason_of(reply)) != reason:
                yield f"{reason}: dropped for {actual or 'nothing'}: {reply.reply.text!r}"
        for reply in good_replies(reason, count):
            if actual := reason_of(reply):
                yield f"{reason}: a good reply is dropped for {actual}: {reply.reply.text!r}"


def main() -> None:
    """Print the table, or the replies on which the filters are wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--replies", type=int, default=NUM_REPLIES)
    parser.add_argument("--misses", action="store_true")
    args = parser.parse_args()
    lines = misses(args.replies) if args.misses else table(measure(args.replies))
    for line in lines:
        print(line)


if __name__ == "__main__":
    main()
