"""JSON of instances with their parts, as the authors of Vision-Flan keep them.

The page of the paper shows instances of this form (vision-flan.github.io, `data.json`):
`instance_id` is `dataset+task+number`, `img_path` the image, and the prompt is made from
`instruction`, `input_text` and `options`; `output` is the answer, and `raw_output` the label that
it was made from. A text has no marker for an image, so the image comes first.
"""

from pathlib import Path
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from visionflan.errors import BuildError, UnusableError
from visionflan.formats.base import ConversationRecord, Format
from visionflan.formats.exporting import exported_task, image_file_name, with_progress, write_images
from visionflan.formats.shared.conversations import (
    RawMessage,
    is_missing,
    make_conversation,
    malformed,
    optional_text,
)
from visionflan.formats.shared.exchange import closed_exchange
from visionflan.formats.shared.image_names import check_media, image_names, release_images
from visionflan.formats.shared.json_files import JsonList
from visionflan.formats.shared.json_release import JsonForm
from visionflan.formats.shared.leading_images import markers_first, without_markers
from visionflan.plural import counted
from visionflan.prompt import ParsedExchange, parse_options
from visionflan.storage.directory import BuildDirectory, Instances
from visionflan.storage.instance import Instance, Split

NAME = "vision_flan_instances"
PREFERRED = "human_preferred_output"


def write(build: BuildDirectory, instances: Instances, directory: Path, split: Split) -> None:
    """Write `<split>.json` and the images next to it.

    Raises BuildError for an instance of several exchanges or with a system prompt, which the form
    has no place for.
    """
    for instance in instances:
        if len(instance.turns) != 2:
            turns = counted(len(instance.turns), "turn")
            raise BuildError(
                f"{instance.id} has {turns}, but {NAME} has one question and one answer: choose "
                "another --format, or name the tasks to export in --tasks"
            )
    file = JsonList(directory / f"{split}.json")
    for instance in with_progress(instances, split):
        write_images(build, instance, directory / "images")
        file.add(to_record(build, instance))
    file.close()


def to_record(build: BuildDirectory, instance: Instance) -> dict[str, Any]:
    """Convert an instance of one question to a record; `id` is its id in the build."""
    question, answer = without_markers(instance.turns)
    instruction, input_text = instance.instruction, ""
    if instruction and question.startswith(f"{instruction}\n\n"):
        input_text = question.removeprefix(f"{instruction}\n\n")
    if not input_text:
        instruction = question
    images = [f"images/{image_file_name(build, image)}" for image in instance.images]
    official = exported_task(build, instance)
    dataset, plus, task = official.partition("+")
    return {
        "instance_id": f"{official}+{instance.key}",
        "id": instance.id,
        "img_path": images[0] if len(images) == 1 else images,
        "options": list(instance.options) if lists_options(question, instance.options) else [],
        "input_text": input_text,
        "raw_output": instance.target,
        "instruction": instruction,
        "output": answer,
        "dataset_name": dataset if plus else "",
        "task_name": task if plus else official,
    }


def lists_options(question: str, options: tuple[str, ...]) -> bool:
    """Return whether a question lists all options, in one of the ways that are in use."""
    if not options:
        return False
    lower = (f"({letter}) {one}" for letter, one in zip(ascii_lowercase, options, strict=False))
    upper = (f"{letter}. {one}" for letter, one in zip(ascii_uppercase, options, strict=False))
    ways = (lower, upper, ("||||".join(options),))
    return any(all(one in question for one in way) for way in ways)


def parse_record(record: dict[str, Any], images: Path) -> ConversationRecord:
    """Parse a record; raise UnusableError if trainers cannot read it."""
    check_media(record)
    names = record_images(record)
    options = record_options(record)
    instruction = optional_text(record, "instruction")
    text = optional_text(record, "input_text")
    question = "\n\n".join(filter(None, (instruction, text)))
    written = options_text(record, options)
    if written and written not in question and not lists_options(question, options):
        question = f"{question}\nOptions: {written}".removeprefix("\n")
    answer = optional_text(record, "output") or optional_text(record, "raw_output")
    messages = markers_first([RawMessage("user", question)], len(names))
    conversation = make_conversation([*messages, RawMessage("assistant", answer)], "", len(names))
    target = optional_text(record, "raw_output")
    preferred = () if is_missing(record.get(PREFERRED)) else (("columns_left_out", PREFERRED),)
    return ConversationRecord(
        task_name(record),
        release_images(names, images),
        conversation.turns,
        id=JSON.record_id(record),
        notes=(*conversation.notes, *preferred),
        exchange=closed_exchange(instruction, text, options, target, answer)
        or (ParsedExchange(instruction, text, (), answer) if instruction and text else None),
    )


def record_options(record: dict[str, Any]) -> tuple[str, ...]:
    """Return the options of a record: of a list, or of a text `(a) ... (b) ...`."""
    options = record.get("options")
    if is_missing(options):
        return ()
    if isinstance(options, str):
        return parse_options(options.strip())
    if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
        raise malformed("`options`", options)
    if len(options) > len(ascii_lowercase):
        raise UnusableError(
            "too_many_options", f"{counted(len(options), 'option')}, but only 26 letters"
        )
    return tuple(options)


def options_text(record: dict[str, Any], options: tuple[str, ...]) -> str:
    """Return the options as the prompt lists them; a text as it is."""
    if isinstance(text := record.get("options"), str):
        return text.strip()
    letters = zip(ascii_lowercase, options, strict=False)
    return " ".join(f"({letter}) {option}" for letter, option in letters)


def task_name(record: dict[str, Any]) -> str:
    """Return the official name of a record's task, `dataset+task`."""
    dataset, task = (optional_text(record, name) for name in ("dataset_name", "task_name"))
    if not task:
        return optional_text(record, "instance_id").rpartition("+")[0]
    return task if not dataset or task.startswith(f"{dataset}+") else f"{dataset}+{task}"


def record_images(record: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the images of a record: one, or a list of several."""
    return image_names(record, "img_path", objects=False)


JSON = JsonForm(
    noun="JSON of instances with `instance_id` and `img_path`",
    matches=lambda record: {"instance_id", "instruction"} <= record.keys(),
    parse=parse_record,
    names=record_images,
)
FORMAT = Format(
    NAME,
    files="{split}.json",
    write=write,
    read=JSON.find_release,
    recognize=JSON.recognize,
)
