"""Text of questions and responses as the pages show it."""

from visionflan.dataset import IMAGE_MARKER
from visionflan.evaluate.records.record import Record
from visionflan.prompt import format_option

MAX_CHARS = 400


def prompt_text(prompt: str) -> str:
    """Return a prompt without its image markers."""
    return prompt.replace(IMAGE_MARKER, "").strip()


def question_text(prompt: str) -> str:
    """Return what follows the instruction of a prompt, or the instruction if nothing does."""
    instruction, _, rest = prompt_text(prompt).partition("\n\n")
    return rest or instruction


def target_text(record: Record) -> str:
    """Return the target, with its letter if the prompt lists lettered options."""
    if record.target in record.options:
        return format_option(record.options, record.target)
    return record.target


def truncate_text(text: str) -> str:
    """Shorten text to `MAX_CHARS` characters and an ellipsis."""
    return text if len(text) <= MAX_CHARS else f"{text[:MAX_CHARS].rstrip()} …"
