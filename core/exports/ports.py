"""Who knows what belongs to a contact: the roof, which alone knows all wings."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from core.access.model import Principal
from core.exports.model import Chosen, Contents, Gathered


class EvidenceSource(Protocol):
    """Finds the evidence of contacts within a principal's reach."""

    async def contents(self, principal: Principal, chosen: Chosen) -> Contents:
        """Say what there is; raise `NothingFound`, `TooMuch`."""
        ...

    def gather(self, principal: Principal, chosen: Chosen) -> AbstractAsyncContextManager[Gathered]:
        """Give entries and attachments; raise as `contents` does."""
        ...
