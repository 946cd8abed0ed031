"""Find and read the evaluations that are compared, and open the data that they were made on."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from visionflan.compare.results import Evaluation
from visionflan.errors import EvaluationError, VisionflanError
from visionflan.evaluate.benchmark_release import BenchmarkRelease
from visionflan.evaluate.records.files import BENCHMARKS, CHECKPOINT, EVALUATION, HEADER, RECORDS
from visionflan.evaluate.records.header import Header, read_header
from visionflan.evaluate.records.paths import STAGES, stage_order
from visionflan.evaluate.records.record import read_records
from visionflan.evaluate.requests import Source
from visionflan.storage.directory import BuildDirectory


class ComparisonInputs(NamedTuple):
    """The evaluation directories of both models."""

    before: list[Path]
    after: list[Path]


def find_inputs(before: Path, after: Path | None = None) -> ComparisonInputs:
    """Return the evaluations of two paths, or of the first and last stage of a single run."""
    if after is not None:
        return ComparisonInputs(find_evaluations(before), find_evaluations(after))
    stages = evaluated_stages(before)
    if len(stages) < 2:
        raise EvaluationError(one_sided_message(before, stages))
    answering = [stage for stage in STAGES if stage in stages]
    first, last = answering if len(answering) == len(STAGES) else (stages[0], stages[-1])
    return ComparisonInputs(stage_evaluations(before, first), stage_evaluations(before, last))


def one_sided_message(path: Path, stages: Sequence[str]) -> str:
    """Return why a path alone cannot be compared, and what to do."""
    example = "name two sides, as in `visionflan compare RUN/base RUN/chat`"
    if stages:
        return (
            f"{path} has evaluations of the stage {stages[0]} only, so there is nothing to compare "
            f"it with: run `visionflan evaluate` on another stage, or {example}"
        )
    find_evaluations(path)
    return f"{path} is only one side of a comparison: {example}"


def find_evaluations(path: Path) -> list[Path]:
    """Return the evaluation directories of a path.

    `path` is the directory of one or several evaluations, a table of records, a stage of a run, its
    checkpoint, or a run, of which the last stage is used.
    """
    directory = path.parent if path.is_file() or path.name == CHECKPOINT else path
    own = [directory] if (directory / HEADER).is_file() else []
    if evaluations := [*own, *subdirectories(directory)]:
        return evaluations
    if stages := evaluated_stages(directory):
        return stage_evaluations(directory, stages[-1])
    absolute = directory.resolve()
    if evaluations := stage_evaluations(absolute.parent, absolute.name):
        return evaluations
    if not path.exists():
        raise EvaluationError(f"{path} does not exist: name a run, a stage or an evaluation")
    raise EvaluationError(f"{path} has no evaluation: make one with `visionflan evaluate`")


def evaluated_stages(run: Path) -> list[str]:
    """Return the stages of a run that were evaluated, in the order of training."""
    headers = [*run.glob(f"{EVALUATION}/*/{HEADER}"), *run.glob(f"{BENCHMARKS}/*/*/{HEADER}")]
    names = {header.relative_to(run).parts[1] for header in headers}
    return sorted(names, key=lambda name: (stage_order(name), name))


def stage_evaluations(run: Path, stage: str) -> list[Path]:
    """Return the evaluations of one stage of a run: held-out tasks first, then benchmarks."""
    held_out = run / EVALUATION / stage
    first = [held_out] if (held_out / HEADER).is_file() else []
    return [*first, *subdirectories(run / BENCHMARKS / stage)]


def subdirectories(directory: Path) -> list[Path]:
    """Return the evaluations directly below a directory."""
    return sorted(header.parent for header in directory.glob(f"*/{HEADER}"))


def read_evaluations(directories: Iterable[Path]) -> list[Evaluation]:
    """Read complete evaluations."""
    evaluations = []
    for directory in directories:
        if not (directory / RECORDS).is_file():
            raise EvaluationError(
                f"{directory} has no {RECORDS}: its evaluation was interrupted; run the same "
                "command again to resume it"
            )
        records = read_records(directory / RECORDS)
        evaluations.append(Evaluation(str(directory), read_header(directory), records))
    return evaluations


def open_sources(evaluations: Sequence[Evaluation]) -> tuple[list[Source], list[str]]:
    """Return the builds and benchmark releases of the questions, and why others are missing."""
    sources: dict[tuple[str, str], Source] = {}
    missing: dict[str, None] = {}
    for header in (evaluation.header for evaluation in evaluations):
        for path in header.source_paths:
            if (header.benchmark, path) in sources:
                continue
            try:
                sources[header.benchmark, path] = open_source(header, Path(path))
            except (VisionflanError, OSError) as error:
                missing[str(error)] = None
    return list(sources.values()), list(missing)


def open_source(header: Header, path: Path) -> Source:
    """Open the benchmark release or the build that an evaluation was made on."""
    return BenchmarkRelease(header.benchmark, path) if header.benchmark else BuildDirectory(path)
