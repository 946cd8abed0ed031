"""Find faults in the declaration of a study before anything is trained."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from visionflan.analysis.claims import Claim
from visionflan.errors import DefinitionError

if TYPE_CHECKING:
    from visionflan.analysis.study import Arm, Study


def check_study(study: "Study") -> None:
    """Raise DefinitionError for the first problem of a study."""
    for problem in problems(study):
        raise DefinitionError(f"the study {study.title}: {problem}")


def problems(study: "Study") -> Iterator[str]:
    """Yield what is wrong with the fields of a study, and what to do."""
    from visionflan.analysis.study import Factor, Measure

    for field, kind in (("factors", Factor), ("measures", Measure), ("claims", Claim)):
        entries = getattr(study, field)
        if not isinstance(entries, tuple | list) or not all(isinstance(e, kind) for e in entries):
            yield f"its {field} must be a tuple of {kind.__name__}, with a comma after a single one"
            return
        if double := repeated(entry.name for entry in entries):
            yield f"two of its {field} are named {double!r}: give each its own name"
    if not study.measures:
        yield "it has no measure: declare at least one"
    yield from problems_of_entries(study)


def problems_of_entries(study: "Study") -> Iterator[str]:
    """Yield what is wrong with factors and claims."""
    for factor in study.factors:
        if not isinstance(factor.values, tuple | list) or not factor.values:
            yield f"the factor {factor.name} must have a tuple of values, with at least one"
    known = {measure.name for measure in study.measures}
    for claim in study.claims:
        if claim.measure not in known:
            yield (
                f"the claim {claim.name} is about {claim.measure}, which is no measure of it: use "
                f"{', '.join(sorted(known))}"
            )


def check_arms(study: "Study", arms: "list[Arm]") -> None:
    """Raise DefinitionError unless a study lists arms, each with a name and outputs of its own."""
    from visionflan.analysis.study import Arm

    if not arms:
        raise DefinitionError(f"the study {study.title} lists no arm: yield at least one")
    for arm in arms:
        if not isinstance(arm, Arm):
            raise DefinitionError(
                f"the study {study.title} lists {arm!r}, which is no arm: yield what "
                "`replicate.arm` returns"
            )
        if not arm.outputs:
            raise DefinitionError(
                f"the arm {arm.name} of the study {study.title} has no outputs, so it has nothing "
                "to measure: name at least one step"
            )
    if double := repeated(arm.name for arm in arms):
        raise DefinitionError(f"the study {study.title} has two arms {double}")


def check_same_arms(study: "Study", replicates: "Iterable[Mapping[str, Arm]]") -> None:
    """Raise DefinitionError unless all replicates have the same arms, which contrasts pair."""
    first, *others = replicates
    for other in others:
        if differing := sorted(first.keys() ^ other.keys()):
            raise DefinitionError(
                f"the study {study.title} has the arm {differing[0]} in some replicates only: list "
                "the same arms for every seed"
            )


def repeated(names: Iterable[str]) -> str:
    """Return the first name that comes a second time; empty if there is none."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return ""
