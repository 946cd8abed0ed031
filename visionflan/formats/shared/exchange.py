"""Find the options and the target of a conversation that was imported."""

from visionflan.formats.base import ConversationRecord
from visionflan.prompt import ParsedExchange, parse, parse_option_lines


def first_exchange(conversation: ConversationRecord) -> ParsedExchange:
    """Return the parts of the first exchange; options only where the prompt lists them clearly."""
    question, answer, *others = (t.text for t in conversation.turns if t.role != "system")
    parsed = None if others else parse(question, answer)
    if not others and not (parsed and parsed.options):
        parsed = parse_option_lines(question, answer)
    if parsed and parsed.options:
        return parsed
    return ParsedExchange("", "", (), answer)
