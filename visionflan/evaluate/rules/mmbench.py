"""How answers to MMBench are understood and added up: as its owners' toolkit does, and leniently.

Witness: open-compass/VLMEvalKit at e8e78f0, `vlmeval/utils/matching_util.py` (`can_infer`) and
`vlmeval/dataset/utils/multiple_choice.py`. The toolkit asks a judge about what these rules leave
open, and draws among the letters and `Z`, which is no option, where the judge fails; without a
judge an answer earns what that draw is expected to. Earlier releases of the toolkit took a lone
letter wherever it stood in an answer; this one wants it among the last four words.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from math import prod

from visionflan.evaluate.aggregate.bootstrap import Floats
from visionflan.evaluate.aggregate.measures import AggregateMetric, ratio
from visionflan.evaluate.judge.rubric import JudgeScore, Rubric
from visionflan.evaluate.metric import ParsedAnswer, ScoringContext, ScoringRule
from visionflan.evaluate.metrics.answer_parsing import read_option
from visionflan.evaluate.records.record import Record
from visionflan.llm.base import LlmRequest, Message

NONE = "Z"
REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
MARKS = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
# The letter may be the first of a word, and a small one: "the answer is a dog" says A.
TOLD = re.compile(r"(?:correct\s+)?answer\s+is\s+\**([ABCD])\**", re.IGNORECASE)
LAST_WORDS = 4

MATCHING = """\
Somebody was asked a question with options and answered in their own words. Say which option the \
answer means. If it means something clearly different from every option, say Z. Reply with one \
capital letter and nothing else.

Question: Which vehicle is parked by the kerb?
Options: A. tractor B. bicycle C. ambulance D. tram
Answer: It looks like a bike leaning on a post.
Letter: B

Question: Which vehicle is parked by the kerb?
Options: A. tractor B. bicycle C. ambulance D. tram
Answer: a sailing boat
Letter: Z

Question: {question}
Options: {options}
Answer: {answer}
Letter:"""


def official(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Score as the owners' toolkit does without a judge; `Z` is a wrong answer."""
    letter = inferred(answer, question.candidates, question.options)
    if letter == "":
        return ParsedAnswer(1 / (len(question.options) + 1), "", "unparsed")
    if letter == NONE:
        said_so = any(words in answer for words in REFUSALS)
        return ParsedAnswer(0.0, NONE, "refusal" if said_so else "parsed")
    option = question.options[question.candidates.index(letter)]
    return ParsedAnswer(float(letter in question.references), option)


def inferred(answer: str, letters: Sequence[str], options: Sequence[str]) -> str:
    """Infer the letter that is meant, `Z` for none of them; empty where neither can be told."""
    return letter_in(answer, letters) or letter_of_text(answer, letters, options)


def letter_in(answer: str, letters: Sequence[str]) -> str:
    """Find the one letter that stands alone among the last words, or that an answer is said to be.

    A lone letter further ahead is most likely an article.
    """
    if any(words in answer for words in REFUSALS):
        return NONE
    words = answer.translate(MARKS).split()
    alone = [letter for letter in letters if letter in words]
    if len(alone) == 1 and words.index(alone[0]) >= len(words) - LAST_WORDS:
        return alone[0]
    if not alone and NONE in words:
        return NONE
    told = TOLD.search(answer)
    letter = told[1].upper() if told else ""
    return letter if letter in letters else ""


def letter_of_text(answer: str, letters: Sequence[str], options: Sequence[str]) -> str:
    """Find the one option whose text an answer contains, if the answer is not much longer."""
    if len(answer.lower()) > 2 * sum(map(len, options)):
        return ""
    named = zip(letters, options, strict=True)
    found = [letter for letter, option in named if option.lower() in answer.lower()]
    return found[0] if len(found) == 1 else ""


def lenient(answer: str, question: ScoringContext) -> ParsedAnswer:
    """Ask only which option is meant, in whatever form; options can differ by signs alone."""
    read = read_option(answer, question.options)
    if read.score is not None:
        return read
    return read._replace(score=float(read.parsed == question.target))


def passes(record: Record) -> int:
    """Give how often the question of a record is asked."""
    return int(record.item_group.rpartition("/")[2])


def is_original(record: Record) -> bool:
    """Whether the options are as the release first has them."""
    return record.instance == record.item_group.rpartition("/")[0]


def circular(name: str, part: str = "") -> AggregateMetric:
    """Average over the originals whether all turns are right; a group that is not whole is out."""

    def asked(record: Record) -> bool:
        return part in ("", record.task.split("/", 1)[1])

    def cluster_sums(records: Sequence[Record], rule: ScoringRule) -> Sequence[float]:
        groups: defaultdict[tuple[str, str], list[Record]] = defaultdict(list)
        for record in records:
            if record.score(rule) is not None:
                groups[record.task, record.item_group].append(record)
        whole = [group for group in groups.values() if len(group) == passes(group[0])]
        return sum(prod(each.score(rule) or 0.0 for each in group) for group in whole), len(whole)

    def from_totals(totals: Floats) -> Floats:
        return ratio(totals[..., 0], totals[..., 1])

    return AggregateMetric(name, cluster_sums, from_totals, filter=asked)


def request(record: Record, _swapped: bool) -> LlmRequest:
    """Ask a judge which option an answer means."""
    named = zip(record.candidates, record.options, strict=True)
    content = MATCHING.format(
        question=record.judge_context,
        options=" ".join(f"{letter}. {option}" for letter, option in named),
        answer=record.response,
    )
    return LlmRequest((Message("user", content),), temperature=0.0, max_tokens=16)


def read_match(reply: str, record: Record, _swapped: bool) -> JudgeScore | None:
    """Read the letter that a judge gives, as the toolkit does; `E` says none where it is no letter.

    The first version of the prompt asked for `E`.
    """
    letter = inferred(reply, record.candidates, record.options)
    if not letter and "E" not in record.candidates and reply.strip(" .\n") == "E":
        letter = NONE
    return JudgeScore(float(letter in record.references)) if letter else None


rubric = Rubric("mmbench matching 1", request, read_match, scope="unparsed")
