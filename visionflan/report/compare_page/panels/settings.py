"""The checkpoints, settings and benchmark versions behind the comparison."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from visionflan.compare.results import ComparedModel
from visionflan.evaluate.records.header import Header
from visionflan.report.compare_page.panel import Panel
from visionflan.report.compare_page.report import ComparisonReport, model_names


class SettingsView(NamedTuple):
    """The values that the panel shows."""

    missing_sources: Sequence[str]
    models: Mapping[str, ComparedModel]
    benchmarks: Sequence[Header]  # one for each benchmark, prompt style and version
    excluded: Mapping[str, Mapping[str, int]]  # question counts by task, by why they are excluded


def settings(report: ComparisonReport) -> SettingsView:
    """Return the settings of a comparison."""
    comparison, names = report.comparison, model_names(report.comparison)
    excluded = {
        f"only in {names.before}": comparison.only_before,
        f"only in {names.after}": comparison.only_after,
        "failed or not judged for one model": comparison.missing,
    }
    return SettingsView(
        missing_sources=report.missing_sources,
        models={names.before: comparison.before, names.after: comparison.after},
        benchmarks=list(benchmark_versions(report)),
        excluded={reason: counts for reason, counts in excluded.items() if counts},
    )


def benchmark_versions(report: ComparisonReport) -> Iterator[Header]:
    """Return the header of one evaluation of each benchmark, prompt style and version."""
    used = set()
    for evaluation in report.evaluations:
        header = evaluation.header
        version = header.benchmark, header.prompt_style, header.data_version
        if header.benchmark and version not in used:
            used.add(version)
            yield header


PANEL = Panel(title="Settings and digests", link="Settings", order=80, view=settings)
