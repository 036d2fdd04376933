"""Echoes every message, by the package `websockets`. Prints its port."""

import asyncio
import logging

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

logging.disable(logging.CRITICAL)


async def echo(connection):
    try:
        async for message in connection:
            await connection.send(message)
    except ConnectionClosed:
        pass


def choose(_, offered):
    """The first that is known; none is needed."""
    return next((name for name in offered if name in ("echo.one", "echo.two")), None)


async def main():
    options = {
        "subprotocols": ["echo.one", "echo.two"],
        "select_subprotocol": choose,
        "origins": ["http://conform.test", None],
        "compression": None,
    }
    async with serve(echo, "127.0.0.1", 0, **options) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
