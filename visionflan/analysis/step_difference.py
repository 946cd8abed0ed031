"""What sets a step apart from the most similar one of a study, in words."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from visionflan.analysis.step import Step
from visionflan.analysis.steps.conversations import ConversationsStep
from visionflan.analysis.steps.pretrain import PretrainStep
from visionflan.analysis.steps.train import TrainStep
from visionflan.train.config_io import ALTERNATIVES

RunnableStep = PretrainStep | TrainStep
UNSET = "none"
DIGEST_LENGTH = 64
# Groups whose settings are named alone, as are those of a stage, and groups that are one setting.
WITHOUT_PREFIX = ("stage",)
SINGLE = ("mixture", "parts")
# What is named after all other settings, since it follows from them or is a digest.
LAST = ("dtype", "build")


def describe_difference(step: RunnableStep, others: Iterable[Step]) -> str:
    """Return the first setting that differs from the most similar step of the same stage.

    Empty if there is one whose settings are the same, and which starts from another model.
    """
    own = setting_texts(step)
    candidates = [
        setting_texts(other)
        for other in others
        if isinstance(other, PretrainStep | TrainStep) and name_of(other) == name_of(step)
    ]
    if not candidates:
        return f"the study has no stage {name_of(step)}"
    differences = min((list(differing(own, other)) for other in candidates), key=len)
    return f"its settings differ: {differences[0]}" if differences else ""


def differing(own: Mapping[str, str], other: Mapping[str, str]) -> Iterator[str]:
    """Yield each setting that differs, with both values."""
    for name in sorted({**own, **other}, key=LAST.__contains__):
        mine, theirs = own.get(name, f"{name} {UNSET}"), other.get(name, f"{name} {UNSET}")
        if mine != theirs:
            setting = mine.partition(" ")[0]
            yield f"{mine} is not {theirs.removeprefix(f'{setting} ')}"


def name_of(step: Step) -> str:
    """Return the name of the stage that a step trains, or its kind."""
    return step.stage.name if isinstance(step, TrainStep) else step.kind


def setting_texts(step: RunnableStep) -> dict[str, str]:
    """Return `name value` of each setting, by its name; alternatives share the first name."""
    values = dict(leaves(step.settings()))
    if isinstance(step.build, ConversationsStep):
        values |= {
            "data.synthetic_conversations": str(step.build.count),
            "build": text(step.build.source.content),
        }
    texts = {name: f"{name} {value}" for name, value in values.items()}
    for first, second in ALTERNATIVES:
        if values.get(first) == UNSET and second in texts:
            texts[first] = texts[second]
        texts.pop(second, None)
    return texts


def leaves(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each setting."""
    for name, value in settings.items():
        if isinstance(value, dict) and name not in SINGLE:
            yield from leaves(value, prefix if name in WITHOUT_PREFIX else f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", text(value)


def text(value: Any) -> str:
    """Return a value as it is written on the command line, and a digest in short."""
    if value is None:
        return UNSET
    if isinstance(value, list):
        return ",".join(map(text, value)) or UNSET
    return value[:12] if isinstance(value, str) and len(value) == DIGEST_LENGTH else str(value)
