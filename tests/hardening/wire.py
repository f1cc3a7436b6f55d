"""Bytes straight onto the server's socket, for requests that no client library would send."""

import asyncio
from urllib.parse import urlsplit

PATIENCE_S = 60


async def said(url: str, data: bytes, *, then_close: bool = False) -> bytes:
    """Send bytes and give all that came until the server closed, or was silent after its answer."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    heard = b""
    try:
        writer.write(data)
        await writer.drain()
        if then_close:
            writer.write_eof()
        async with asyncio.timeout(PATIENCE_S):
            while chunk := await reader.read(65536):
                heard += chunk
    except ConnectionError:
        pass  # the server cut it off; what it said before counts
    finally:
        writer.close()
    return heard


def request(line: str, *headers: str, body: bytes = b"", host: str = "localhost") -> bytes:
    """Write a request that asks for the connection to be closed."""
    lines = (line, f"Host: {host}", "Connection: close", *headers)
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else 0


def head_of(answer: bytes) -> dict[str, str]:
    """Give the first answer's headers, by their lower-case names."""
    lines = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
