"""Errors that a user can fix; the command line prints them without a traceback.

VisionflanError
    ReleaseError        a release on disk does not match its published layout
    UnusableError       a row cannot become an example; the ledger counts the reason
    UnknownNameError    no dataset, task, metric, ... has this name; suggests the nearest ones
    DefinitionError     the file of a dataset, benchmark, ... does not define what it must
    AuthoringError      the words of a task cannot be written to its file as requested
    ReviewError         a review cannot be read, or written as requested
    BuildError          a build directory is incomplete, or cannot be built as requested
    TrainingError       a stage cannot be trained as requested
    LlmError            a language model cannot be called, or gave no usable reply
    EvaluationError     records cannot be made, scored or joined as requested
    AnalysisError       a study cannot be declared, planned or run as requested
    UsageError          options of a command that do not go together
"""


class VisionflanError(Exception):
    """An error the user can fix; one sentence says what is wrong, where, and what to do."""


class ReleaseError(VisionflanError):
    """A release on disk does not match its published layout; the message names the file."""


class UnusableError(VisionflanError):
    """A row cannot become an example.

    Attributes:
        reason: the code that the ledger counts, such as `image_missing`.
        detail: what is wrong with this row.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type["UnusableError"], tuple[str, str]]:
        """Pickle with both parts."""
        return UnusableError, (self.reason, self.detail)


class UnknownNameError(VisionflanError):
    """A name is not known; the message suggests the nearest known ones."""


class DefinitionError(VisionflanError):
    """The file of a dataset, benchmark, ... does not define what it must, or shares its name."""


class AuthoringError(VisionflanError):
    """The words of a task cannot be written to its dataset file as requested."""


class ReviewError(VisionflanError):
    """A review of a task cannot be read, or written as requested."""


class BuildError(VisionflanError):
    """A build directory is incomplete, or cannot be built as requested."""


class TrainingError(VisionflanError):
    """A stage cannot be trained as requested, or with the data or checkpoint that it was passed."""


class LlmError(VisionflanError):
    """A language model cannot be called as requested, or gave no usable reply."""


class EvaluationError(VisionflanError):
    """Records cannot be made, scored or joined as requested."""


class AnalysisError(VisionflanError):
    """A study cannot be declared, planned or run as requested."""


class UsageError(VisionflanError):
    """Options of a command that do not go together; the exit code is that of wrong usage."""
