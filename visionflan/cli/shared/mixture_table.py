"""A table of what each task contributes to the mixture of a stage."""

from collections.abc import Iterator

from visionflan.plural import counted
from visionflan.train.config import StageConfig, TrainConfig
from visionflan.train.mixture import mixture_shares
from visionflan.train.mixture_config import MixtureConfig
from visionflan.train.preflight import stage_task_counts


def mixture_table(config: TrainConfig, stage: StageConfig) -> Iterator[str]:
    """Yield the lines of the table of a stage; none if it has no mixture."""
    mixture = stage.data.mixture
    if mixture is None:
        return
    counts = stage_task_counts(config, stage)
    if counts is None:
        yield f"stage {stage.name}: its tasks are known once there is a build to count them in"
        return
    shares = list(mixture_shares(mixture, counts, config.seed))
    width = max(len("task"), *(len(share.task) for share in shares))
    yield f"stage {stage.name}: {describe_budget(mixture)}"
    yield f"{'task':{width}} {'available':>10} {'rate':>8} {'rows':>10}"
    for share in shares:
        rows = "-" if share.rows is None else f"{share.rows:,}"
        yield f"{share.task:{width}} {share.available:>10,} {share.share:>8.2%} {rows:>10}"


def describe_budget(mixture: MixtureConfig) -> str:
    """Return how much a mixture uses, in words."""
    if mixture.target_tokens is not None:
        return f"rows of {counted(mixture.target_tokens, 'target token')}, by these rates"
    if mixture.rows is not None:
        return f"{counted(mixture.rows, 'row')}, by these rates until a task has no more"
    if mixture.max_per_task is not None:
        return f"all rows, at most {mixture.max_per_task:,} of each task"
    return "all rows of the tasks whose weight is not 0"
