"""Options, and yes and no, are read in every wording that the official rules of benchmarks read."""

from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from visionflan.evaluate import benchmarks
from visionflan.evaluate.benchmarks.mmbench import rules as mmbench
from visionflan.evaluate.benchmarks.mmmu import rules as mmmu
from visionflan.evaluate.metric import ScoringContext
from visionflan.evaluate.metrics.answer_parsing import read_option, read_yes_or_no
from visionflan.evaluate.metrics.exact_match import lenient

OPTIONS = ("a red bus", "a blue bus", "cat", "dog")
LETTERS = tuple("ABCD")

# By the owners' patterns: a lone capital among the last words; "answer is" and a letter; `(B)`; a
# lone capital between spaces, with marks around the whole; the words of one option.
BEGINNINGS = (
    *("", "I choose ", "The answer is ", "The correct answer is ", "It's ", "Answer: ", "Option "),
    *("The best choice would be ", "I would go with ", "So it must be ", "Therefore, "),
    *("My answer: ", "the final answer is **", "I think it is ", "Choice: ", "It could be "),
    *("Based on the image, the correct option is ", "Sure! The answer is: ", "answer is "),
)
FORMS = ("{}", "({})", "[{}]", "{{{}}}", "**{}**", "{}.", "{}:", "{}!", "{},", "{})", "{};", "*{}*")
ENDS = ("", ".", " is correct.", " is right", ", I think.", " here", "\n", "!", " I am sure.")


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_a_wording_that_an_official_rule_reads_is_read(beginning: str) -> None:
    num_official = 0
    for form, end, letter in product(FORMS, ENDS, LETTERS):
        answer = f"{beginning}{form.format(letter)}{end}"
        by_mmbench = mmbench.infer_letter(answer, LETTERS, OPTIONS)
        if letter in (by_mmbench, mmmu.stated_letter(answer, LETTERS, OPTIONS)):
            num_official += 1
            assert read_option(answer, OPTIONS).parsed == OPTIONS[LETTERS.index(letter)], answer
    assert num_official > 200


@given(
    st.sampled_from(BEGINNINGS),
    st.sampled_from(("", "the ", "it shows ", '"', "**")),
    st.sampled_from(OPTIONS),
    st.sampled_from(("", ".", " in the picture", '"', "**", "!", ", I think")),
)
def test_the_words_of_an_option_are_read_where_an_official_rule_reads_them(
    beginning: str, article: str, option: str, end: str
) -> None:
    answer = f"{beginning}{article}{option}{end}"
    assume(mmbench.letter_of_text(answer, LETTERS, OPTIONS))
    assert read_option(answer, OPTIONS).parsed == option


@pytest.mark.parametrize(
    "answer",
    [
        *("Option B is correct.", "B is correct.", "I choose B.", "It's B.", "B!", "[B]"),
        *("\\boxed{B}", "Answer: $B$", "The best choice would be B", "B, since it is blue"),
        *("Ｂ", "（Ｂ）", "<answer>B</answer>", "B.", "B:", "option b", "The answer is (B)"),
        *("B) a blue bus", "b a blue bus", "the blue bus", "**Answer:** B", "Ⓑ", "{B}", "'B'"),
        *("$\\boxed{\\text{B}}$", "The final answer is $\\boxed{B}$.", "B. I am confident."),
        *("B. The bus in the image is blue.", "Option A is wrong. Option B is correct."),
        *("The answer is B, not A", "B - a blue bus", "B.a blue bus", "a blue bus (B)"),
        *("It must be option B, a blue bus.", "B\n\nExplanation: A is red, C is a cat."),
        *("I would say B since the bus is blue in the image", "Not a cat but a blue bus"),
        *("It is not (a) or (c). The answer is (b).", "option (b): the blue bus", "B because of A"),
    ],
)
def test_an_option_is_read_in_wordings_that_models_use(answer: str) -> None:
    context = ScoringContext("a blue bus", ("a blue bus",), OPTIONS)
    assert lenient(answer, context).score == 1.0


@pytest.mark.parametrize(
    "answer",
    [
        *("It is not (b)", "(a) or (b)", "A or B", "B or C", "B, C", "A/B", "both B and C"),
        *("The answer is A or B", "neither A nor B", "not A or B", "(b) is incorrect", "not B"),
        *("B is not correct", "B isn't right", "everything but B", "anything but (b)"),
        *(
            "A. a red bus B. a blue bus",
            "(A) a red bus (B) a blue bus",
            "B dog",
            "b dog",
            "cat (B)",
        ),
        *("B - a red bus", "B) a red bus", "a red bus or a blue bus", "It is not a blue bus"),
        *("A photo of a bus", "None of them", "I cannot determine", "Vitamins", "", "E", "bus"),
        *("A blue car", "The answer is a dog", "The answer is not B", "Except B"),
    ],
)
def test_an_answer_that_names_no_one_option_is_not_right(answer: str) -> None:
    context = ScoringContext("a blue bus", ("a blue bus",), OPTIONS)
    assert lenient(answer, context).score == 0.0


def test_letters_of_the_options_themselves_are_not_letters_of_options() -> None:
    options = ("vitamin C", "vitamin B", "vitamin A")
    assert read_option("It is vitamin C.", options).parsed == "vitamin C"
    assert read_option("C", options).parsed == "vitamin A"
    assert read_option("(c) vitamin A", options).parsed == "vitamin A"
    assert read_option("(c) vitamin C", options).status == "ambiguous"


@pytest.mark.parametrize("answer", ["I", "The answer is I.", "It is I: the king", "(I)"])
def test_a_letter_beyond_the_options_is_none_of_them(answer: str) -> None:
    assert read_option(answer, OPTIONS) == (0.0, "", "unparsed")


def test_ten_options_leave_i_a_word() -> None:
    words = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    options = tuple(f"item {word}" for word in words)
    assert read_option("I would say C.", options).parsed == "item three"
    assert read_option("I", options).parsed == "item nine"
    assert read_option("The answer is I.", options).parsed == "item nine"


@pytest.mark.parametrize("name", ["pope", "mme"])
@pytest.mark.parametrize("label", ["yes", "no"])
def test_a_yes_or_no_that_an_official_rule_reads_is_read(name: str, label: str) -> None:
    official = benchmarks.load(name).metric.official
    context = ScoringContext(label.capitalize(), (label,))
    words = [label, label.capitalize(), label.upper()]
    behind = ("", ".", "!", ",", ", there is a dog", ". It is there.", "\n", ": it is so", "**")
    answers = [f"{word}{end}" for word in words for end in behind]
    answers += {
        "no": ["Not at all", "not there", "None", "There is no dog", "It is not there"]
    }.get(label, [])
    num_official = 0
    for answer in answers:
        num_official += official(answer, context).score == 1.0
        assert read_yes_or_no(answer).parsed == label, answer
    assert num_official > 10


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        *((answer, "") for answer in ("Not sure.", "Cannot tell.", "It is not possible to tell.")),
        *(
            (answer, "")
            for answer in ("It is not clear.", "I am not certain.", "Unknown", "unclear")
        ),
        ("There does not seem to be enough information.", ""),
        *(
            (answer, "")
            for answer in ("No idea", "There is no way to tell", "I don't know", "Unsure")
        ),
        *((answer, "") for answer in ("Not clear if it is there", "It can't be determined.")),
        *(
            (answer, "")
            for answer in ("yes and no", "Yes/No", "It is hard to say", "It is not yes")
        ),
        ("There isn't enough detail in the image", ""),
        ("No doubt, yes.", "yes"),
        ("No problem! Yes, there is a dog.", "yes"),
        ("Yeah", "yes"),
        ("Nope", "no"),
        ("True", "yes"),
        ("False.", "no"),
        ("Correct", "yes"),
        ("The correct answer is no", "no"),
        ("Certainly not", "no"),
        ("Absolutely", "yes"),
        ("No, there isn't", "no"),
        ("No, I cannot see any dog", "no"),
        ("I am not sure, but no", "no"),
        ("ＹＥＳ", "yes"),
        ("**No**", "no"),
        ("There is not only a dog: yes", "yes"),
    ],
)
def test_yes_and_no_are_told_from_not_knowing(answer: str, label: str) -> None:
    assert read_yes_or_no(answer).parsed == label
