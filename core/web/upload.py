"""One uploaded file, read as it comes and never beyond its limit (RFC 7578, part named `file`).

A page's form sends its small fields before the file: they are read first, within limits of their own.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from core.web.errors import BodyMalformed, BodyTooLarge, MediaTypeUnsupported, RequestInvalid
from core.web.violations import sentence

_CHUNK = 64 * 1024
_MAX_FIELDS = 20
_MAX_FIELD_BYTES = 4096
MULTIPART = "multipart/form-data"
_MALFORMED = (ValueError, AssertionError, HttpProcessingError)
"""What aiohttp raises for parts, lengths and part headers that are no multipart."""


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
        except _MALFORMED as error:
            raise BodyMalformed from error

    async def read(self) -> bytes:
        """Give the whole content."""
        return b"".join([chunk async for chunk in self.chunks()])


@dataclass(frozen=True, slots=True)
class Leading:
    """What a multipart form sent before its file, and the file's part, which is not read yet."""

    fields: dict[str, str]
    file: BodyPartReader | None


_LEADING: web.RequestKey[Leading] = web.RequestKey("leading", Leading)


async def leading(request: web.BaseRequest) -> Leading:
    """Read the fields before the part named `file`, once. A field given twice is refused."""
    if _LEADING in request:
        return request[_LEADING]
    fields: dict[str, str] = {}
    file = None
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if isinstance(part, MultipartReader) or part.name is None:
                raise BodyMalformed
            if part.name == "file":
                file = part
                break
            if part.name in fields or len(fields) >= _MAX_FIELDS:
                raise BodyMalformed
            fields[part.name] = await _text(part)
    except _MALFORMED as error:
        raise BodyMalformed from error
    request[_LEADING] = Leading(fields, file)
    return request[_LEADING]


async def _text(part: BodyPartReader) -> str:
    data = bytearray()
    while chunk := await part.read_chunk(_MAX_FIELD_BYTES):
        data += chunk
        if len(data) > _MAX_FIELD_BYTES:
            raise BodyTooLarge(limit_bytes=_MAX_FIELD_BYTES)
    return bytes(data).decode("utf-8")


async def open_upload(request: web.BaseRequest, limit: int, *, fields_first: bool = False) -> Upload:
    """Find the part named `file`; raise if the request is not multipart or has none.

    It must be the first part, unless `fields_first`.
    """
    if request.content_type != MULTIPART:
        raise MediaTypeUnsupported(expected=MULTIPART)
    if fields_first:
        found: BodyPartReader | MultipartReader | None = (await leading(request)).file
    else:
        try:
            found = await (await request.multipart()).next()
        except _MALFORMED as error:
            raise BodyMalformed from error
    if found is None or isinstance(found, MultipartReader) or found.name != "file":
        raise RequestInvalid(sentence("body.file", "missing"))
    return Upload(found, limit)
