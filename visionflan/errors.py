"""Every fault that a user can mend, so that the command line can tell them from ours.

VisionflanError
    ReleaseError        a release on disk is not what its owners publish
    UnusableError       a row cannot become an example; the ledger counts the reason
    UnknownNameError    a name that nothing carries; the message offers the nearest ones
    BuildError          a build directory is not whole, or cannot be made as asked
    TrainingError       a stage cannot be trained as asked
    LlmError            a language model cannot be called as asked, or gave no usable reply
    EvaluationError     records cannot be made, scored or joined as asked
    UsageError          a command was given what does not go together
"""


class VisionflanError(Exception):
    """A fault told in one sentence: what was found, what was expected, what to do."""


class ReleaseError(VisionflanError):
    """A release on disk is not what its owners publish; the message names the file and place."""


class UnusableError(VisionflanError):
    """A row cannot become an example, for a reason that the ledger counts."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type["UnusableError"], tuple[str, str]]:
        """Travel between processes with both parts."""
        return UnusableError, (self.reason, self.detail)


class UnknownNameError(VisionflanError):
    """A name that nothing here carries; the message offers the nearest ones."""


class BuildError(VisionflanError):
    """A build directory is not whole, or cannot be made as asked."""


class TrainingError(VisionflanError):
    """A stage cannot be trained as asked, or was handed what it cannot use."""


class LlmError(VisionflanError):
    """A language model cannot be called as asked, or gave no usable reply."""


class EvaluationError(VisionflanError):
    """Records cannot be made, scored or joined as asked."""


class UsageError(VisionflanError):
    """A command was given what does not go together; it ends with the code of wrong usage."""
