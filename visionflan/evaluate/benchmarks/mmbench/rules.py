"""Answer parsing and circular evaluation of MMBench, as in its owners' toolkit.

Source: open-compass/VLMEvalKit at e8e78f0, `vlmeval/utils/matching_util.py` (`can_infer`) and
`vlmeval/dataset/utils/multiple_choice.py`. The toolkit asks a judge about answers that these rules
cannot parse, and draws among the letters and `Z`, which is not an option, if the judge fails;
without a judge an answer earns the expected score of that draw. Earlier releases of the toolkit
accepted a lone letter anywhere in an answer; this one wants it among the last four words.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from math import prod

from visionflan.evaluate.aggregate.intervals import Floats
from visionflan.evaluate.aggregate.measures import AggregateMetric, ratio
from visionflan.evaluate.judge.rubric import JudgeScore, Rubric
from visionflan.evaluate.metric import ParsedAnswer, ScoringContext, ScoringRule
from visionflan.evaluate.records.record import Record
from visionflan.llm.base import LlmRequest, Message

NO_OPTION = "Z"
REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
PUNCTUATION = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
# The letter may begin a word, and be lower case: "the answer is a dog" means A.
ANSWER_IS = re.compile(r"(?:correct\s+)?answer\s+is\s+\**([ABCD])\**", re.IGNORECASE)
NUM_LAST_WORDS = 4

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
    letter = infer_letter(answer, question.candidates, question.options)
    if letter == "":
        return ParsedAnswer(1 / (len(question.options) + 1), "", "unparsed")
    if letter == NO_OPTION:
        refused = any(phrase in answer for phrase in REFUSALS)
        return ParsedAnswer(0.0, NO_OPTION, "refusal" if refused else "parsed")
    option = question.options[question.candidates.index(letter)]
    return ParsedAnswer(float(letter in question.references), option)


def infer_letter(answer: str, letters: Sequence[str], options: Sequence[str]) -> str:
    """Return the letter that is meant, `Z` for none of them; empty if it cannot be inferred."""
    return letter_in(answer, letters) or letter_of_text(answer, letters, options)


def letter_in(answer: str, letters: Sequence[str]) -> str:
    """Return the only letter that is a word among the last words, or that follows "answer is".

    A lone letter before the last words is most likely an article.
    """
    if any(phrase in answer for phrase in REFUSALS):
        return NO_OPTION
    words = answer.translate(PUNCTUATION).split()
    lone = [letter for letter in letters if letter in words]
    if len(lone) == 1 and words.index(lone[0]) >= len(words) - NUM_LAST_WORDS:
        return lone[0]
    if not lone and NO_OPTION in words:
        return NO_OPTION
    match = ANSWER_IS.search(answer)
    letter = match[1].upper() if match else ""
    return letter if letter in letters else ""


def letter_of_text(answer: str, letters: Sequence[str], options: Sequence[str]) -> str:
    """Return the letter of the only option whose text is in an answer that is not much longer."""
    if len(answer.lower()) > 2 * sum(map(len, options)):
        return ""
    pairs = zip(letters, options, strict=True)
    matches = [letter for letter, option in pairs if option.lower() in answer.lower()]
    return matches[0] if len(matches) == 1 else ""


def num_rotations(record: Record) -> int:
    """Return how many rotations of its options the question of a record has."""
    return int(record.item_group.rpartition("/")[2])


def is_original(record: Record) -> bool:
    """Return whether the options are in the order of the original question."""
    return record.instance == record.item_group.rpartition("/")[0]


def circular_accuracy(name: str, part: str = "") -> AggregateMetric:
    """Return the share of original questions whose rotations are all answered correctly.

    A question whose rotations are not all scored is left out.
    """

    def in_part(record: Record) -> bool:
        return part in ("", record.task.split("/", 1)[1])

    def cluster_sums(records: Sequence[Record], rule: ScoringRule) -> Sequence[float]:
        groups: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        expected: dict[tuple[str, str], int] = {}
        for record in records:
            if (score := record.score(rule)) is not None:
                group = record.task, record.item_group
                groups[group].append(score)
                expected.setdefault(group, num_rotations(record))
        complete = [scores for key, scores in groups.items() if len(scores) == expected[key]]
        return sum(prod(scores) for scores in complete), len(complete)

    def from_totals(totals: Floats) -> Floats:
        return ratio(totals[..., 0], totals[..., 1])

    return AggregateMetric(name, cluster_sums, from_totals, filter=in_part)


def request(record: Record, _swapped: bool) -> LlmRequest:
    """Return the request which option an answer means."""
    pairs = zip(record.candidates, record.options, strict=True)
    content = MATCHING.format(
        question=record.judge_context,
        options=" ".join(f"{letter}. {option}" for letter, option in pairs),
        answer=record.response,
    )
    return LlmRequest((Message("user", content),), temperature=0.0, max_tokens=16)


def parse_match(text: str, record: Record, _swapped: bool) -> JudgeScore | None:
    """Parse the judge's letter as the toolkit does; `E` means none where it is not a letter.

    The first version of the prompt asked for `E`.
    """
    letter = infer_letter(text, record.candidates, record.options)
    if not letter and "E" not in record.candidates and text.strip(" .\n") == "E":
        letter = NO_OPTION
    return JudgeScore(float(letter in record.references)) if letter else None


RUBRIC = Rubric("mmbench matching 1", request, parse_match, scope="unparsed")
