"""Phrases of good and bad replies about drawn scenes, by which the filters were improved."""

import json
from collections.abc import Callable

from tests.helpers.phrase_set import PhraseSet, Rewrite

COLORS = ("red", "blue", "green", "yellow", "black", "white", "brown", "orange")

EXCHANGES = (
    ("What kind of place is this?", "This looks like a {site}, and an ordinary one."),
    ("How many {groups} can you see?", "There are {count} {groups} here."),
    ("How many {groups} are in the image?", "I count {digits} {groups} in total."),
    ("Is there a {absent} anywhere?", "No, there is no {absent} to be found."),
    ("Is there a {absent} in this scene?", "No, I do not see a {absent} here."),
    ("What color is the {single}?", "The {single} is {color}."),
    ("Which color does the {single} have?", "It is {color}, with a little dirt on it."),
    ("Do the {groups} stand together?", "One {group} is apart, and the rest form a group."),
    ("What stands out most?", "The {color} {single} draws the eye at once."),
    ("Is anything next to the {single}?", "Yes, one of the {groups} is right beside it."),
    ("What might happen next?", "Somebody may come and take the {single} away."),
    ("Does the scene look busy?", "Not really, it is calm, and the light is soft."),
    ("Is the {single} in use?", "It does not seem so, it is simply standing there."),
    ("Could this be early in the day?", "Yes, the long shadows would fit the morning."),
)
SENTENCES = (
    "The image shows a {site} with {count} {groups} and a {color} {single}.",
    "A {color} {single} stands at the edge of the {site}.",
    "Behind it are {count} {groups}, of which one is closer than the others.",
    "There is no {absent} in sight.",
    "Two of the {groups} are close together.",
    "The ground is gray, and a red sign hangs on a white wall.",
    "Soft light falls from the left and leaves long shadows.",
    "Nothing is moving, which makes the scene calm.",
    "The {single} looks as if it had been left there a moment ago.",
    "A narrow path leads from the front to the back.",
    "The background is blurred, so that the {groups} stand out.",
    "Somebody has left a blue blanket on the ground.",
)
CONTRADICTIONS = (
    "You can see {wrong_count} {groups}.",
    "A total of {wrong_count} {groups} is in view.",
    "It has {wrong_count} {groups}, all of the same size.",
    "Exactly {wrong_count} {groups} are in the scene.",
    "{wrong_count} {groups} are gathered here, no more and no less.",
    "The {groups} are {wrong_count} in number.",
    "The {single}, which is {wrong_color}, stands alone.",
    "The {single} is of a deep {wrong_color}.",
    "The color of the {single} is {wrong_color}.",
    "There is a {single} in {wrong_color} at the side.",
    "The {single} was painted in {wrong_color} not long ago.",
    "One {absent} is partly hidden.",
    "The {absent} on the left is large.",
    "Someone is holding a {absent}.",
    "A pair of {absent}s can be seen behind it.",
    "The {single} is missing from the scene.",
    "Not a single {group} is around.",
    "No {single} can be found here.",
)
CONTRADICTED_PAIRS = (
    ("Which color is the {single}?", "I would call it {wrong_color}."),
    ("How many {groups} do you count?", "I count {wrong_count} of them."),
    ("Does the image contain a {absent}?", "Yes, it does."),
    ("Can you see a {single} in this picture?", "No, I cannot find one."),
    ("What is the color of the {single}?", "{wrong_color}, as it seems."),
)
# Sentences of models that speak of their source instead of the image.
TALK = (
    "The first caption calls it a {site}.",
    "Per the annotations, {count} {groups} are present.",
    "This follows from the caption.",
    "The box around the {single} begins at 0.25.",
    "The provided labels confirm that it is {color}.",
    "Two of the captions name a {single}.",
    "The annotation file gives {count} {groups}.",
    "Given the labels, I would call it a {site}.",
    "It is stated in the description that the {single} is {color}.",
    "The answer in row 2 is {color}.",
    "As annotated, {count} {groups} are in view.",
    "The bounding box of the {single} is small.",
    "None of the captions speaks of a {absent}.",
    "The human labels say {color}.",
    "Relying on the metadata, I place this in a {site}.",
    "The information given says that it is a {site}.",
    "Your rows say that the {single} is {color}.",
    "The caption describes a {site}.",
    "Because the label is {site}, we know where this is.",
    "The ground truth label is {site}.",
    "I see in the data that the {single} is {color}.",
    "The coordinates [0.1, 0.2, 0.3, 0.4] belong to the {single}.",
    "From the captions we learn that nothing moves.",
    "The description does not name a {absent}.",
    "According to the question above, it is {color}.",
)
# Good sentences with the words of the above.
ALMOST_TALK = (
    "A caption is printed below the photo on the wall.",
    "The label of the jar has come off.",
    "A row of windows runs along the back.",
    "The sign describes how to open the door.",
    "A box stands open on the floor, and its lid is missing.",
    "The text on the board is a list of prices.",
    "Two people read the same description of a statue.",
    "A number is painted on the ground.",
)
# Good sentences that are unsure of something.
HEDGES = (
    "I cannot make out the words on the small sign.",
    "It is unclear whether the door behind it is open.",
    "Nobody can tell from here how deep the water is.",
    "What lies farther away is difficult to say.",
    "A sorry sight, the old fence is about to fall.",
)
REFUSALS = (
    "I'm not able to see images, but I can help with text.",
    "I am sorry, I cannot assist with creating this content.",
    "Since I am an AI, I have no eyes to see this with.",
    "I can't see any picture here.",
    "There isn't enough context for me to answer.",
    "Apologies, but this request is outside of what I can do.",
    "I'm afraid I can't do that.",
    "Unfortunately, the image did not load.",
    "This content may violate our usage policies.",
    "I cannot verify what the {single} looks like.",
    "I do not have access to the image.",
    "It cannot be determined from this.",
    "I'm unable to generate that.",
    "My apologies, I cannot complete this.",
    "I don't know what this shows.",
    "Could you please share the image with me?",
    "I will not answer questions about this {site}.",
    "As a language model, I can only work with text.",
    "No picture is attached.",
    "I need more information before I can write anything.",
)
EMPTY = ("", " ", "\n\n", "...", "-", "**", "\u2026", "?!", "''", "[ ]")


def drop_last_answer(text: str) -> str:
    """Return a conversation whose last question has no answer."""
    return text.rpartition("\nAnswer:")[0]


def swap_marks(text: str) -> str:
    """Return a conversation that begins with an answer."""
    return text.replace("Question:", "\0").replace("Answer:", "Question:").replace("\0", "Answer:")


MALFORMED: tuple[Callable[[str], str], ...] = (
    drop_last_answer,
    swap_marks,
    lambda text: text.split("\nQuestion:")[0],
    lambda text: text.replace("Question: ", "").replace("Answer: ", ""),
    lambda text: text.replace("Question:", "User:").replace("Answer:", "Assistant:"),
    lambda text: f"Sure! Here is the conversation that you asked for:\n\n{text}",
    lambda text: json.dumps([{"question": text, "answer": text}]),
    lambda text: "\n".join([text] * 5),
    lambda text: text.replace("Question: ", "Question: <image> ", 1),
    lambda text: text.replace("\nAnswer:", "\nQuestion:", 1),
)
KEEP_PLAIN = ("It's {t}.", "I would say that it is {t}.", "My answer is {t}.", "Here, it is {t}.")
REWRITES: dict[str, Rewrite] = {
    "color": (
        "What color is the {single}?",
        COLORS,
        COLORS,
        (
            "The {single} in this image is {t}.",
            "The color of the {single} is {t}.",
            "This {single} is mostly {t}.",
            "{T} is the color of the {single}.",
        ),
        (
            "The color of the {single} is {w}.",
            "This {single} is anything but {t}.",
            "The {single} has a strong color.",
            "The {single} is between {w} and {t}.",
            "The {single} was never {t}.",
        ),
    ),
    "exists": (
        "Is there a {single} in the image?",
        ("yes", "no"),
        (),
        ("{T}, this is the case.", "{T}, as one can see.", "{T} is the right answer.", "{T}!"),
        (
            "{W}, this is the case.",
            "A {single} has wheels or legs.",
            "{W}, as one can see.",
            "Perhaps there is one.",
            "{W} is the right answer.",
        ),
    ),
    "count": (
        "How many {groups} are there?",
        ("2", "3", "4", "5", "11"),
        (),
        (
            "The image has {t} {groups}.",
            "In total, there are {t} {groups}.",
            "{t} {groups} can be seen.",
            "One can see {t} of these.",
        ),
        (
            "The image has {w} {groups}.",
            "The image has more than one of the {groups}.",
            "There are not {t} {groups} here.",
            "In total, there are {w} {groups}.",
            "{w} {groups} can be seen.",
        ),
    ),
    "text": (
        "What does the sign say?",
        ("no parking", "main street", "open daily", "exit 12"),
        (),
        (
            '"{T}" is written on the sign.',
            "The text of the sign is {t}.",
            "The sign reads {T}, and nothing else.",
            "On the sign are the words {t}.",
        ),
        (
            '"{W}" is written on the sign.',
            "The sign is easy to read.",
            "The sign never mentions {t}.",
            "The text of the sign is {w}.",
            "The words on the sign are in capitals.",
        ),
    ),
}
TUNED = PhraseSet(
    exchanges=EXCHANGES,
    sentences=SENTENCES,
    contradictions=CONTRADICTIONS,
    contradicted_pairs=CONTRADICTED_PAIRS,
    talk=TALK,
    almost_talk=ALMOST_TALK,
    hedges=HEDGES,
    refusals=REFUSALS,
    empty=EMPTY,
    malformed=MALFORMED,
    keep_plain=KEEP_PLAIN,
    rewrites=REWRITES,
)
