"""Python's websockets as a peer: `client PORT` of our server, or `server`, which prints its port."""
import asyncio
import sys

import websockets

LARGE = "é" * 200_000


async def client(port):
    url = f"ws://127.0.0.1:{port}/echo"
    async with websockets.connect(url, subprotocols=["x", "echo"]) as socket:
        assert socket.subprotocol == "echo", socket.subprotocol
        for message in ["", "text", b"", b"\0\xff", LARGE]:
            await socket.send(message)
            assert await socket.recv() == message
        await socket.send(["in ", "frag", "ments"])
        assert await socket.recv() == "in fragments"
        await (await socket.ping(b"here?"))
        for number in range(1000):
            await socket.send(str(number))
        for number in range(1000):
            assert await socket.recv() == str(number)
        await socket.close(4000, "enough")
    assert (socket.close_code, socket.close_reason) == (4000, ""), (socket.close_code, socket.close_reason)
    async with websockets.connect(url) as socket:
        await socket.send(b"x" * 2_000_000)
        try:
            await socket.recv()
        except websockets.ConnectionClosed:
            pass
    assert socket.close_code == 1009, socket.close_code
    try:
        async with websockets.connect(url, origin="https://elsewhere.test"):
            raise SystemExit("a page of elsewhere was let in")
    except websockets.InvalidHandshake as error:
        assert "403" in str(error), error


async def talk(socket):
    async for message in socket:
        if message == "close":
            return await socket.close(4001, "as asked")
        elif message == "ping":
            await (await socket.ping())
            await socket.send("pong")
        elif message == "fragments":
            await socket.send(["in ", "frag", "ments"])
        else:
            await socket.send(message)


async def server():
    async with websockets.serve(talk, "127.0.0.1", 0, subprotocols=["echo"], max_size=1 << 24) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()


asyncio.run(client(sys.argv[2]) if sys.argv[1] == "client" else server())
