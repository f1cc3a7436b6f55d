"""One uploaded file, read as it comes and never beyond its limit (RFC 7578, part named `file`)."""

from collections.abc import AsyncIterator

from aiohttp import BodyPartReader, MultipartReader, web

from core.web.errors import BodyMalformed, BodyTooLarge, MediaTypeUnsupported, RequestInvalid
from core.web.violations import sentence

_CHUNK = 64 * 1024


class Upload:
    """The file of a multipart request. `file_name` is what the sender claims: never a path, never logged."""

    def __init__(self, part: BodyPartReader, limit: int) -> None:
        self._part = part
        self._limit = limit
        self.file_name = (part.filename or "").replace("\\", "/").rsplit("/", 1)[-1][:200]
        self.media_type = part.headers.get("Content-Type", "application/octet-stream").split(";")[0].strip()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the content piece by piece; raise `BodyTooLarge` beyond the limit."""
        seen = 0
        try:
            while chunk := await self._part.read_chunk(_CHUNK):
                seen += len(chunk)
                if seen > self._limit:
                    raise BodyTooLarge(limit_bytes=self._limit)
                yield chunk
        except (ValueError, AssertionError) as error:
            raise BodyMalformed from error

    async def read(self) -> bytes:
        """Give the whole content."""
        return b"".join([chunk async for chunk in self.chunks()])


async def open_upload(request: web.BaseRequest, limit: int) -> Upload:
    """Find the part named `file`; raise if the request is not multipart or has none."""
    if request.content_type != "multipart/form-data":
        raise MediaTypeUnsupported(expected="multipart/form-data")
    try:
        reader = await request.multipart()
        part = await reader.next()
    except (ValueError, AssertionError) as error:
        raise BodyMalformed from error
    if part is None or isinstance(part, MultipartReader) or part.name != "file":
        raise RequestInvalid(sentence("body.file", "missing"))
    return Upload(part, limit)
