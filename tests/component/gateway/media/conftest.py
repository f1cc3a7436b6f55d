from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.blobs import InMemoryBlobStore
from tests.support.media import RtpPhone, write_notice


@pytest.fixture(scope="session")
def notice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_notice(tmp_path_factory.mktemp("prompts") / "notice.flac")


@pytest.fixture
def blobs() -> InMemoryBlobStore:
    return InMemoryBlobStore()


@pytest.fixture
async def phones() -> AsyncIterator[tuple[RtpPhone, RtpPhone]]:
    """Staff's and customer's."""
    pair = (RtpPhone.start(), RtpPhone.start())
    yield pair
    for phone in pair:
        phone.close()
