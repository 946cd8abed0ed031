"""Measure the filters of `visionflan synthesize` on planted good and bad replies.

    python benchmarks/synthesis_filters.py [--replies 200] [--misses tuned]

For each reason: the precision (of the replies that are dropped for it, the share that has that
fault), the recall (of the replies with that fault, the share that is dropped for it), and the share
that is dropped at all; of replies with the phrases by which the filters were improved, and with
others by which no filter was changed. docs/synthesis.md has the table.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.helpers import planted_replies as planted
from tests.helpers.phrase_set import PhraseSet
from tests.helpers.planted_replies import PlantedReply
from tests.helpers.reply_phrases import TUNED
from tests.helpers.unseen_phrases import UNSEEN
from visionflan.synthesize.filters import Rejection, ReplyFilter
from visionflan.synthesize.kinds import KINDS

REWRITTEN = "label_lost"  # the reason that is for rewritten answers only
NUM_REPLIES = 200  # good ones, and as many bad ones
SETS = {"tuned": TUNED, "unseen": UNSEEN}
FAULTS: dict[str, Callable[[int, PhraseSet], PlantedReply]] = {
    "reply_empty": planted.with_empty,
    "reply_cut": planted.with_cut,
    "reply_refused": planted.with_refusal,
    "reply_malformed": planted.with_malformed,
    "annotations_mentioned": planted.with_talk,
    "label_contradicted": planted.with_contradiction,
    REWRITTEN: lambda number, phrases: planted.rewritten(number, phrases, is_bad=True),
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


def good_replies(phrases: PhraseSet, count: int, *, rewritten: bool) -> list[PlantedReply]:
    """Return the good replies that a filter should let through."""
    if rewritten:
        return [planted.rewritten(number, phrases, is_bad=False) for number in range(count)]
    return [planted.good(number, phrases) for number in range(count)]


def measure(phrases: PhraseSet, count: int = NUM_REPLIES) -> Iterator[FilterScore]:
    """Yield the score of each filter."""
    alarms = {
        rewritten: list(map(reason_of, good_replies(phrases, count, rewritten=rewritten)))
        for rewritten in (False, True)
    }
    for reason, plant in FAULTS.items():
        bad = [reason_of(plant(number, phrases)) for number in range(count)]
        num_alarms = alarms[reason == REWRITTEN].count(reason)
        yield FilterScore(reason, bad.count(reason), sum(map(bool, bad)), num_alarms, count)


def table(scores_of_sets: Sequence[Iterator[FilterScore]]) -> Iterator[str]:
    """Yield the lines of the table in the documentation."""
    yield "| reason | precision | recall | any reason | precision, unseen | recall, unseen | any |"
    yield "| --- |" + " --- |" * 6
    for scores in zip(*scores_of_sets, strict=True):
        cells = [
            f"{value:.3f}"
            for score in scores
            for value in (score.precision, score.recall, score.dropped_bad / score.num_bad)
        ]
        yield f"| `{scores[0].reason}` | {' | '.join(cells)} |"


def misses(phrases: PhraseSet, count: int) -> Iterator[str]:
    """Yield the replies on which a filter is wrong."""
    for reason, plant in FAULTS.items():
        for number in range(count):
            reply = plant(number, phrases)
            if (actual := reason_of(reply)) != reason:
                yield f"{reason}: dropped for {actual or 'nothing'}: {reply.reply.text!r}"
    for rewritten in (False, True):
        for reply in good_replies(phrases, count, rewritten=rewritten):
            if actual := reason_of(reply):
                yield f"a good reply is dropped for {actual}: {reply.reply.text!r}"


def main() -> None:
    """Print the table, or the replies on which the filters are wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--replies", type=int, default=NUM_REPLIES)
    parser.add_argument("--misses", choices=SETS)
    args = parser.parse_args()
    scores = [measure(phrases, args.replies) for phrases in SETS.values()]
    for line in misses(SETS[args.misses], args.replies) if args.misses else table(scores):
        print(line)


if __name__ == "__main__":
    main()
