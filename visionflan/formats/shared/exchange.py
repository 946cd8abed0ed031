"""Find the options and the target of a conversation that was imported."""

from string import ascii_lowercase

from visionflan.formats.base import ConversationRecord
from visionflan.prompt import ParsedExchange, parse, parse_option_lines


def first_exchange(conversation: ConversationRecord) -> ParsedExchange:
    """Return the parts of the first exchange.

    They are those of the release's own fields; options are else only where the prompt lists them
    clearly.
    """
    if conversation.exchange:
        return conversation.exchange
    question, answer, *others = (t.text for t in conversation.turns if t.role != "system")
    parsed = None if others else parse(question, answer)
    if not others and not (parsed and parsed.options):
        parsed = parse_option_lines(question, answer)
    if parsed and parsed.options:
        return parsed
    return ParsedExchange("", "", (), answer)


def closed_exchange(
    instruction: str, text: str, options: tuple[str, ...], target: str, answer: str
) -> ParsedExchange | None:
    """Return the parts of a question whose options a release has in a field.

    None unless one of them is surely the answer: several, no two equal, and the target among them.
    """
    folded = {option.strip().casefold() for option in options}
    if not 2 <= len(options) == len(folded) or len(options) > len(ascii_lowercase) or "" in folded:
        return None
    correct = next((one for one in (target, answer) if one in options), None)
    return ParsedExchange(instruction, text, options, correct) if correct else None
