"""Evaluate a model behind an OpenAI-compatible server, as a selection plans it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from visionflan.errors import EvaluationError
from visionflan.evaluate.image_policy import check_images
from visionflan.evaluate.models.cached import CachedModel
from visionflan.evaluate.models.served import AnswerClient, ServedModel
from visionflan.evaluate.plan import (
    EvalSelection,
    PlannedEvaluation,
    open_releases,
    plan_evaluations,
)
from visionflan.evaluate.records.files import HEADER, RESPONSE_CACHE, UNFINISHED
from visionflan.evaluate.records.header import read_header
from visionflan.evaluate.records.paths import CheckpointPaths
from visionflan.evaluate.requests import EvalRequest
from visionflan.evaluate.run import EvaluationResult, evaluate, list_requests, load_answered
from visionflan.evaluate.subject import EvalSubject
from visionflan.llm.base import ImagePart, LlmRequest, Message, TokenPrices
from visionflan.llm.batch import CallGuard
from visionflan.llm.budget import Budget, CostEstimate, Limits, estimate_cost
from visionflan.llm.openai_compatible import (
    MaxTokensField,
    read_api_key,
)
from visionflan.llm.retry import RetryPolicy
from visionflan.llm.server_url import validate_base_url
from visionflan.plural import counted
from visionflan.prompt import split_at_images

Log = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """A model on a server, how it is called, and how much at most."""

    url: str  # up to its /v1
    model: str  # that the server is to use
    api_key_env: str = ""  # the environment variable with the API key; empty: none
    prices: TokenPrices | None = None
    timeout_s: float = 120.0
    max_tokens_field: MaxTokensField = "max_tokens"
    limits: Limits = field(default_factory=lambda: Limits(workers=16))
    send_images: bool = False  # also to another machine
    any_fingerprint: bool = False  # ignore the fingerprint of responses

    def client(self) -> AnswerClient:
        """Return the client."""
        return AnswerClient(
            self.url,
            self.model,
            api_key=read_api_key(self.api_key_env) if self.api_key_env else "",
            timeout_s=self.timeout_s,
            prices=self.prices,
            max_tokens_field=self.max_tokens_field,
        )


def evaluate_served(
    server: ServerSettings,
    selection: EvalSelection,
    out: Path,
    log: Log,
    policy: RetryPolicy | None = None,
) -> list[EvaluationResult]:
    """Run the planned evaluations of a served model; return the directory and scores of each.

    Raises EvaluationError before anything is sent if an image must not be, or if the directory has
    answers of another model.
    """
    planned = plan_served(server, selection, out, log)
    guard = CallGuard(Budget(server.limits, server.prices), policy)
    served = ServedModel(server.client(), guard, any_fingerprint=server.any_fingerprint)
    for evaluation in planned:
        check_same_model(evaluation.out, served)
    log(f"{server.url} serves {served.identity.describe()}")
    subject = EvalSubject(
        model=CachedModel(served, out / RESPONSE_CACHE) if selection.cache else served,
        path=server.url,
        run=out.resolve().name,
        stage=server.model,
    )
    results = []
    for evaluation in planned:
        scores = evaluate(subject, evaluation.eval_set, evaluation.out, evaluation.settings, log)
        if not evaluation.is_part:
            results.append(EvaluationResult(evaluation.out, scores))
        log(f"{server.model}: {counted(scores['records'], 'answer')} in {evaluation.out}")
    budget = guard.budget
    cost = f", at most {budget.spent:.4f} US dollars" if server.prices else ""
    log(f"{server.model}: {counted(budget.calls, 'call')}{cost}")
    return results


def plan_served(
    server: ServerSettings, selection: EvalSelection, out: Path, log: Log
) -> list[PlannedEvaluation]:
    """Return the evaluations of a served model, after a check of what may be sent."""
    releases = open_releases(selection)
    paths = CheckpointPaths(out, out, server.model, out, out, out / RESPONSE_CACHE)
    if not (releases or selection.builds):
        raise EvaluationError(
            "a server does not record what its model was trained on: name a build with held-out "
            "tasks by `--build`, or benchmarks"
        )
    selection = replace(selection, loglikelihood=False)
    planned = list(plan_evaluations(selection, paths, releases))
    sets = [evaluation.eval_set for evaluation in planned]
    check_images(validate_base_url(server.url), sets, log, send_images=server.send_images)
    return planned


def check_same_model(out: Path, served: ServedModel) -> None:
    """Raise EvaluationError if a directory has answers of another model than is served now."""
    headers = [out / HEADER, *out.glob(f"{UNFINISHED}/*/{HEADER}")]
    for path in headers:
        if not path.is_file():
            continue
        stored = read_header(path.parent)
        if stored.checkpoint != served.digest:
            then = stored.model.server or {"checkpoint": stored.checkpoint[:12]}
            now = served.identity._asdict()
            changes = [
                f"{name} was {value!r} and is {now.get(name)!r}"
                for name, value in then.items()
                if now.get(name) != value
            ]
            raise EvaluationError(
                f"{path.parent} has answers of another model ({'; '.join(changes)}): name another "
                "directory with `--out`, or serve the former model again"
            )


def estimate_served(
    server: ServerSettings, planned: Sequence[PlannedEvaluation]
) -> Iterator[tuple[Path, CostEstimate]]:
    """Yield what the evaluations would cost, with no call at all.

    Answers in their directories are taken for those of the model that is served.
    """
    for evaluation in planned:
        requests = list_requests(evaluation.eval_set, evaluation.settings)
        answered = load_answered(evaluation.out, evaluation.eval_set.left_out)
        waiting = [request for request in requests if request.key not in answered]
        calls = [without_pixels(request, evaluation.settings.max_new_tokens) for request in waiting]
        estimate = estimate_cost(len(requests), len(requests) - len(calls), calls, server.prices)
        yield evaluation.out, estimate


def without_pixels(request: EvalRequest, max_tokens: int) -> LlmRequest:
    """Return a request as it is sent, with empty images: an estimate reads none."""
    content = tuple(
        ImagePart("") if part["type"] == "image" else part["text"]
        for part in split_at_images(request.item.prompt)
    )
    return LlmRequest((Message("user", content),), 0.0, max_tokens)
