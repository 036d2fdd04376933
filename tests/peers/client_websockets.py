"""Connects to the port that it is given, again and again, and echoes every message, by the package `websockets`."""

import asyncio
import logging
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

logging.disable(logging.CRITICAL)


async def work(uri):
    while True:
        try:
            async with connect(uri, compression=None, open_timeout=None, proxy=None) as connection:
                async for message in connection:
                    await connection.send(message)
        except (OSError, EOFError, WebSocketException):
            await asyncio.sleep(0.01)


async def main():
    uri = f"ws://127.0.0.1:{sys.argv[1]}/"
    await asyncio.gather(*(work(uri) for _ in range(4)))


asyncio.run(main())
