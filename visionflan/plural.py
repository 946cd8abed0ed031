"""A number with its noun, for messages and pages."""


def counted(number: int, noun: str) -> str:
    """Return a number and a noun, in the plural unless the number is 1: "1 row", "2,300 rows"."""
    return f"{number:,} {noun if number == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """Return the regular plural of a noun, or of a phrase that ends with one."""
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
