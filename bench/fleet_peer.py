"""The peer of phones: a bare aiohttp WebSocket server that sends one text to all, or to one, and no more.

    python -m bench.fleet_peer PORT

Nothing is signed or stored. `POST /all` writes to everybody, `POST /one?number=N` to one. Who was told may
`GET /desired` and `POST /report`, which answer at once with the same few bytes for everybody.
"""

import sys
from contextlib import suppress

from aiohttp import web

ANSWER = b'{"signed":"' + b"0" * 1200 + b'"}'
TEXT = '{"look":"policy","version":0}'


def build() -> web.Application:
    sockets: dict[int, web.WebSocketResponse] = {}

    async def join(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=60, compress=False)
        await socket.prepare(request)
        sockets[id(socket)] = socket
        try:
            async for _ in socket:
                pass
        finally:
            sockets.pop(id(socket), None)
        return socket

    async def everybody(_request: web.Request) -> web.Response:
        for socket in list(sockets.values()):
            with suppress(ConnectionError):
                await socket.send_str(TEXT)
        return web.Response()

    async def one(request: web.Request) -> web.Response:
        found = list(sockets.values())
        await found[int(request.query["number"]) % len(found)].send_str(TEXT)
        return web.Response()

    async def question(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=ANSWER, content_type="application/json")

    app = web.Application()
    app.add_routes([web.get("/desired", question), web.post("/report", question)])
    app.add_routes([web.get("/ws", join), web.post("/all", everybody), web.post("/one", one)])
    return app


if __name__ == "__main__":
    web.run_app(build(), host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
