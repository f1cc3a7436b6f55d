"""Turns what a handler answered into bytes on the wire."""

import asyncio
import re
from collections.abc import AsyncIterator
from urllib.parse import quote

from aiohttp import WSCloseCode, hdrs, web
from pydantic import BaseModel

from core.logging import get_logger
from core.web.endpoint import Endpoint
from core.web.errors import RangeUnsatisfiable, UpgradeMissing
from core.web.problems import where_raised
from core.web.replies import (
    Cookie,
    FileReply,
    Html,
    RangeSource,
    Redirect,
    Reply,
    SocketReply,
    StreamReply,
)

_CHUNK = 64 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_log = get_logger(__name__)


async def respond(
    request: web.Request, endpoint: Endpoint, answer: object, *, secure: bool
) -> web.StreamResponse:
    """Send `answer`; for files and streams this is where the bytes flow."""
    if isinstance(answer, FileReply):
        return await _send_file(request, answer)
    if isinstance(answer, StreamReply):
        stream = web.StreamResponse(headers={hdrs.CONTENT_TYPE: answer.media_type, **answer.headers})
        if answer.file_name:
            stream.headers[hdrs.CONTENT_DISPOSITION] = _disposition("attachment", answer.file_name)
        return await _stream(request, stream, answer.chunks, write_timeout_s=answer.write_timeout_s)
    if isinstance(answer, SocketReply):
        return await _socket(request, answer)
    return _whole(endpoint, answer, secure=secure)


def _whole(endpoint: Endpoint, answer: object, *, secure: bool) -> web.Response:
    """Make the answers that fit into memory."""
    cookies: tuple[Cookie, ...] = ()
    match answer:
        case None:
            response = web.Response(status=endpoint.status)
        case BaseModel():
            response = _json(answer, endpoint.status)
        case Reply(body=body, status=status, headers=headers, cookies=cookies):
            status = status or endpoint.status
            response = web.Response(status=status) if body is None else _json(body, status)
            response.headers.update(headers)
        case Html(text=text, status=status, cookies=cookies):
            response = web.Response(text=text, content_type="text/html", status=status)
        case Redirect(location=location, cookies=cookies):
            response = web.Response(status=303, headers={hdrs.LOCATION: location})
        case _:
            raise TypeError(f"{endpoint.name} answered something that is not a reply")
    return _with_cookies(response, cookies, secure=secure)


def _json(model: object, status: int) -> web.Response:
    if not isinstance(model, BaseModel):
        raise TypeError("a JSON body is a pydantic model")
    text = model.model_dump_json(by_alias=True)
    return web.Response(text=text, status=status, content_type="application/json")


def _with_cookies(response: web.Response, cookies: tuple[Cookie, ...], *, secure: bool) -> web.Response:
    for cookie in cookies:
        response.set_cookie(
            cookie.name,
            cookie.value,
            max_age=cookie.max_age_s if cookie.value else 0,
            path="/",
            secure=secure,
            httponly=cookie.http_only,
            samesite="Strict",
        )
    return response


def _disposition(kind: str, file_name: str) -> str:
    """Name a file for the browser (RFC 6266, RFC 8187)."""
    return f"{kind}; filename*=UTF-8''{quote(file_name, safe='')}"


async def _send_file(request: web.Request, reply: FileReply) -> web.StreamResponse:
    size = reply.source.size
    begin, end, partial = _range(request, size, reply.etag)
    response = web.StreamResponse(status=206 if partial else 200)
    response.content_type = reply.media_type
    response.content_length = end - begin
    response.headers[hdrs.ACCEPT_RANGES] = "bytes"
    kind = "attachment" if reply.download else "inline"
    response.headers[hdrs.CONTENT_DISPOSITION] = _disposition(kind, reply.file_name)
    if reply.etag:
        response.headers[hdrs.ETAG] = f'"{reply.etag}"'
    if partial:
        response.headers[hdrs.CONTENT_RANGE] = f"bytes {begin}-{end - 1}/{size}"
    return await _stream(request, response, _slices(reply.source, begin, end))


def _range(request: web.Request, size: int, etag: str | None) -> tuple[int, int, bool]:
    """Give begin, end (exclusive) and whether only a part is asked for (RFC 9110 §14.2).

    Several ranges or a malformed header count as none, which the RFC allows.
    """
    match = _RANGE.fullmatch(request.headers.get(hdrs.RANGE, ""))
    condition = request.headers.get(hdrs.IF_RANGE)
    if match is None or match.group() == "bytes=-" or (condition is not None and condition != f'"{etag}"'):
        return 0, size, False
    first, last = match.groups()
    if not first:
        begin, end = max(0, size - int(last)), size
    else:
        begin, end = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < begin:
            return 0, size, False
    if begin >= end:
        raise RangeUnsatisfiable(size=size)
    return begin, end, True


async def _slices(source: RangeSource, begin: int, end: int) -> AsyncIterator[bytes]:
    while begin < end:
        chunk = await source.read(begin, min(_CHUNK, end - begin))
        if not chunk:
            raise EOFError("the file is shorter than its size")
        begin += len(chunk)
        yield chunk


async def _socket(request: web.Request, reply: SocketReply) -> web.WebSocketResponse:
    """Hold a WebSocket until its talk is over or the other side is gone."""
    socket = web.WebSocketResponse(
        heartbeat=reply.heartbeat_s, max_msg_size=reply.max_frame_bytes, compress=False
    )
    if request.method == hdrs.METH_HEAD or not socket.can_prepare(request).ok:
        raise UpgradeMissing
    await socket.prepare(request)
    try:
        await reply.talk(socket)
    except ConnectionError:
        pass  # the other side went away
    except Exception as error:  # noqa: BLE001 - no problem document fits in here any more
        _log.error("http.socket_broken", error_type=type(error).__name__, where=where_raised(error))
        await socket.close(code=WSCloseCode.INTERNAL_ERROR)
    return socket


async def _stream(
    request: web.Request,
    response: web.StreamResponse,
    chunks: AsyncIterator[bytes],
    *,
    write_timeout_s: float | None = None,
) -> web.StreamResponse:
    """Send chunks as they come. An error on the way cuts the connection: half a file never looks whole."""
    try:
        await response.prepare(request)
        if request.method == hdrs.METH_HEAD:
            return response
        async for chunk in chunks:
            async with asyncio.timeout(write_timeout_s):
                await response.write(chunk)
        await response.write_eof()
    except ConnectionError:
        pass  # the reader went away
    except Exception as error:
        if not response.prepared:
            raise  # nothing is out yet: a problem document can be sent
        _log.error("http.stream_broken", error_type=type(error).__name__, where=where_raised(error))
        response.force_close()
        if request.transport is not None:
            request.transport.abort()
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()
    return response
