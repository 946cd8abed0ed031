"""Find faults in the declaration of a study before anything is trained."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from visionflan.analysis.arm import Arm
from visionflan.analysis.claims import Claim
from visionflan.analysis.factor import Factor
from visionflan.analysis.measure import Measure
from visionflan.errors import DefinitionError


def check_fields(
    title: str, factors: Sequence[Factor], measures: Sequence[Measure], claims: Sequence[Claim]
) -> None:
    """Raise DefinitionError for the first problem of the fields of a study."""
    for problem in problems(factors, measures, claims):
        raise DefinitionError(f"the study {title}: {problem}")


def problems(
    factors: Sequence[Factor], measures: Sequence[Measure], claims: Sequence[Claim]
) -> Iterator[str]:
    """Yield what is wrong with the fields of a study, and what to do."""
    fields: tuple[tuple[str, Sequence[Factor | Measure | Claim], type], ...] = (
        ("factors", factors, Factor),
        ("measures", measures, Measure),
        ("claims", claims, Claim),
    )
    for field, entries, kind in fields:
        if not isinstance(entries, tuple | list) or not all(isinstance(e, kind) for e in entries):
            yield f"its {field} must be a tuple of {kind.__name__}, with a comma after a single one"
            return
        if double := repeated(entry.name for entry in entries):
            yield f"two of its {field} are named {double!r}: give each its own name"
    if not measures:
        yield "it has no measure: declare at least one"
    yield from problems_of_entries(factors, measures, claims)


def problems_of_entries(
    factors: Sequence[Factor], measures: Sequence[Measure], claims: Sequence[Claim]
) -> Iterator[str]:
    """Yield what is wrong with factors and claims."""
    for factor in factors:
        if not isinstance(factor.values, tuple | list) or not factor.values:
            yield f"the factor {factor.name} must have a tuple of values, with at least one"
    known = {measure.name for measure in measures}
    for claim in claims:
        if claim.measure not in known:
            yield (
                f"the claim {claim.name} is about {claim.measure}, which is no measure of it: use "
                f"{', '.join(sorted(known))}"
            )


def check_arms(title: str, arms: Sequence[Arm]) -> None:
    """Raise DefinitionError unless a study lists arms, each with a name and outputs of its own."""
    if not arms:
        raise DefinitionError(f"the study {title} lists no arm: yield at least one")
    for arm in arms:
        if not isinstance(arm, Arm):
            raise DefinitionError(
                f"the study {title} lists {arm!r}, which is no arm: yield what "
                "`replicate.arm` returns"
            )
        if not arm.outputs:
            raise DefinitionError(
                f"the arm {arm.name} of the study {title} has no outputs, so it has nothing "
                "to measure: name at least one step"
            )
    if double := repeated(arm.name for arm in arms):
        raise DefinitionError(f"the study {title} has two arms {double}")


def check_same_arms(title: str, replicates: Iterable[Mapping[str, Arm]]) -> None:
    """Raise DefinitionError unless all replicates have the same arms, which contrasts pair."""
    first, *others = replicates
    for other in others:
        if differing := sorted(first.keys() ^ other.keys()):
            raise DefinitionError(
                f"the study {title} has the arm {differing[0]} in some replicates only: list "
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
