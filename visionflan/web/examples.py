"""Examples of tasks, which are read once and rendered with the words of each request."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from visionflan import catalog
from visionflan.authoring.lint import SPECIMEN_SIZE
from visionflan.authoring.task_answers import AnswerFacts
from visionflan.builder.preview import PreviewRow, collect_examples, sample_rows
from visionflan.dataset_code import write_specimen
from visionflan.web.recent_values import RecentValues
from visionflan.web.sources import Sources

NUM_EXAMPLES = 12
MAX_SAMPLES = 24  # that are in memory, with their images


class SampleKey(NamedTuple):
    """A task, where its examples are from, and the version of the code that makes them."""

    dataset: str
    task: str
    from_release: bool
    code: str


class ExampleSample(NamedTuple):
    """Examples of a task: those to show, what all of them have in common, and what was skipped."""

    rows: list[PreviewRow]
    facts: AnswerFacts
    skipped: list[str]


def example_cache(sources: Sources) -> RecentValues[SampleKey, ExampleSample]:
    """Return the examples of tasks by their keys."""

    def read(key: SampleKey) -> ExampleSample:
        root = sources.data_root if key.from_release else None
        sample = sample_rows(key.dataset, key.task, NUM_EXAMPLES, root)
        facts = AnswerFacts(sample.examples) if root else specimen_facts(key.dataset, key.task)
        return ExampleSample(sample.rows, facts, sample.skipped)

    return RecentValues(read, MAX_SAMPLES)


def specimen_facts(name: str, task: str) -> AnswerFacts:
    """Return the facts about the specimen that `visionflan check` draws, which is larger."""
    dataset = catalog.load(name)
    with TemporaryDirectory(prefix="visionflan-preview-") as directory:
        write_specimen(name, dataset, Path(directory), SPECIMEN_SIZE)
        examples, _ = collect_examples(name, dataset, task, Path(directory))
    return AnswerFacts(examples.values())
