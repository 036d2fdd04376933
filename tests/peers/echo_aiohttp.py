"""Echoes every message at /, by the package `aiohttp`. Prints its port."""

import asyncio
import logging

from aiohttp import WSMsgType, web

logging.disable(logging.CRITICAL)


async def echo(request):
    socket = web.WebSocketResponse(protocols=["echo.one", "echo.two"], compress=False)
    await socket.prepare(request)
    async for message in socket:
        if message.type == WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type == WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket


async def main():
    app = web.Application()
    app.router.add_get("/", echo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
