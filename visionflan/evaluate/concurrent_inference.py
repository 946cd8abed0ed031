"""Ask a model several questions at once, and record each answer as soon as it is there."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice

from visionflan.evaluate.inference import BatchRunner, RequestContext, in_batch_order
from visionflan.evaluate.models.base import (
    ConcurrentModel,
    EvalModel,
    EvaluationStoppedError,
)
from visionflan.evaluate.models.cached import CachedModel
from visionflan.evaluate.records.record import Record
from visionflan.evaluate.requests import EvalRequest

Answer = Future[list[Record]]


class ConcurrentRunner(BatchRunner):
    """Run single requests in several threads.

    If the model fails for good, the answers so far are recorded before the error is raised.
    """

    def __init__(
        self, model: EvalModel, context: RequestContext, concurrent: ConcurrentModel
    ) -> None:
        super().__init__(model, context, batch_size=1)
        self.concurrent = concurrent

    def records(self, requests: Sequence[EvalRequest]) -> Iterator[list[Record]]:
        """Yield the record of each request as it is answered."""
        waiting = iter(in_batch_order(requests))
        pending: set[Answer] = set()
        with ThreadPoolExecutor(self.concurrent.workers) as pool:
            try:
                while True:
                    count = 2 * self.concurrent.workers - len(pending)
                    pending |= {pool.submit(self.run_single, r) for r in islice(waiting, count)}
                    if not pending:
                        return
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    yield from answered(done)
                    raise_first_error(done)
            except BaseException as error:
                self.concurrent.stop()
                pool.shutdown(wait=True, cancel_futures=True)
                if isinstance(error, EvaluationStoppedError):
                    yield from answered(future for future in pending if not future.cancelled())
                raise


def answered(futures: Iterable[Answer]) -> Iterator[list[Record]]:
    """Yield the records of the futures that have some."""
    for future in futures:
        if future.exception() is None:
            yield future.result()


def raise_first_error(futures: Iterable[Answer]) -> None:
    """Raise the error that ended the evaluation, if one did."""
    errors = [error for future in futures if (error := future.exception()) is not None]
    if errors:
        raise next((e for e in errors if isinstance(e, EvaluationStoppedError)), errors[0])


def make_runner(model: EvalModel, context: RequestContext, batch_size: int) -> BatchRunner:
    """Return the runner of a model: by batches, or of single questions at once."""
    innermost = model.model if isinstance(model, CachedModel) else model
    if isinstance(innermost, ConcurrentModel):
        return ConcurrentRunner(model, context, innermost)
    return BatchRunner(model, context, batch_size)
