"""The kinds of instances that a model writes, after the three of LLaVA-Instruct and rewriting."""

from typing import NamedTuple

from visionflan.catalog import unknown_name_error


class SynthesisKind(NamedTuple):
    """A kind of instance.

    Attributes:
        name: as on the command line.
        title: of its task.
        group: the group of tasks that it belongs to.
        writes_questions: whether the model writes the questions, or only an answer.
        exchanges: the least and the greatest number of questions.
    """

    name: str
    title: str
    group: str
    writes_questions: bool
    exchanges: tuple[int, int]


KINDS = {
    kind.name: kind
    for kind in (
        SynthesisKind("conversation", "Conversation about an image", "conversation", True, (2, 8)),
        SynthesisKind("detail", "Detailed description of an image", "generation", False, (1, 1)),
        SynthesisKind(
            "reasoning",
            "Question about an image that needs reasoning",
            "conversation",
            True,
            (1, 1),
        ),
        SynthesisKind(
            "rewrite", "Terse answer in complete sentences", "question answering", False, (1, 1)
        ),
    )
}


def find_kind(name: str) -> SynthesisKind:
    """Return the kind with this name; raise UnknownNameError if there is none."""
    if name not in KINDS:
        raise unknown_name_error("kind", name, list(KINDS), f"there is {', '.join(KINDS)}")
    return KINDS[name]
