"""Finished examples of tasks, which are rendered once and kept for the next requests."""

from typing import NamedTuple

from visionflan.builder.preview import PreviewSample, render_examples
from visionflan.web.recent_values import RecentValues
from visionflan.web.sources import Sources

NUM_EXAMPLES = 12
MAX_SAMPLES = 24  # that are in memory, with their images


class SampleKey(NamedTuple):
    """A task, and where its examples are from."""

    dataset: str
    task: str
    from_release: bool


def example_cache(sources: Sources) -> RecentValues[SampleKey, PreviewSample]:
    """Return the examples of tasks by their keys."""

    def render(key: SampleKey) -> PreviewSample:
        root = sources.data_root if key.from_release else None
        return render_examples(key.dataset, key.task, NUM_EXAMPLES, root)

    return RecentValues(render, MAX_SAMPLES)
