"""Accept the words of a release beside those that a task writes for its labels."""

import re


def accepted_names(target: str, *labels: str) -> tuple[str, ...]:
    """Return the target with each label as words and as the release writes it, equal ones once.

    `laptop_computer`, `laptop-computer` and `LaptopComputer` are written as words with spaces. If
    all labels are equal to the target, there are no references beside it.
    """
    names = {target.casefold(): target}
    for label in labels:
        words = re.sub(r"[_\s-]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label)).strip()
        for name in filter(None, (words, label.strip())):
            names.setdefault(name.casefold(), name)
    return tuple(names.values()) if len(names) > 1 else ()
