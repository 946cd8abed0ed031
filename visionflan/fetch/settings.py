"""Limits of a download, and why an image was not downloaded."""

from dataclasses import dataclass
from typing import Literal

# What a failure leads to: another attempt at once, one in a later run, or none.
Action = Literal["retry", "later", "never"]


@dataclass(frozen=True, kw_only=True)
class FetchSettings:
    """Limits of a download.

    Attributes:
        concurrency: requests at the same time.
        per_host: requests, and so connections, to one host at the same time.
        timeout_s: seconds for one attempt, from the connection to the last byte.
        max_bytes: the most bytes of an image.
        max_retries: attempts after the first.
        initial_delay_s: seconds before the second attempt; they double with each.
        max_delay_s: a host that asks to wait for longer is left alone in this run.
        max_redirects: redirects that are followed for one image.
        allow_private_hosts: whether to connect to this machine and to private networks.
        retry_failed: whether to try again what failed for good in an earlier run.
    """

    concurrency: int = 32
    per_host: int = 2
    timeout_s: float = 60.0
    max_bytes: int = 64 << 20
    max_retries: int = 3
    initial_delay_s: float = 1.0
    max_delay_s: float = 300.0
    max_redirects: int = 5
    allow_private_hosts: bool = False
    retry_failed: bool = False


class FetchError(Exception):
    """An image was not downloaded.

    Attributes:
        reason: the code that the ledger counts, see docs/fetch.md.
        detail: what happened.
        action: whether to try again.
    """

    def __init__(self, reason: str, detail: str, action: Action = "never") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail, self.action = reason, detail, action
