"""Find the evaluations of the two sides of a comparison, and what keeps their pictures."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from visionflan.compare.results import Evaluation
from visionflan.errors import EvaluationError, VisionflanError
from visionflan.evaluate.benchmark_release import BenchmarkRelease
from visionflan.evaluate.records.header import HEADER, Header, read_header
from visionflan.evaluate.records.paths import (
    BENCHMARKS,
    CHECKPOINT,
    EVALUATION,
    STAGES,
    stage_order,
)
from visionflan.evaluate.records.record import RECORDS, read_records
from visionflan.evaluate.requests import Source
from visionflan.storage.directory import BuildDirectory


class ComparisonInputs(NamedTuple):
    """The folders of the evaluations of what comes before, and of what comes after."""

    before: list[Path]
    after: list[Path]


def find_inputs(before: Path, after: Path | None = None) -> ComparisonInputs:
    """Find both sides; of a run alone its first stage is compared with its last."""
    if after is not None:
        return ComparisonInputs(evaluations(before), evaluations(after))
    phases = evaluated_phases(before)
    if len(phases) < 2:
        raise EvaluationError(one_sided_message(before, phases))
    chosen = [stage for stage in STAGES if stage in phases]
    first, last = chosen if len(chosen) == len(STAGES) else (phases[0], phases[-1])
    return ComparisonInputs(of_phase(before, first), of_phase(before, last))


def one_sided_message(path: Path, phases: Sequence[str]) -> str:
    """Say why a path by itself cannot be compared, and how two sides are named."""
    how = "two sides are named as in `visionflan compare RUN/base RUN/chat`"
    if phases:
        return (
            f"{path} holds evaluations of {phases[0]} alone, which has nothing to be compared "
            f"with: run `visionflan evaluate` on another phase, or name a second side ({how})"
        )
    evaluations(path)
    return f"{path} is one side alone and has nothing to be compared with; {how}"


def evaluations(path: Path) -> list[Path]:
    """Find the evaluations that a path means.

    It is the folder of one or of several, records, a phase of a run or its checkpoint, or a whole
    run, which means its last phase.
    """
    folder = path.parent if path.is_file() or path.name == CHECKPOINT else path
    held = [folder] if (folder / HEADER).is_file() else []
    if held := [*held, *within(folder)]:
        return held
    if phases := evaluated_phases(folder):
        return of_phase(folder, phases[-1])
    absolute = folder.resolve()
    if found := of_phase(absolute.parent, absolute.name):
        return found
    if not path.exists():
        raise EvaluationError(f"{path} does not exist: name a run, a phase or an evaluation")
    raise EvaluationError(f"{path} holds no evaluation: make one with `visionflan evaluate`")


def evaluated_phases(run: Path) -> list[str]:
    """Name the phases of a run that were asked anything, in the order of its stages."""
    headers = [*run.glob(f"{EVALUATION}/*/{HEADER}"), *run.glob(f"{BENCHMARKS}/*/*/{HEADER}")]
    names = {header.relative_to(run).parts[1] for header in headers}
    return sorted(names, key=lambda name: (stage_order(name), name))


def of_phase(run: Path, phase: str) -> list[Path]:
    """Find what one phase of a run was asked: held-out tasks, and benchmarks."""
    held_out = run / EVALUATION / phase
    found = [held_out] if (held_out / HEADER).is_file() else []
    return [*found, *within(run / BENCHMARKS / phase)]


def within(folder: Path) -> list[Path]:
    """Find the evaluations that lie directly in a folder."""
    return sorted(header.parent for header in folder.glob(f"*/{HEADER}"))


def read(folders: Iterable[Path]) -> list[Evaluation]:
    """Read evaluations that are whole."""
    read = []
    for folder in folders:
        if not (folder / RECORDS).is_file():
            raise EvaluationError(
                f"{folder} holds no {RECORDS}: its evaluation was stopped; run it again"
            )
        records = read_records(folder / RECORDS)
        read.append(Evaluation(str(folder), read_header(folder), records))
    return read


def sources(evaluations: Sequence[Evaluation]) -> tuple[list[Source], list[str]]:
    """Open the builds and releases that were asked about, and say which are not to be had."""
    opened: dict[tuple[str, str], Source] = {}
    missing: dict[str, None] = {}
    for each in evaluations:
        for path in each.header.source_paths:
            place = each.header.benchmark, path
            if place in opened:
                continue
            try:
                opened[place] = source(each.header, Path(path))
            except (VisionflanError, OSError) as fault:
                missing[str(fault)] = None
    return list(opened.values()), list(missing)


def source(header: Header, path: Path) -> Source:
    """Open what an evaluation asked about."""
    return BenchmarkRelease(header.benchmark, path) if header.benchmark else BuildDirectory(path)
