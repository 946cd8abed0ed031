"""Write a build whose instances a language model wrote from the human-labeled rows of a build."""

import shutil
from collections.abc import Callable
from contextlib import closing
from typing import Any, NamedTuple

from visionflan.atomic_write import locked
from visionflan.builder.assemble import SOURCES
from visionflan.builder.dataset_card import SOURCE_LICENSES, add_licenses
from visionflan.builder.directory_writer import DirectoryWriter
from visionflan.errors import BuildError
from visionflan.evaluate.models.served import ServedModel, ServerIdentity
from visionflan.llm.batch import CallGuard
from visionflan.llm.budget import Budget
from visionflan.llm.cache import ReplyCache
from visionflan.llm.retry import RetryPolicy
from visionflan.plural import counted
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.schema import write_table
from visionflan.synthesize.instances import author_dataset, sources_table, task_info, task_of
from visionflan.synthesize.plan import SynthesisPlan
from visionflan.synthesize.same_model import SameModelClient
from visionflan.synthesize.session import SynthesisSession

Log = Callable[[str], None]


class SynthesisResult(NamedTuple):
    """A finished build, and what it took.

    Attributes:
        build: the build that was written.
        requests: replies that were needed, in this and in earlier runs.
        calls: calls of this run, with the short one that shows which model replies.
        usd: US dollars of this run, at most; None without prices.
        dropped: number of replies that became no instance, by reason.
    """

    build: BuildDirectory
    requests: int
    calls: int
    usd: float | None
    dropped: dict[str, int]


def synthesize(plan: SynthesisPlan, log: Log, policy: RetryPolicy | None = None) -> SynthesisResult:
    """Write the build of a plan; if it is stopped at any moment, the same call resumes.

    Raises LlmError if calls stop before there are enough instances, BuildError if another model
    than before replies or no reply became an instance.
    """
    plan.check_images(log)
    try:
        with locked(plan.unfinished / "lock"), closing(ReplyCache(plan.cache_path)) as cache:
            result = write(plan, cache, log, policy)
    finally:
        if plan.earlier_identity() is None:  # nothing was sent yet
            shutil.rmtree(plan.unfinished, ignore_errors=True)
    shutil.rmtree(plan.unfinished)
    return result


def write(
    plan: SynthesisPlan, cache: ReplyCache, log: Log, policy: RetryPolicy | None
) -> SynthesisResult:
    """Request what is missing, and write the build."""
    server = plan.server
    guard = CallGuard(Budget(server.limits, server.prices), policy)
    served = ServedModel(plan.client, guard, any_fingerprint=server.any_fingerprint)
    plan.check_identity(served.identity)
    log(f"{server.url} serves {served.identity.describe()}")
    client = SameModelClient(plan.client, served.identity, any_fingerprint=server.any_fingerprint)
    session = SynthesisSession(plan.kind, plan.maker, client, cache, guard)
    for source, count in plan.parts:
        session.run(source, count)
    write_build(plan, session, served.identity)
    usd = guard.budget.spent if server.prices else None
    return SynthesisResult(
        BuildDirectory(plan.out), session.num_requests, guard.budget.calls, usd, session.reasons()
    )


def write_build(plan: SynthesisPlan, session: SynthesisSession, identity: ServerIdentity) -> None:
    """Write the instances, their images, the ledger of what was dropped, and the sources."""
    if not session.instances:
        raise nothing_written(plan, session)
    with DirectoryWriter(plan.out, build_info(plan, session, identity)) as writer:
        writer.add_task(
            task_of(plan.server.model, plan.kind), task_info(plan.server.model, plan.kind)
        )
        for instance in session.instances:
            writer.add_image(plan.build.image(instance.images[0]))
            writer.add_instance(instance)
        for entry in session.dropped:
            writer.record_dropped(entry)
        write_table(plan.out / SOURCES, sources_table(session.sources))


def nothing_written(plan: SynthesisPlan, session: SynthesisSession) -> BuildError:
    """Return the error of a session without an instance, with an example of the main reason."""
    reasons = session.reasons()
    main = max(reasons, key=lambda reason: reasons[reason])
    example = next(entry.detail for entry in session.dropped if entry.reason == main)
    return BuildError(
        f"no reply of {plan.server.model} became an instance ({describe_reasons(reasons)}): change "
        f"the prompt with `--prompts`, or use another model; the first {main}: {example}"
    )


def build_info(
    plan: SynthesisPlan, session: SynthesisSession, identity: ServerIdentity
) -> dict[str, Any]:
    """Return what the manifest says about the build."""
    model = plan.server.model
    terms = plan.settings.terms or f"the terms of {model}, which were not stated with `--terms`"
    return {
        "name": author_dataset(model),
        "title": f"{plan.kind.title}, written by {model}",
        "license": f"text: {terms}",
        SOURCE_LICENSES: source_licenses(plan, session),
        "citation": f"written by {model} from the annotations of a build",
        "synthesized": {
            **plan.describe(identity),
            "requests_needed": session.num_requests,
            "dropped": session.reasons(),
        },
    }


def source_licenses(plan: SynthesisPlan, session: SynthesisSession) -> dict[str, list[str]]:
    """Return the licenses of the source build's datasets whose rows were used, with their names."""
    tasks = {"/".join(row.split("/")[:2]) for s in session.sources for row in s.rows}
    names = sorted({info.dataset for task, info in plan.build.tasks.items() if task in tasks})
    datasets = plan.build.manifest["datasets"]
    licenses: dict[str, list[str]] = {}
    for name in filter(datasets.__contains__, names):
        add_licenses(licenses, {str(datasets[name].get("license")): [name]})
        add_licenses(licenses, datasets[name].get(SOURCE_LICENSES, {}))
    return licenses


def describe_reasons(reasons: dict[str, int]) -> str:
    """Return the reasons with their numbers, in words."""
    return ", ".join(f"{name} {number:,}" for name, number in reasons.items())


def result_lines(result: SynthesisResult, count: int) -> list[str]:
    """Return the lines that tell what was written, and at what cost."""
    written = sum(entry["written"] for entry in result.build.manifest["tasks"].values())
    cost = "" if result.usd is None else f", at most {result.usd:.4f} US dollars"
    lines = [
        f"{result.build.path}: {counted(written, 'instance')} of {count:,} from "
        f"{counted(result.requests, 'request')}; {counted(result.calls, 'call')} in this run{cost}"
    ]
    if result.dropped:
        lines.append(f"  dropped: {describe_reasons(result.dropped)}")
    if written < count:
        lines.append(
            "  fewer than requested: the rows of the build, or two requests an instance, are used "
            "up"
        )
    return lines
