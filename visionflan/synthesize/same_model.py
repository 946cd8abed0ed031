"""A client whose replies all come from one model, as far as the server says."""

from visionflan.evaluate.models.served import ServerIdentity
from visionflan.llm.base import LlmCallError, LlmClient, LlmReply, LlmRequest, TokenPrices


class SameModelClient:
    """Calls a client, and refuses for good once another model has replied."""

    def __init__(
        self, client: LlmClient, identity: ServerIdentity, *, any_fingerprint: bool = False
    ) -> None:
        self.client, self.identity, self.any_fingerprint = client, identity, any_fingerprint

    @property
    def name(self) -> str:
        """The model that is requested."""
        return self.client.name

    @property
    def address(self) -> str:
        """The URL of the server."""
        return self.client.address

    @property
    def prices(self) -> TokenPrices | None:
        """The prices of tokens."""
        return self.client.prices

    def complete(self, request: LlmRequest, sample_index: int) -> LlmReply:
        """Call the model once; raise LlmCallError if it is not the one that replied first."""
        reply = self.client.complete(request, sample_index)
        fingerprint = "" if self.any_fingerprint else reply.fingerprint
        now = self.identity._replace(model=reply.model, fingerprint=fingerprint)
        if now != self.identity:
            hint = "" if now.model != self.identity.model else "; to ignore the fingerprint, add "
            raise LlmCallError(
                "fatal",
                f"{self.address} changed its model, from {self.identity.describe()} to "
                f"{now.describe()}: no reply of the second was stored"
                + (f"{hint}`--any-fingerprint`" if hint else ""),
                maybe_billed=True,
                reply=reply,
            )
        return reply
